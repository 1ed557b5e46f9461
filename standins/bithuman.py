"""bitHuman's cloud. Measured: start as JSON and as a form, by its LiveKit plugin. [D] docs.bithuman.ai: fields and errors of the
start, minted tokens (one hour; one agent, one room, one LiveKit), validate, me, agent, runtime sessions, terminate.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from standins.behaviour import Behaviour, Kind
from standins.card import Look
from standins.conversation import Conversation, State
from standins.pictures import check_bytes, check_text
from standins.tavus import LiveKitUrl
from standins.vendor import BEHAVIOUR, RECORD, Refusal, Vendor, json_body, parsed, without_secrets

GENERATION_1: Final = ("essence", "essence-1", "expression", "expression-1")
GENERATION_2: Final = ("essence-2", "expression-2")
ModelName = Literal["essence", "essence-1", "expression", "expression-1", "essence-2", "expression-2"]
AGENTS: Final = {
    "A23WJF0199": (*GENERATION_1, *GENERATION_2),
    "A91XMB7113": GENERATION_1,
}  # and as what they are served
USER_ID: Final = "3f9a0000-0000-4000-8000-000000000001"
CREDITS: Final = 1240
TOKEN_LIFE_S: Final = 3600.0
_CREDITS_A_MINUTE: Final = {"essence": 2, "essence-1": 2}  # all others 4


class Start(BaseModel):
    """The JSON of a start; a form's fields are brought to it."""

    model_config = ConfigDict(strict=True)

    mode: Literal["gpu", "cpu"]
    livekit_url: LiveKitUrl
    livekit_token: str = Field(min_length=1)
    room_name: str = Field(min_length=1)
    model: ModelName | None = None
    agent_id: str | None = None
    image: str | None = None

    @model_validator(mode="after")
    def _has_a_face(self) -> "Start":
        if self.agent_id is None and self.image is None:
            raise ValueError("agent_id is required unless image is sent")
        if self.agent_id is None and self.mode == "cpu":
            raise ValueError("agent_id is required in mode cpu")
        if self.agent_id is None and self.model not in (None, "expression", "expression-1"):
            raise ValueError("image without agent_id is for expression-1 only")
        return self

    @property
    def served_model(self) -> str:
        return self.model or ("expression-1" if self.mode == "gpu" else "essence-1")


class Mint(BaseModel):
    model_config = ConfigDict(strict=True)

    agent_code: str = Field(min_length=1)
    scope: Literal["livekit-cloud"]
    room_name: str = Field(min_length=1)
    livekit_url: LiveKitUrl


@dataclass
class Minted:
    """What a token opens, and until when (monotonic clock)."""

    mint: Mint
    expires_at: float

    def opens(self, order: Start) -> bool:
        mint = self.mint
        return (order.agent_id, order.room_name, order.livekit_url) == (
            mint.agent_code,
            mint.room_name,
            mint.livekit_url,
        )


class BitHuman(Vendor):
    name = "bithuman"
    look = Look("bitHuman", (60, 60, 170))
    sample_rate = 16_000
    ends_when_out = True  # [D]

    def __init__(self, key: str, behaviour: Behaviour) -> None:
        super().__init__(key, behaviour)
        self._minted: dict[str, Minted] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/runtime-tokens/request", self._start),
            web.post("/v1/runtime-tokens/mint", self._mint),
            web.post("/v1/validate", self._validate),
            web.get("/v1/me", self._me),
            web.get("/v1/agent/{code}", self._agent),
            web.get("/v2/{user}/runtime-sessions", self._sessions),
            web.post("/v2/{user}/runtime-sessions/{id}/terminate", self._terminate),
        ]

    def error_body(self, refusal: Refusal) -> dict[str, Any]:
        """[D]"""
        error = {"code": refusal.code, "message": refusal.message, "httpStatus": refusal.status}
        return {"error": error, "status": "error", "status_code": refusal.status}

    def fault(self, status: int) -> Refusal:
        code, message = _FAULTS[status]
        return Refusal(status, message, code=code)

    def behave(self, behaviour: Behaviour) -> None:
        super().behave(behaviour)
        if behaviour.behaviour is Kind.EXPIRED_TOKEN:
            for minted in self._minted.values():
                minted.expires_at = time.monotonic()

    async def _start(self, request: web.Request) -> web.Response:
        is_form = request.content_type != "application/json"
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ") if is_form else ""
        token = self._token(request.headers.get("api-secret") or bearer)
        order = parsed(Start, await (_form if is_form else json_body)(request), 400)
        if token is not None and not token.opens(order):
            raise Refusal(403, "The token was minted for another agent, room or LiveKit URL", code="FORBIDDEN")
        if order.image is not None:
            check_text(order.image)
        if order.agent_id is not None:
            self._known(order.agent_id)
            if order.model is not None and order.model not in AGENTS[order.agent_id]:
                message = f"Agent {order.agent_id} can be served as {', '.join(AGENTS[order.agent_id])}"
                raise Refusal(409, message, code="VALIDATION_ERROR")
        self.open_conversation(
            request[BEHAVIOUR],
            url=order.livekit_url,
            token=order.livekit_token,
            room_name=order.room_name,
            model=order.served_model,
            agent_code=order.agent_id,
        )
        answer = {"model": order.served_model, "mode": order.mode, "agent_id": order.agent_id, "image": order.image}
        return web.json_response({"avatar_session_started": True, **answer, "user_id": USER_ID})

    async def _mint(self, request: web.Request) -> web.Response:
        self._authorize(request)
        mint = parsed(Mint, await json_body(request), 400)
        self._known(mint.agent_code)
        token = secrets.token_urlsafe(32)
        self._minted[token] = Minted(mint, time.monotonic() + TOKEN_LIFE_S)
        return web.json_response({"scoped_token": token})

    async def _validate(self, request: web.Request) -> web.Response:
        """Always 200 [D]."""
        return web.json_response({"valid": self.check_key(request.headers.get("api-secret"))})

    async def _me(self, request: web.Request) -> web.Response:
        self._authorize(request)
        balance = 0 if request[BEHAVIOUR].behaviour is Kind.PAYMENT else CREDITS
        me = {"user_id": USER_ID, "plan": "creator", "plan_code": "membership_creator", "account_status": "active"}
        return web.json_response({"data": {**me, "credit_balance": balance}, "status": "success", "status_code": 200})

    async def _agent(self, request: web.Request) -> web.Response:
        self._authorize(request)
        code = self._known(request.match_info["code"])
        data = {"agent_id": code, "name": "Stand-in", "status": "ready", "supported_models": list(AGENTS[code])}
        return web.json_response({"success": True, "data": data})

    async def _sessions(self, request: web.Request) -> web.Response:
        self._authorize_user(request)
        window = request.query.get("window", "all")
        if window not in ("live", "recent", "all"):
            raise Refusal(400, "window is live, recent or all", code="VALIDATION_ERROR")
        shown = [_shown(one) for one in self.conversations.values()]
        live = [one for one in shown if one["status"] == "live"]
        data = {
            "active_count": len(live),
            "live_burn_rate_cr_per_min": sum(one["burn_rate_cr_per_min"] for one in live),
            "sessions": {"all": shown, "live": live, "recent": [one for one in shown if one not in live]}[window],
        }
        return web.json_response({"success": True, "data": data})

    async def _terminate(self, request: web.Request) -> web.Response:
        self._authorize_user(request)
        session = self.conversations.get(request.match_info["id"])
        if session is None:
            raise Refusal(404, "No such session", code="NOT_FOUND")
        await session.end("terminated by the API")
        data = {"session_id": session.id, "closed": True, "ended": True, "self_hosted": False}
        return web.json_response({"success": True, "data": data})

    def _token(self, given: str) -> Minted | None:
        """The token that was given; None where it is the account's secret. Raises `Refusal` for neither."""
        minted = self._minted.get(given)
        if minted is None:
            self._check(given)
        elif time.monotonic() >= minted.expires_at:
            raise Refusal(401, "The token has expired", code="UNAUTHORIZED")
        return minted

    def _authorize(self, request: web.Request) -> None:
        self._check(request.headers.get("api-secret"))

    def _authorize_user(self, request: web.Request) -> None:
        self._authorize(request)
        if request.match_info["user"] != USER_ID:
            raise Refusal(403, "This is another account's user_id", code="FORBIDDEN")

    def _check(self, given: str | None) -> None:
        if not given:
            raise Refusal(401, "The api-secret header is missing", code="MISSING_AUTH")
        if not self.check_key(given):
            raise self.fault(401)

    def _known(self, code: str) -> str:
        if code not in AGENTS:
            raise Refusal(404, f"Agent not found for code: {code}", code="NOT_FOUND")
        return code


_FAULTS: Final = {
    401: ("UNAUTHORIZED", "Invalid api-secret"),
    402: ("INSUFFICIENT_BALANCE", "Insufficient credits"),
    403: (
        "CONCURRENCY_LIMIT_REACHED",
        "Your Creator plan allows 5 cloud avatar sessions at once, and 5 are running (5/5)",
    ),
    429: ("RATE_LIMITED", "Too many requests for this api-secret"),
    500: ("INTERNAL_ERROR", "Internal error"),
}


def _shown(session: Conversation) -> dict[str, Any]:
    return {
        "id": session.id,
        "agent_code": session.details["agent_code"],
        "room_name": session.details["room_name"],
        "started": session.created_at.isoformat(),
        "burn_rate_cr_per_min": _CREDITS_A_MINUTE.get(session.details["model"], 4),
        "status": "ended" if session.state is State.ENDED else "live",
    }


async def _form(request: web.Request) -> Mapping[str, Any]:
    """A form's fields under the names of the JSON. Raises `Refusal` for another content type or a picture that is none."""
    if request.content_type not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise Refusal(415, "Send JSON or a form", code="UNSUPPORTED_TYPE")
    form = await request.post()
    request[RECORD].body = without_secrets(
        {name: value if isinstance(value, str) else "(file)" for name, value in form.items()}
    )
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if fields.pop("async_mode", "true") not in ("true", "false"):
        raise Refusal(400, "async_mode is true or false", code="VALIDATION_ERROR")
    order: dict[str, Any] = {"mode": "gpu", **fields}
    order["agent_id"] = fields.get("avatar_id")
    order["image"] = fields.get("avatar_image_url")
    picture = form.get("avatar_image")
    if isinstance(picture, web.FileField):
        check_bytes(picture.file.read())
        order["image"] = "https://uploaded.invalid/" + picture.filename
    elif picture is not None:
        raise Refusal(400, "avatar_image must be a file", code="VALIDATION_ERROR")
    return order
