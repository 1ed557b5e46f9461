"""The visitor's door: anonymous, by link token."""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.throttling import AnonRateThrottle
from pydantic import Field

from sessions.actions.links import JoinTicket, join

router = Router(tags=["joining"])


class JoinIn(Schema):
    name: Annotated[str, Field(max_length=80)] = ""
    visit: Annotated[str, Field(max_length=64)] | None = None


class JoinOut(Schema):
    livekit_url: str
    token: str
    identity: str
    visit: str


@router.post("join/{token}", response=JoinOut, auth=None, throttle=[AnonRateThrottle("120/m")])
def enter(request: HttpRequest, token: str, body: JoinIn | None = None) -> JoinTicket:
    """A room token for a visitor. `visit` resumes an earlier visit of the same page. 404, 410, 429 with a sentence."""
    body = body or JoinIn()
    return join(token, name=body.name, visit_code=body.visit)
