"""REST: the samples of a session."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Router
from pydantic import Field

from monitoring.samples.queries import samples_of
from operators.bearer import ApiRequest
from sessions.access import get_session_for

router = Router(tags=["samples"])


@router.get("sessions/{uuid:code}/samples", response=list[dict[str, Any]])
def list_samples(
    request: ApiRequest, code: UUID, since: datetime | None = None, limit: Annotated[int, Field(ge=1, le=10_000)] = 600
) -> list[dict[str, Any]]:
    """Once a second: CPU (of one core), memory, the host's steal, frame times. A missing reading is absent."""
    session = get_session_for(request.auth, code)
    return samples_of(session, since=since, limit=limit)
