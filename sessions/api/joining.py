"""The visitor's door: anonymous, by link token."""

import logging
from typing import Annotated

from django.http import HttpRequest
from django.utils import translation
from ninja import Router, Schema
from ninja.throttling import AnonRateThrottle
from pydantic import Field
from redis import RedisError

from sessions.actions.links import JoinTicket, join, link_language

logger = logging.getLogger(__name__)
router = Router(tags=["joining"])


class JoinThrottle(AnonRateThrottle):
    """So many joins a while from one address; as many as come while Redis is away."""

    def allow_request(self, request: HttpRequest) -> bool:
        try:
            return super().allow_request(request)
        except RedisError:
            logger.warning("joins are not counted: Redis is away")  # visitors with a good link must get in just then
            return True


class JoinIn(Schema):
    name: Annotated[str, Field(max_length=80)] = ""
    visit: Annotated[str, Field(max_length=64)] | None = None


class JoinOut(Schema):
    livekit_url: str
    token: str
    identity: str
    visit: str


@router.post("join/{token}", response=JoinOut, auth=None, throttle=[JoinThrottle("120/m")])
def enter(request: HttpRequest, token: str, body: JoinIn | None = None) -> JoinTicket:
    """A room token for a visitor. `visit` resumes an earlier visit of the same page. 404, 410, 429 with a sentence."""
    body = body or JoinIn()
    with translation.override(link_language(token) or translation.get_language_from_request(request)):
        return join(token, name=body.name, visit_code=body.visit)
