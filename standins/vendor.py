"""What all stand-ins have in common: keys, behaviour, a record of requests, conversations."""

import asyncio
import hmac
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from standins.behaviour import OF_AVATARS, STATUS_OF_EVERYTHING, STATUS_OF_STARTS, Behaviour, Kind
from standins.card import Look
from standins.conversation import Conversation

KEPT_REQUESTS: Final = 200
KEPT_TEXT: Final = 200
SECRET_FIELDS: Final = frozenset(
    {"token", "livekit_token", "livekit_room_token", "image", "avatar_image", "api_secret"}
)


Model = TypeVar("Model", bound=BaseModel)


class Refusal(Exception):
    """The vendor says no. `code` is for vendors whose errors have one."""

    def __init__(
        self, status: int, message: str, *, code: str = "", details: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.details = status, message, code, details


@dataclass
class Record:
    """One request as it came in; `status` is None while it is not answered. Secrets are not in it."""

    method: str
    path: str
    content_type: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    behaviour: Kind = Kind.NORMAL
    status: int | None = None
    error: str = ""
    body: Any = None

    def seen(self) -> dict[str, Any]:
        return {**vars(self), "at": self.at.isoformat()}


RECORD: Final = web.RequestKey("record", Record)
BEHAVIOUR: Final = web.RequestKey("behaviour", Behaviour)  # that the request is met by


class Vendor(ABC):
    """One vendor: a handler raises `Refusal` for what it does not take."""

    name: ClassVar[str]
    look: ClassVar[Look]
    sample_rate: ClassVar[int]  # of the sound that it publishes, samples a second
    ends_when_out: ClassVar[bool]

    def __init__(self, key: str, behaviour: Behaviour) -> None:
        self._key = key
        self._behaviour = behaviour
        self._meets = behaviour.times
        self.records: deque[Record] = deque(maxlen=KEPT_REQUESTS)
        self.conversations: dict[str, Conversation] = {}

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Of the vendor's API, below the vendor's own path."""

    @abstractmethod
    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """The vendor's shape of an error."""

    @abstractmethod
    def fault(self, status: int) -> Refusal:
        """What the vendor says with a status that the behaviour asks for."""

    @property
    def behaviour(self) -> Behaviour:
        return self._behaviour

    def behave(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._meets = behaviour.times

    async def meet(self, request: web.Request) -> Behaviour:
        """The behaviour that this request is met by, after what it does to every request. Raises `Refusal`."""
        behaviour = self._behaviour
        kind = behaviour.behaviour
        if kind not in OF_AVATARS:
            self._count()
        if kind is Kind.SLOW:
            await asyncio.sleep(behaviour.length_s)
        elif kind in (Kind.SILENT, Kind.REFUSE):
            if kind is Kind.REFUSE and request.transport is not None:
                request.transport.close()
            await asyncio.Event().wait()  # until the client is gone, which cancels its handler
        elif kind in STATUS_OF_EVERYTHING:
            raise self.fault(STATUS_OF_EVERYTHING[kind])
        return behaviour

    def _count(self) -> None:
        """One more was met by the behaviour."""
        if self._meets is not None:
            self._meets -= 1
            if self._meets <= 0:
                self.behave(Behaviour())

    def answer(self, refusal: Refusal, behaviour: Behaviour) -> web.Response:
        headers = {"Retry-After": str(round(behaviour.length_s))} if refusal.status == 429 else None
        return web.json_response(self.error_body(refusal), status=refusal.status, headers=headers)

    def check_key(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._key.encode())

    def open_conversation(
        self, behaviour: Behaviour, *, url: str, token: str, spoil_token: bool = False, **details: Any
    ) -> Conversation:
        """A conversation whose avatar is on its way. Raises `Refusal` where the behaviour is one of starts alone."""
        if behaviour.behaviour in STATUS_OF_STARTS:
            raise self.fault(STATUS_OF_STARTS[behaviour.behaviour])
        if behaviour.behaviour in OF_AVATARS:
            self._count()
        conversation = Conversation(url=url, token=token, ends_when_out=self.ends_when_out, details=details)
        self.conversations[conversation.id] = conversation
        conversation.start(self.look, self.sample_rate, behaviour, spoil_token=spoil_token)
        return conversation

    def seen(self) -> dict[str, Any]:
        """What `GET /_standin/{vendor}` answers."""
        return {
            "vendor": self.name,
            "behaviour": self._behaviour.model_dump(mode="json") | {"times": self._meets},
            "requests": [record.seen() for record in self.records],
            "conversations": [conversation.seen() for conversation in self.conversations.values()],
        }

    async def aclose(self) -> None:
        for conversation in self.conversations.values():
            await conversation.end("the stand-in ended")


async def json_body(request: web.Request) -> Any:
    """Raises `Refusal` 415 for another content type and 400 for what is no JSON."""
    if request.content_type != "application/json":
        raise Refusal(415, "Content-Type must be application/json", code="UNSUPPORTED_TYPE")
    try:
        body = await request.json()
    except ValueError:
        raise Refusal(400, "The body is not valid JSON", code="VALIDATION_ERROR") from None
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object", code="VALIDATION_ERROR")
    request[RECORD].body = without_secrets(body)
    return body


def parsed(model: type[Model], body: Mapping[str, Any], status: int) -> Model:
    """Raises `Refusal` naming the fields that are wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        details: list[dict[str, Any]] = [
            dict(one) for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        text = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in details)
        raise Refusal(status, text, code="VALIDATION_ERROR", details=details) from None


def without_secrets(value: Any) -> Any:
    """A copy for the record: no tokens, no pictures, no long texts."""
    if isinstance(value, dict):
        return {
            name: f"({len(str(inner))} characters)" if name in SECRET_FIELDS and inner else without_secrets(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(inner) for inner in value]
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= KEPT_TEXT else f"({len(text)} characters)"
