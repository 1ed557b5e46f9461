"""An agent in a room, the vendors' own LiveKit plugins, and stand-ins in place of the vendors."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import AgentSession, APIConnectOptions
from livekit.agents.job import _JobContextVar
from livekit.agents.utils import http_context
from livekit.agents.voice.avatar import AvatarSession, DataStreamAudioOutput
from livekit.agents.voice.io import AudioOutput
from livekit.plugins import bey, bithuman, tavus

from tests.agent.visitor import Visitor
from tests.services import LiveKit, livekit
from tests.standin_server import StandInServer, standins

__all__ = ["livekit", "standins"]

PLUGINS: dict[str, Any] = {
    "bithuman": bithuman.AvatarSession,
    "tavus": tavus.AvatarSession,
    "bey": bey.AvatarSession,
}
VENDORS = tuple(PLUGINS)
PAL, FACE = "pb87e71797da", "r4067604db72"
AVATAR = "b9be11b8-89fb-4227-8f86-4a881393cbdb"
AGENT = "A23WJF0199"
RATE = 24_000


async def eventually(condition: Callable[[], Any], what: str, limit_s: float = 60.0) -> Any:
    """The first true value of `condition()`, which may take a moment; AssertionError naming `what` after `limit_s`."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not (value := await asyncio.to_thread(condition)):
        assert asyncio.get_running_loop().time() < deadline, f"{what}: not within {limit_s} s"
        await asyncio.sleep(0.05)
    return value


class Job:
    """What the plugins ask of the job that they run in."""

    def __init__(self, identity: str, livekit_api: api.LiveKitAPI) -> None:
        self.local_participant_identity = identity
        self.api = livekit_api

    def add_shutdown_callback(self, callback: Any) -> None:
        """Tests close the avatar themselves."""


@dataclass
class AgentRoom:
    """An agent that is in a room, with a session whose sound a plugin takes over."""

    livekit: LiveKit
    standins: StandInServer
    api: api.LiveKitAPI
    room: rtc.Room
    session: AgentSession[None]
    avatars: list[AvatarSession[Any]] = field(default_factory=list)
    outputs: list[AudioOutput] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # identities of who went

    def avatar(self, vendor: str, *, retries: int = 1, **options: Any) -> AvatarSession[Any]:
        """The vendor's plugin, not started; closed with the room."""
        given = self.standins.environment
        own = {
            "tavus": {
                "api_url": given["TAVUS_API_URL"],
                "api_key": given["TAVUS_API_KEY"],
                "face_id": FACE,
                "pal_id": PAL,
            },
            "bey": {"api_url": given["BEY_API_URL"], "api_key": given["BEY_API_KEY"], "avatar_id": AVATAR},
            "bithuman": {"api_url": given["BITHUMAN_API_URL"], "api_secret": given["BITHUMAN_API_SECRET"]},
        }[vendor]
        if vendor == "bithuman" and "avatar_image" not in options:
            options.setdefault("avatar_id", AGENT)
        conn_options = APIConnectOptions(max_retry=retries, retry_interval=0.05, timeout=2.0)
        avatar: AvatarSession[Any] = PLUGINS[vendor](conn_options=conn_options, **{**own, **options})
        self.avatars.append(avatar)
        return avatar

    async def start(self, avatar: AvatarSession[Any]) -> AudioOutput:
        """Where the session's sound goes from now on."""
        room = {
            "livekit_url": self.livekit.url,
            "livekit_api_key": self.livekit.api_key,
            "livekit_api_secret": self.livekit.api_secret,
        }
        await avatar.start(self.session, self.room, **room)
        output = self.session.output.audio
        assert output is not None
        self.outputs.append(output)
        return output

    def conversation(self, vendor: str) -> dict[str, Any]:
        return self.standins.conversation(vendor, self.room.name)

    async def end(self) -> None:
        await self.api.room.delete_room(api.DeleteRoomRequest(room=self.room.name))


async def speak(output: AudioOutput, seconds: float) -> None:
    """A tone, as fast as it is taken; not waited for."""
    time_s = np.arange(round(RATE * 0.1)) / RATE
    tone = (12_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    resampler = None if output.sample_rate in (None, RATE) else rtc.AudioResampler(RATE, output.sample_rate)
    for _ in range(round(seconds / 0.1)):
        frame = rtc.AudioFrame(tone.tobytes(), RATE, 1, len(tone))
        for piece in [frame] if resampler is None else resampler.push(frame):
            await output.capture_frame(piece)
    output.flush()


@pytest.fixture
async def agent_room(livekit: LiveKit, standins: StandInServer) -> AsyncIterator[AgentRoom]:
    name, identity = f"room-{uuid.uuid4()}", f"agent-{uuid.uuid4()}"
    grants = api.VideoGrants(room_join=True, room=name, agent=True)
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity(identity).with_grants(grants)
    room = rtc.Room()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(http_context.open())
        livekit_api = await stack.enter_async_context(api.LiveKitAPI(livekit.url, livekit.api_key, livekit.api_secret))
        await room.connect(livekit.url, token.with_kind("agent").to_jwt())
        agent_room = AgentRoom(livekit, standins, livekit_api, room, AgentSession())
        room.on("participant_disconnected", lambda gone: agent_room.left.append(gone.identity))
        context = _JobContextVar.set(Job(identity, livekit_api))  # type: ignore[arg-type]
        try:
            yield agent_room
        finally:
            for avatar in agent_room.avatars:
                await avatar.aclose()
            _JobContextVar.reset(context)
            with contextlib.suppress(api.TwirpError):
                await agent_room.end()
            await room.disconnect()
            waiting = [
                output._start_atask for output in agent_room.outputs if isinstance(output, DataStreamAudioOutput)
            ]
            await asyncio.gather(*filter(None, waiting), return_exceptions=True)  # for avatars that never came


@pytest.fixture
async def dana(livekit: LiveKit, agent_room: AgentRoom) -> AsyncIterator[Visitor]:
    """A visitor in the room."""
    visitor = Visitor(livekit, agent_room.room.name)
    await visitor.join()
    yield visitor
    await visitor.leave()


@pytest.fixture(autouse=True)
def _normal_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "standins" in request.fixturenames:
        for vendor in VENDORS:
            request.getfixturevalue("standins").behave(vendor)
