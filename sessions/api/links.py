"""Visitor links of a session."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Router, Schema, Status
from pydantic import Field

from operators.bearer import ApiRequest
from operators.models import Role
from sessions.access import get_link_for, get_session_for
from sessions.actions.links import create_link, revoke_link
from sessions.models import VisitorLink

router = Router(tags=["links"])


class LinkIn(Schema):
    expires_in_s: Annotated[int, Field(ge=1, le=366 * 24 * 3600)] | None = None
    max_uses: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    label: Annotated[str, Field(max_length=80)] = ""


class LinkOut(Schema):
    code: UUID
    url: str
    label: str
    expires_at: datetime
    max_uses: int | None
    uses: int
    revoked_at: datetime | None


@router.post("sessions/{uuid:code}/links", response={201: LinkOut})
def add_link(request: ApiRequest, code: UUID, body: LinkIn | None = None) -> Status[VisitorLink]:
    actor = request.auth
    session = get_session_for(actor, code, Role.OPERATOR)
    return Status(201, create_link(session, by=actor.label, **(body or LinkIn()).model_dump()))


@router.get("sessions/{uuid:code}/links", response=list[LinkOut])
def list_links(request: ApiRequest, code: UUID) -> list[VisitorLink]:
    return list(get_session_for(request.auth, code, Role.OPERATOR).links.all())


@router.delete("links/{uuid:code}", response={204: None})
def remove_link(request: ApiRequest, code: UUID) -> Status[None]:
    """Revoke the link and send its visitors out; they cannot come back with it."""
    actor = request.auth
    revoke_link(get_link_for(actor, code), by=actor.label)
    return Status(204, None)
