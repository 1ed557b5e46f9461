"""The operators' live socket: `/ws/live/?topics=overview,session:<code>,host:<name>`.

The server sends `{"type": "sample", "topic", "data"}` and `{"type": "changed", "topic"}`; it listens to nothing. It closes with
4401 for somebody who is not signed in, 4403 for somebody without the viewer's role, 4400 for topics that it does not know.
"""

import re
from typing import Any, Final
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.exceptions import PermissionDenied

from monitoring.live import group_of
from operators.access import require
from operators.models import Role

BAD_TOPICS: Final = 4400
SIGN_IN_FIRST: Final = 4401
NOT_ALLOWED: Final = 4403
MAX_TOPICS: Final = 50
TOPIC: Final = re.compile(r"overview|session:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|host:[a-z0-9][a-z0-9-]{0,40}")


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]  # Channels is untyped
    """One operator's page. The channel layer queues for it, so that a slow page holds nobody up."""

    joined: frozenset[str] = frozenset()

    async def connect(self) -> None:
        # Accepted first in any case: only then does the browser get to know the close code.
        await self.accept()
        refusal = self._refusal()
        if refusal is not None:
            await self.close(code=refusal)
            return
        self.joined = frozenset(group_of(topic) for topic in self._topics())
        for group in self.joined:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.send_json({"type": "listening"})

    async def disconnect(self, code: int) -> None:
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

    def _refusal(self) -> int | None:
        user = self.scope["user"]
        if not user.is_authenticated:
            return SIGN_IN_FIRST
        try:
            require(user, Role.VIEWER)
        except PermissionDenied:
            return NOT_ALLOWED
        topics = self._topics()
        if not 1 <= len(topics) <= MAX_TOPICS or not all(TOPIC.fullmatch(topic) for topic in topics):
            return BAD_TOPICS
        return None
