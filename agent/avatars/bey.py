"""Beyond Presence: an avatar that ends when it leaves the room."""

from typing import Any

from livekit.agents.voice.avatar import AvatarSession
from livekit.plugins import bey

from agent.avatars import AvatarParts
from agent.avatars.hosted import ONE_CALL, HostedAvatar, with_calls
from agent.avatars.vendor_calls import VendorCalls
from protocol.providers import BeySettings


class BeyAvatar(HostedAvatar):
    vendor = "Beyond Presence"

    def __init__(self, parts: AvatarParts) -> None:
        super().__init__(parts)
        self._settings = BeySettings.model_validate(parts.settings)

    async def _make(self, calls: VendorCalls) -> AvatarSession[Any]:
        return with_calls(bey.AvatarSession, calls)(
            avatar_id=self._settings.avatar_id,
            api_url=self._url,
            api_key=self._key,
            avatar_participant_identity=self.identity,
            conn_options=ONE_CALL,
        )
