"""Tavus. Measured: start, by its LiveKit plugin. [D] docs.tavus.io: end, get, list, PALs, faces."""

from datetime import UTC
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from standins.behaviour import Kind
from standins.card import Look
from standins.conversation import Conversation
from standins.vendor import BEHAVIOUR, Refusal, Vendor, json_body, parsed

# the stock ones that the plugin takes where none are given
PALS: Final = {"pb87e71797da": "r4067604db72", "pcb7a34da5fe": "r90bbd427f71"}  # with their default faces
FACES: Final = {"r4067604db72": "Lucy - Home", "r90bbd427f71": "Anna"}


def websocket_url(url: str) -> str:
    if urlsplit(url).scheme not in ("ws", "wss", "http", "https") or not urlsplit(url).hostname:
        raise ValueError("Not a valid LiveKit URL.")
    return url


LiveKitUrl = Annotated[str, AfterValidator(websocket_url)]


class Transport(BaseModel):
    model_config = ConfigDict(strict=True)

    livekit_ws_url: LiveKitUrl
    livekit_room_token: str = Field(min_length=1)


class Start(BaseModel):
    """`persona_id` and `replica_id` are the older names of PAL and face."""

    model_config = ConfigDict(strict=True)

    pal_id: str | None = None
    persona_id: str | None = None
    face_id: str | None = None
    replica_id: str | None = None
    conversation_name: str | None = None
    properties: Transport


class Tavus(Vendor):
    name = "tavus"
    look = Look("Tavus", (150, 70, 90))
    sample_rate = 24_000
    ends_when_out = False  # its documentation knows the end call and time limits only

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v2/conversations", self._start),
            web.get("/v2/conversations", self._list),
            web.get("/v2/conversations/{id}", self._get),
            web.post("/v2/conversations/{id}/end", self._end),
            web.get("/v2/pals/{id}", self._pal),
            web.get("/v2/faces/{id}", self._face),
        ]

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        return {"message": refusal.message}

    def fault(self, status: int) -> Refusal:
        return Refusal(status, _FAULTS[status])

    async def _start(self, request: web.Request) -> web.Response:
        self._authorize(request)
        order = parsed(Start, await json_body(request), 400)
        pal, face = order.pal_id or order.persona_id, order.face_id or order.replica_id
        if pal is None:
            raise Refusal(400, "pal_id: Missing data for required field.")
        if pal not in PALS:
            raise Refusal(400, "Invalid pal_id")
        if face is not None and face not in FACES:
            raise Refusal(400, "Invalid face_id")
        behaviour = request[BEHAVIOUR]
        conversation = self.open_conversation(
            behaviour,
            url=order.properties.livekit_ws_url,
            token=order.properties.livekit_room_token,
            spoil_token=behaviour.behaviour is Kind.EXPIRED_TOKEN,
            pal_id=pal,
            face_id=face or PALS[pal],
            conversation_name=order.conversation_name or "",
        )
        return web.json_response(_shown(conversation))

    async def _list(self, request: web.Request) -> web.Response:
        self._authorize(request)
        limit, page = _number(request, "limit", 10), _number(request, "page", 1)
        status = request.query.get("status")
        found = [one for one in map(_shown, self.conversations.values()) if status in (None, one["status"])]
        return web.json_response({"data": found[(page - 1) * limit : page * limit], "total_count": len(found)})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(_shown(self._conversation(request)))

    async def _end(self, request: web.Request) -> web.Response:
        conversation = self._conversation(request)
        if not conversation.open:
            raise Refusal(400, "The conversation has already ended")
        await conversation.end("ended by the API")
        return web.json_response({})

    async def _pal(self, request: web.Request) -> web.Response:
        self._authorize(request)
        pal = request.match_info["id"]
        if pal not in PALS:
            raise Refusal(404, "PAL not found")
        return web.json_response({"data": [{"pal_id": pal, "pal_name": "Stand-in", "default_face_id": PALS[pal]}]})

    async def _face(self, request: web.Request) -> web.Response:
        self._authorize(request)
        face = request.match_info["id"]
        if face not in FACES:
            raise Refusal(404, "Face not found")
        return web.json_response({"face_id": face, "face_name": FACES[face], "status": "completed"})

    def _authorize(self, request: web.Request) -> None:
        if not self.check_key(request.headers.get("x-api-key")):
            raise self.fault(401)

    def _conversation(self, request: web.Request) -> Conversation:
        self._authorize(request)
        conversation = self.conversations.get(request.match_info["id"])
        if conversation is None:
            raise Refusal(404, "Conversation not found")
        return conversation


_FAULTS: Final = {
    401: "Invalid access token",  # [D]
    402: "The user is out of conversational credits.",
    403: "The plan of this account does not include this.",
    429: "The user has reached maximum concurrent conversations.",
    500: "Internal server error",
}


def _shown(conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": conversation.id,
        "conversation_url": f"https://tavus.daily.co/{conversation.id}",
        "status": "active" if conversation.open else "ended",
        "created_at": conversation.created_at.astimezone(UTC).isoformat(),
        **conversation.details,
    }


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or not int(text):
        raise Refusal(400, f"{name}: Not a valid integer.")
    return int(text)
