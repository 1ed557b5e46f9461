"""bitHuman in its cloud: an agent of the vendor's, or a picture that is brought to life.

The plugin writes its secret where everybody in the room can read it. So it gets a token that the vendor has minted for this one
agent, room and hour, and a fresh one before that is over; where the vendor mints none (for a picture), nothing is written there.
"""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from livekit import api
from livekit.agents import APIConnectOptions, get_job_context
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.voice.avatar import AvatarSession
from livekit.plugins import bithuman

from agent.assets import AssetStore, AssetUnavailable
from agent.avatars import Avatar, AvatarLostError, AvatarParts
from agent.avatars.hosted import HostedAvatar, with_calls
from agent.avatars.vendor_calls import VendorCalls
from agent.environment import HostEnvironment
from protocol.modes import ModeSettings
from protocol.providers import BitHumanSettings, LossCode, Place

logger = logging.getLogger(__name__)

REFRESH_S: Final = 50 * 60.0  # a token is good for an hour
AGAIN_S: Final = 60.0
_ONE_CALL: Final = APIConnectOptions(max_retry=1, timeout=10.0)  # this plugin takes the number for all its calls


def make(parts: AvatarParts) -> Avatar:
    """In the cloud or here, as the profile says. Raises `AvatarLostError`."""
    settings = BitHumanSettings.model_validate(parts.settings)
    if settings.place is Place.CLOUD:
        return BitHumanAvatar(parts, settings)
    from agent.avatars.bithuman_local import LocalBitHumanAvatar

    return LocalBitHumanAvatar(parts, settings)


class BitHumanAvatar(HostedAvatar):
    vendor = "bitHuman"

    def __init__(self, parts: AvatarParts, settings: BitHumanSettings) -> None:
        super().__init__(parts)
        self._settings = settings
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        await super().start(connected)
        if self._settings.avatar_id is not None and self._calls is not None:
            refresh = self._keep_fresh(self._calls, self._settings.avatar_id)
            self._refreshing = asyncio.create_task(refresh, name="bithuman-token")

    async def aclose(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await super().aclose()

    async def switch(self, mode: ModeSettings) -> bool:
        return not self._settings.starts_anew(self._parts.mode, mode)

    async def _make(self, calls: VendorCalls) -> AvatarSession[Any]:
        model: NotGivenOr[Any] = self._settings.model_in(self._parts.mode) or NOT_GIVEN
        agent = self._settings.avatar_id
        common: dict[str, Any] = {
            "api_url": self._url,
            "model": model,
            "avatar_participant_identity": self.identity,
            "conn_options": _ONE_CALL,
        }
        if agent is not None:
            token = await self._mint(calls, agent)
            plugin = with_calls(bithuman.AvatarSession, calls)
            return plugin(api_secret=token, api_token=token, avatar_id=agent, **common)
        discreet = with_calls(_DiscreetSession, calls)(
            api_secret=self._key,
            api_token=self._key,  # else it takes one of the environment
            avatar_image=await self._image(),
            **common,
        )
        discreet.withhold()
        return discreet

    async def _mint(self, calls: VendorCalls, agent: str) -> str:
        order = {
            "agent_code": agent,
            "scope": "livekit-cloud",
            "room_name": self._parts.spec.room,
            "livekit_url": self.livekit_url,
        }
        headers, timeout = {"api-secret": self._key}, aiohttp.ClientTimeout(total=self._parts.mode.timeout_s)
        async with calls.session.post(_mint_url(self._url), json=order, headers=headers, timeout=timeout) as answer:
            if not answer.ok:
                await answer.read()  # the calls remember it
                raise aiohttp.ClientError("no token was minted")
            minted = await answer.json()
        return str(minted["scoped_token"])

    async def _keep_fresh(self, calls: VendorCalls, agent: str) -> None:
        """Hands the avatar a fresh token in its attributes, where the first one is. One that is refused is tried again: what
        then becomes of the avatar is the vendor's to say, and a loss like any other."""
        pause_s, is_told = REFRESH_S, False
        while True:
            await asyncio.sleep(pause_s)
            try:
                token = await self._mint(calls, agent)
                update = api.UpdateParticipantRequest(
                    room=self._parts.room.name, identity=self.identity, attributes={"api_secret": token}
                )
                await get_job_context().api.room.update_participant(update)
            except (aiohttp.ClientError, TimeoutError, KeyError, ValueError, api.TwirpError) as error:
                logger.warning("bitHuman's token was not refreshed: %s", type(error).__name__)
                if not is_told:
                    self._parts.warn("bitHuman did not renew the avatar's token: it may end within ten minutes.")
                pause_s, is_told = AGAIN_S, True
            else:
                pause_s, is_told = REFRESH_S, False

    async def _image(self) -> str:
        """The profile's picture in base64; it was checked when it was uploaded."""
        image = self._settings.image
        ref = next((ref for ref in self._parts.spec.scene_files if image and ref.sha256 == image.sha256), None)
        if ref is None:
            raise AvatarLostError(
                LossCode.NOT_SET_UP, "The picture for bitHuman is lost. Upload it again in the profile."
            )
        try:
            path = await AssetStore(HostEnvironment.read().home).get(ref)
        except AssetUnavailable as error:
            raise AvatarLostError(
                LossCode.UNREACHABLE, f"The picture for bitHuman could not be had: {error}"
            ) from error
        return base64.b64encode(path.read_bytes()).decode()


class _DiscreetSession(bithuman.AvatarSession):
    """Has its secret for the vendor's call alone, not while it writes the avatar's attributes."""

    def withhold(self) -> None:
        self._withheld, self._api_secret = self._api_secret, None

    async def _start_cloud_agent(self, livekit_url: str, livekit_token: str, room_name: str) -> None:
        self._api_secret = self._withheld
        try:
            await super()._start_cloud_agent(livekit_url, livekit_token, room_name)
        finally:
            self._api_secret = None


def _mint_url(start_url: str) -> str:
    """The call that mints, beside the one that starts; bitHuman's own has another host."""
    parts = urlsplit(start_url)
    netloc = "api.bithuman.ai" if parts.netloc == "auth.api.bithuman.ai" else parts.netloc
    return urlunsplit((parts.scheme, netloc, parts.path.removesuffix("/request") + "/mint", "", ""))
