"""The operators' live socket: `/ws/live/?topics=overview,alerts,session:<code>,profile:<code>,host:<name>`.

The server sends `{"type": "listening", "now"}` once, then `{"type": "sample", "topic", "data"}` and
`{"type": "changed", "topic"}`; it listens to nothing. It closes with 4401 for somebody who is not signed in, 4403 for somebody
without the viewer's role, 4400 for topics that it does not know.
Who is signed out, or loses the role, while the socket is open is sent out within `CHECK_EVERY_S`.
"""

import asyncio
import re
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs

from channels.auth import get_user
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from monitoring.live.broadcast import group_of
from operators.access import require
from operators.models import Role

BAD_TOPICS: Final = 4400
SIGN_IN_FIRST: Final = 4401
NOT_ALLOWED: Final = 4403
MAX_TOPICS: Final = 50
CHECK_EVERY_S = 30.0
TOPIC: Final = re.compile(
    r"overview|alerts|(session|profile):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|host:[a-z0-9][a-z0-9-]{0,40}"
)


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # Channels is untyped
    """One operator's page. The channel layer queues for it, so that a slow page holds nobody up."""

    joined: frozenset[str] = frozenset()
    checking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # Accepted first in any case: only then does the browser get to know the close code.
        await self.accept()
        refusal = _refusal_of(self.scope["user"]) or self._refusal_of_topics()
        if refusal is not None:
            await self.close(code=refusal)
            return
        self.joined = frozenset(group_of(topic) for topic in self._topics())
        for group in self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        self.checking = asyncio.create_task(self._check(), name="live-socket-check")
        await self.send_json({"type": "listening", "now": timezone.now().isoformat()})

    async def disconnect(self, code: int) -> None:
        if self.checking is not None:
            self.checking.cancel()
            await asyncio.gather(self.checking, return_exceptions=True)
        for group in self.joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Pages only listen."""

    async def sample(self, message: dict[str, Any]) -> None:
        await self.send_json(message)

    async def changed(self, message: dict[str, Any]) -> None:
        await self.send_json(message)

    def _topics(self) -> list[str]:
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        return [topic for value in query.get("topics", []) for topic in value.split(",")]

    def _refusal_of_topics(self) -> int | None:
        topics = self._topics()
        known = 1 <= len(topics) <= MAX_TOPICS and all(TOPIC.fullmatch(topic) for topic in topics)
        return None if known else BAD_TOPICS

    async def _check(self) -> None:
        """Closes the socket of somebody who may listen no longer."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                refusal = _refusal_of(await self._user_now())
            except (OperationalError, InterfaceError):
                continue  # a database that is away says nothing about anybody
            if refusal is not None:
                await self.close(code=refusal)
                return

    async def _user_now(self) -> Any:
        """Who the page's cookie stands for by now: the scope keeps what it stood for when the socket was opened."""
        store = import_module(settings.SESSION_ENGINE).SessionStore
        return await get_user({"session": store(self.scope["session"].session_key)})


def _refusal_of(user: Any) -> int | None:
    if not user.is_authenticated:
        return SIGN_IN_FIRST
    try:
        require(user, Role.VIEWER)
    except PermissionDenied:
        return NOT_ALLOWED
    return None
