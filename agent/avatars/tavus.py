"""Tavus: a conversation at the vendor, which is billed until it is ended there."""

import asyncio
import functools
import logging
from typing import Any, Final

import aiohttp
from livekit.agents.types import NOT_GIVEN
from livekit.agents.voice.avatar import AvatarSession
from livekit.plugins import tavus

from agent.avatars import AvatarParts
from agent.avatars.hosted import ONE_CALL, HostedAvatar, with_calls
from agent.avatars.vendor_calls import VendorCalls
from protocol.providers import TavusSettings

logger = logging.getLogger(__name__)

_END_TRIES: Final = 3
_END_S: Final = 1.5


class TavusAvatar(HostedAvatar):
    vendor = "Tavus"

    def __init__(self, parts: AvatarParts) -> None:
        super().__init__(parts)
        self._settings = TavusSettings.model_validate(parts.settings)

    async def _make(self, calls: VendorCalls) -> AvatarSession[Any]:
        plugin = with_calls(tavus.AvatarSession, calls)(
            pal_id=self._settings.pal_id,
            face_id=self._settings.face_id or NOT_GIVEN,
            api_url=self._url,
            api_key=self._key,
            avatar_participant_identity=self.identity,
            conn_options=ONE_CALL,
        )
        # by its name one is found whose answer never came
        order = functools.partial(
            plugin._api.create_conversation, extra_payload={"conversation_name": self._parts.spec.room}
        )
        plugin._api.create_conversation = order  # type: ignore[method-assign]
        return plugin

    @property
    def _conversation(self) -> str:
        return getattr(self._plugin, "conversation_id", None) or ""

    async def _end(self, *, has_left: bool) -> bool:
        if not self._conversation or self._calls is None:
            return False
        url = f"{self._url}/conversations/{self._conversation}/end"
        timeout = aiohttp.ClientTimeout(total=_END_S)
        for _ in range(_END_TRIES):
            try:
                async with self._calls.session.post(url, headers={"x-api-key": self._key}, timeout=timeout) as answer:
                    if answer.ok or answer.status in (400, 404):  # it was over already
                        return True
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)
        logger.warning("Tavus was not told that the conversation %s is over", self._conversation)
        return False
