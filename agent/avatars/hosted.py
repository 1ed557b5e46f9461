"""An avatar that a vendor draws: the vendor's own LiveKit plugin, with the limits and the care that it lacks.

The plugin orders an avatar that comes into the room as a participant of its own; the session's sound goes to it as data.
"""

import asyncio
import contextlib
import logging
import math
import os
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar

import aiohttp
from livekit import api, rtc
from livekit.agents import APIConnectOptions, get_job_context
from livekit.agents.voice.avatar import AvatarSession, DataStreamAudioOutput
from livekit.agents.voice.io import AudioOutput

from agent.avatars import AvatarLostError, AvatarParts
from agent.avatars.builtin.face_state import Expression
from agent.avatars.vendor_calls import VendorCalls
from agent.environment import HostEnvironment
from protocol.events import ProviderConversation, ProviderMeasured
from protocol.modes import ModeSettings
from protocol.providers import VARIABLES, LossCode

logger = logging.getLogger(__name__)

ONE_CALL: Final = APIConnectOptions(max_retry=0, timeout=10.0)  # how often is the keeper's to say
_CLOSE_S: Final = 5.0
_ANSWERS_S: Final = 2.5  # how long closing waits for the answer to an order that was given up
_LATE_S: Final = 120.0  # how long it is waited for after that, in the background
_KEPT_OUT_S: Final = 900.0  # how long an avatar that was ended is looked for at the room's door
_END_AGAIN_S: Final = 10.0  # a vendor that was not told is told later, and then less and less often
_LONGEST_PAUSE_S: Final = 300.0
_LEAVES_S: Final = 0.15
_PICTURE_WITHIN_S: Final = 3.0  # of looking at an avatar whose picture is said to stand still
_LOOK_AGAIN_S: Final = 0.5  # LiveKit makes nothing of a subscription that is given up and asked for again at once

Plugin = TypeVar("Plugin", bound=AvatarSession[Any])

_going_on: set[asyncio.Task[None]] = set()  # what is left to do for avatars that are closed


class _Session(rtc.EventEmitter[str]):
    """What a plugin uses of an agent session: a place for its output. The session's own stays the voice line."""

    def __init__(self) -> None:
        super().__init__()
        self.output = self
        self.sink: AudioOutput | None = None

    def replace_audio_tail(self, sink: AudioOutput) -> None:
        self.sink = sink


class HostedAvatar(ABC):
    """One avatar at a vendor, under an identity of its own: of two in a room, each is told from the other."""

    vendor: ClassVar[str]  # as people write it

    def __init__(self, parts: AvatarParts) -> None:
        """Raises `AvatarLostError` where the host has no key."""
        variables = VARIABLES[parts.provider]
        self._key = os.environ.get(variables.key, "")
        self._url = os.environ.get(variables.url) or variables.default_url
        if not self._key:
            raise AvatarLostError(
                LossCode.NOT_SET_UP,
                f"{self.vendor} has no key on this host: {variables.key} is not set in the agent worker's environment.",
            )
        self._parts = parts
        self._session = _Session()
        self._plugin: AvatarSession[Any] | None = None
        self._calls: VendorCalls | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_open = False
        self._told_of = ""  # the conversation that was told of as opened
        self._looking: asyncio.Task[rtc.VideoFrame] | None = None
        self._looked_at = -math.inf  # when its video was given up last, monotonic
        self._doubting: asyncio.Task[None] | None = None
        self._losses: dict[LossCode, str] = {}
        self._gone: asyncio.Future[AvatarLostError] = asyncio.get_running_loop().create_future()
        self.livekit_url = HostEnvironment.read().livekit_public_url or ""
        self.identity = f"{parts.provider}-avatar-{uuid.uuid4().hex[:8]}"

    @abstractmethod
    async def _make(self, calls: VendorCalls) -> AvatarSession[Any]:
        """The plugin's avatar, set up. Raises `AvatarLostError`."""

    async def _end(self, *, has_left: bool) -> bool:
        """Ends at the vendor what leaving the room does not end. Returns whether nothing is open there any more."""
        return has_left

    @property
    def _conversation(self) -> str:
        """The vendor's id of what it bills; empty where its answer names none."""
        return ""

    @property
    def sound(self) -> AudioOutput:
        if self._session.sink is None:
            raise RuntimeError("the avatar is not started")
        return self._session.sink

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        await connected()
        limit_s, began = self._parts.mode.timeout_s, time.monotonic()
        room = self._parts.room
        room.on("participant_disconnected", self._on_left)
        room.on("track_published", self._on_published)
        room.on("track_unpublished", self._on_unpublished)
        room.on("connection_quality_changed", self._on_quality)
        self._calls = calls = VendorCalls(self.vendor, self._url, self._key)
        self._starting = asyncio.create_task(self._order(calls), name=f"{self._parts.provider}-start")
        try:
            await asyncio.wait({self._starting}, timeout=limit_s)
        except asyncio.CancelledError:
            self._tell_opened()  # as below
            raise
        if not self._starting.done():
            self._tell_opened()  # the vendor may have heard the order
            raise calls.failure(TimeoutError())
        try:
            self._starting.result()
            self._tell_opened()
        except AvatarLostError:
            raise
        except Exception as error:
            raise calls.failure(error) from error
        answered_s = time.monotonic() - began
        await self._wait_for_join(limit_s - answered_s, limit_s)
        times_ms = {"answered_ms": answered_s * 1000, "joined_ms": (time.monotonic() - began) * 1000}
        self._parts.emit(ProviderMeasured, provider=self._parts.provider, **times_ms)

    async def picture(self) -> rtc.VideoFrame:
        """One frame of what visitors see, I420. May take as long as the vendor's next frame. Raises `LookupError` where it has no
        video."""
        if self._looking is None or self._looking.done():  # who looks meanwhile, looks along
            self._looking = asyncio.create_task(self._look(), name=f"{self._parts.provider}-look")
        return await asyncio.shield(self._looking)

    def doubt(self) -> None:
        """What is sent costs the job nothing as long as nobody misses it: it is not subscribed to."""
        if self._doubting is None or self._doubting.done():
            self._doubting = asyncio.create_task(self._look_for_picture(), name=f"{self._parts.provider}-doubt")

    async def _look_for_picture(self) -> None:
        try:
            if self._video().muted:
                return
            async with asyncio.timeout(_PICTURE_WITHIN_S):
                await self.picture()
        except TimeoutError:
            self._losses[LossCode.STOPPED] = (
                f"{self.vendor}'s avatar is in the room, but its picture stopped: its process died, or hangs."
            )
            self._lose()
        except (LookupError, RuntimeError) as error:
            logger.info("%s: the avatar is about to go: %r", self.vendor, error)

    async def _look(self) -> rtc.VideoFrame:
        await asyncio.sleep(self._looked_at + _LOOK_AGAIN_S - time.monotonic())
        return await self._frame_of(self._video())

    def _give_up(self, publication: rtc.RemoteTrackPublication) -> None:
        publication.set_subscribed(False)
        self._looked_at = time.monotonic()

    def _video(self) -> rtc.RemoteTrackPublication:
        videos = [
            one
            for one in self._parts.room.remote_participants[self.identity].track_publications.values()
            if one.kind == rtc.TrackKind.KIND_VIDEO
        ]
        return videos[0]

    async def _frame_of(self, video: rtc.RemoteTrackPublication) -> rtc.VideoFrame:
        subscribed: asyncio.Future[rtc.Track] = asyncio.get_running_loop().create_future()

        def on_subscribed(track: rtc.Track, publication: rtc.RemoteTrackPublication, _: rtc.RemoteParticipant) -> None:
            if publication.sid == video.sid and not subscribed.done():
                subscribed.set_result(track)

        self._parts.room.on("track_subscribed", on_subscribed)
        video.set_subscribed(True)
        try:
            stream = rtc.VideoStream(await subscribed, format=rtc.VideoBufferType.I420, capacity=1)
            try:
                async for event in stream:
                    return event.frame
            finally:
                await stream.aclose()
        finally:
            self._parts.room.off("track_subscribed", on_subscribed)
            self._give_up(video)
        raise RuntimeError("the avatar's video ended")

    async def broken(self) -> AvatarLostError:
        return await asyncio.shield(self._gone)

    def show(self, expression: Expression) -> None:  # noqa: B027
        """A hosted face makes its own expressions."""

    def caption(self, text: str) -> None:  # noqa: B027
        """Burns nothing in."""

    async def switch(self, mode: ModeSettings) -> bool:
        """A mode says how patient to be with a vendor; the picture is the vendor's."""
        return True

    async def aclose(self) -> None:
        room = self._parts.room
        room.off("participant_disconnected", self._on_left)
        room.off("track_published", self._on_published)
        room.off("track_unpublished", self._on_unpublished)
        room.off("connection_quality_changed", self._on_quality)
        looks = [task for task in (self._doubting, self._looking) if task is not None]
        for task in looks:
            task.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        if room.isconnected():
            _keep_out(room, self.identity)
        if self._starting is not None:
            await asyncio.wait({self._starting}, timeout=_ANSWERS_S)
            if not self._starting.done():
                _go_on_with(self._close_when_answered(self._starting))
                return
        await self._close()

    async def _close_when_answered(self, starting: asyncio.Task[None]) -> None:
        """An order that was given up may yet be answered, and is billed then: only the answer tells what there is to end. What a
        job does not live to hear is found from outside, by its room."""
        await asyncio.wait({starting}, timeout=_LATE_S)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await self._close()

    async def _order(self, calls: VendorCalls) -> None:
        self._plugin = await self._make(calls)
        await self._plugin.start(self._session, self._parts.room, livekit_url=self.livekit_url)  # type: ignore[call-arg, arg-type]

    async def _wait_for_join(self, rest_s: float, limit_s: float) -> None:
        if self._plugin is None:
            raise RuntimeError("the avatar was not ordered")
        joining = asyncio.create_task(self._plugin.wait_for_join(timeout=None), name=f"{self._parts.provider}-join")
        try:
            waiting: set[asyncio.Future[Any]] = {joining, self._gone}
            await asyncio.wait(waiting, timeout=max(rest_s, 0.1), return_when=asyncio.FIRST_COMPLETED)
            if self._gone.done():
                raise self._gone.result()
            if not joining.done():
                raise AvatarLostError(
                    LossCode.NOT_JOINED,
                    f"{self.vendor} took the order, but its avatar did not come into the room within {limit_s:g} s.",
                )
            await joining
        finally:
            joining.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await joining

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._leave()
        except TimeoutError:
            logger.warning("%s: the avatar did not close within %.0f s", self.vendor, _CLOSE_S)
        if self._is_open and self._conversation and self._parts.room.isconnected():
            _go_on_with(self._keep_ending())  # it is billed, and the session may go on for hours
        elif self._calls is not None:
            await self._calls.aclose()

    async def _keep_ending(self) -> None:
        """What is still open when the job ends is ended from outside."""
        pause_s = _END_AGAIN_S
        while self._is_open and self._parts.room.isconnected():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            await self._tell_ended(has_left=True)
        if self._calls is not None:
            await self._calls.aclose()

    async def _leave(self) -> None:
        is_in_room = self._parts.room.isconnected()
        if self._plugin is not None:
            await self._plugin.aclose()  # it leaves the room, as long as we are in it
        sink = self._session.sink
        if isinstance(sink, DataStreamAudioOutput):
            self._parts.room.off("connection_state_changed", sink._handle_connection_state_changed)
            DataStreamAudioOutput._playback_finished_handlers.pop(self.identity, None)
            if sink._start_atask is not None:
                sink._start_atask.cancel()
        if self._is_open and self._conversation != self._told_of:
            self._tell_opened()
        await self._tell_ended(has_left=is_in_room)

    async def _tell_ended(self, *, has_left: bool) -> None:
        if self._is_open and await self._end(has_left=has_left):
            self._is_open = False
            self._tell("ended")

    def _tell_opened(self) -> None:
        self._is_open, self._told_of = True, self._conversation
        self._tell("opened")

    def _tell(self, change: str) -> None:
        provider = self._parts.provider
        self._parts.emit(ProviderConversation, provider=provider, conversation=self._conversation, change=change)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self.identity:
            self._lose_soon(LossCode.LEFT, f"{self.vendor}'s avatar left the room in the middle of the session.")

    def _on_published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self.identity:
            self._give_up(publication)  # visitors look at it, the job need not

    def _on_unpublished(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self.identity and publication.kind == rtc.TrackKind.KIND_VIDEO:
            self._lose_soon(
                LossCode.STOPPED, f"{self.vendor}'s avatar took its picture away in the middle of the session."
            )

    def _on_quality(self, participant: rtc.Participant, quality: int) -> None:
        if participant.identity == self.identity and quality == rtc.ConnectionQuality.QUALITY_LOST:
            self.doubt()

    def _lose_soon(self, code: LossCode, sentence: str) -> None:
        """An avatar that leaves takes its tracks along first, and where the whole room is closed nothing is lost."""
        self._losses[code] = sentence
        asyncio.get_running_loop().call_later(_LEAVES_S, self._lose)

    def _lose(self) -> None:
        if not self._gone.done() and self._parts.room.isconnected():
            code = LossCode.LEFT if LossCode.LEFT in self._losses else LossCode.STOPPED
            self._gone.set_result(AvatarLostError(code, self._losses[code]))


def _go_on_with(work: Coroutine[Any, Any, None]) -> None:
    """In the background, as long as the job lives."""
    task = asyncio.create_task(work)
    _going_on.add(task)
    task.add_done_callback(_going_on.discard)


def _keep_out(room: rtc.Room, identity: str) -> None:
    """One that was ended and comes into the room all the same is sent out."""
    context = get_job_context(required=False)
    if context is None:
        return
    livekit = context.api.room

    def on_connected(participant: rtc.RemoteParticipant) -> None:
        if participant.identity == identity:
            _go_on_with(send_out())

    async def send_out() -> None:
        try:
            await livekit.remove_participant(api.RoomParticipantIdentity(room=room.name, identity=identity))
        except (api.TwirpError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("%s came after its end and could not be sent out: %r", identity, error)

    room.on("participant_connected", on_connected)
    asyncio.get_running_loop().call_later(_KEPT_OUT_S, room.off, "participant_connected", on_connected)


def with_calls(plugin: type[Plugin], calls: VendorCalls) -> type[Plugin]:
    """The plugin as it is, but for where it takes its HTTP session from."""
    return type(plugin.__name__, (plugin,), {"_ensure_http_session": lambda _: calls.session})
