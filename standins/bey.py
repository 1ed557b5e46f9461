"""Beyond Presence. Measured: start, by its LiveKit plugin. [D] docs.bey.dev: shapes of start, get, list and avatars."""

from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from standins.behaviour import Kind
from standins.card import Look
from standins.conversation import Conversation, State
from standins.tavus import LiveKitUrl
from standins.vendor import BEHAVIOUR, Refusal, Vendor, json_body, parsed

AVATARS: Final = {"b9be11b8-89fb-4227-8f86-4a881393cbdb": "Ege", "694c83e2-8895-4a98-bd16-56332ca3f449": "Nelly"}
_STATUS: Final = {State.STARTING: "to_start", State.JOINED: "started", State.LEFT: "ended", State.ENDED: "ended"}


class Start(BaseModel):
    avatar_id: str
    url: LiveKitUrl
    token: Annotated[str, Field(min_length=1)]
    transport: Literal["livekit"] = "livekit"


class BeyondPresence(Vendor):
    name = "bey"
    look = Look("Beyond Presence", (96, 120, 40))
    sample_rate = 16_000
    ends_when_out = True  # there is no call that ends one

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/sessions", self._start),
            web.get("/v1/sessions", self._list),
            web.get("/v1/sessions/{id}", self._get),
            web.get("/v1/avatars", self._avatars),
        ]

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """FastAPI's [D]."""
        if refusal.details is None:
            return {"detail": refusal.message}
        return {"detail": [{**one, "loc": ["body", *one["loc"]]} for one in refusal.details]}

    def fault(self, status: int) -> Refusal:
        return Refusal(status, _FAULTS[status])

    async def _start(self, request: web.Request) -> web.Response:
        self._authorize(request)
        order = parsed(Start, await json_body(request), 422)
        if order.avatar_id not in AVATARS:
            raise Refusal(404, "Avatar not found")
        behaviour = request[BEHAVIOUR]
        spoil = behaviour.behaviour is Kind.EXPIRED_TOKEN
        session = self.open_conversation(
            behaviour, url=order.url, token=order.token, spoil_token=spoil, avatar_id=order.avatar_id
        )
        return web.json_response(_shown(session), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        self._authorize(request)
        return web.json_response({"data": [_shown(one) for one in self.conversations.values()], "has_more": False})

    async def _get(self, request: web.Request) -> web.Response:
        self._authorize(request)
        session = self.conversations.get(request.match_info["id"])
        if session is None:
            raise Refusal(404, "Session not found")
        return web.json_response(_shown(session))

    async def _avatars(self, request: web.Request) -> web.Response:
        self._authorize(request)
        data = [{"id": key, "name": name, "status": "available"} for key, name in AVATARS.items()]
        return web.json_response({"data": data, "has_more": False})

    def _authorize(self, request: web.Request) -> None:
        if not self.check_key(request.headers.get("x-api-key")):
            raise self.fault(401)


_FAULTS: Final = {
    401: "Invalid API key",
    402: "Not enough credits",
    403: "The plan of this account does not include this",
    429: "Too many concurrent sessions",
    500: "Internal Server Error",
}


def _shown(session: Conversation) -> dict[str, Any]:
    return {
        "id": session.id,
        "status": {"type": _STATUS[session.state]},
        "url": session.url,
        "transport": "livekit",
        **session.details,
    }
