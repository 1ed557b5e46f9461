"""The one avatar that is seen and heard, whose sound the voice line feeds, and the still picture in reserve."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from livekit import rtc
from livekit.agents import AgentSession
from pydantic import JsonValue, ValidationError

from agent.avatars import Avatar, AvatarLostError, AvatarParts, UnknownProvider, make_avatar
from agent.avatars.builtin.face_state import Expression
from agent.avatars.builtin.generator import AUDIO_SAMPLE_RATE
from agent.avatars.frames import FrameTiming
from agent.avatars.voice_line import VoiceLine
from protocol.control import FACE_ATTRIBUTE, SHOWN_ATTRIBUTE, Face
from protocol.events import ProviderMeasured
from protocol.jobspec import JobSpec
from protocol.modes import ModeSettings
from protocol.providers import HOSTED, STILL, LossCode

if TYPE_CHECKING:
    from agent.avatars.still import StillAvatar

logger = logging.getLogger(__name__)

_SENTENCE_S: Final = 8.0  # how long a speech may go on before it is taken over in its middle
_HEARD_S: Final = 0.4  # for visitors to subscribe to a new sound, while they hear none
_ARRIVES_S: Final = 1.0  # the same while another avatar has the voice: nobody waits
_BOTH_S: Final = 1.0  # how long an avatar that is replaced stays, for visitors' pages to change over
_OVERDUE_S: Final = 6.0  # beyond its length, for which a hosted avatar may be busy with a speech
_LOOK_S: Final = 1.0
_LOOK_AT_S: Final = 20.0


@dataclass(frozen=True)
class Choice:
    """A provider and its settings."""

    provider: str
    settings: Mapping[str, JsonValue]

    @property
    def is_hosted(self) -> bool:
        return self.provider in HOSTED


class Shown:
    """`by` is the provider whose avatar is shown; "still" is the still picture."""

    def __init__(
        self,
        room: rtc.Room,
        session: "AgentSession[None]",
        spec: JobSpec,
        on_frame: Callable[[FrameTiming], None],
        warn: Callable[[str], None],
        emit: Callable[..., None],
    ) -> None:
        self.by = ""
        self.connected: Callable[[], Awaitable[None]] = _at_once
        self._room = room
        self._spec = spec
        self._on_frame = on_frame
        self._warn = warn
        self._emit = emit
        self._line = VoiceLine(AUDIO_SAMPLE_RATE, self._tell_delay)
        session.output.replace_audio_tail(self._line)
        self._avatar: Avatar | None = None
        self._expression = Expression.NEUTRAL
        self._still: asyncio.Task[bytearray] | None = None
        self._still_mode = spec.mode
        self._seen: bytearray | None = None  # the hosted avatar's own picture, in the still's size
        self._looking: asyncio.Task[None] | None = None
        self._unfinished: set[asyncio.Task[None]] = set()
        self._telling = asyncio.Lock()
        self._is_over = asyncio.Event()

    @property
    def _is_watched(self) -> bool:
        return any(one.kind == _VISITOR for one in self._room.remote_participants.values())

    @property
    def avatar(self) -> Avatar:
        if self._avatar is None:
            raise RuntimeError("no avatar is shown yet")
        return self._avatar

    def queued(self) -> tuple[int, float] | None:
        """Frames, and milliseconds of sound, that wait for their moment; None where it is rendered elsewhere."""
        queued = getattr(self._avatar, "queued", None)
        return queued() if queued is not None else None

    def doubt(self) -> None:
        """A visitor sees no new picture."""
        if self._avatar is not None:
            self._avatar.doubt()

    def express(self, expression: Expression) -> None:
        self._expression = expression
        if self._avatar is not None:
            self._avatar.show(expression)

    def caption(self, text: str) -> None:
        if self._avatar is not None:
            self._avatar.caption(text)

    async def started(self, choice: Choice, mode: ModeSettings) -> Avatar:
        """A provider's avatar, started and not shown yet. Raises `AvatarLostError` for a hosted one that could not be started
        and for one that is not known here, and what it raises for one that is rendered here."""
        avatar: Avatar | None = None
        try:
            avatar = make_avatar(self._parts(choice, mode))
            await avatar.start(self.connected)
        except BaseException as error:
            if avatar is not None:
                self._own(_close(avatar))
            is_elsewhere = choice.is_hosted or isinstance(error, UnknownProvider)
            if not is_elsewhere or isinstance(error, AvatarLostError) or not isinstance(error, Exception):
                raise
            raise _as_loss(choice.provider, error) from error
        return avatar

    async def show(self, avatar: Avatar, by: str, face: Face = Face.MOVING) -> None:
        """In the next pause, `avatar` is seen and heard; what was shown before goes. Closes it where that is broken off."""
        try:
            if self._avatar is not None and self._is_watched:
                await asyncio.sleep(_ARRIVES_S)
            await self._line.hand_over(avatar.sound, is_remote=bool(avatar.identity), limit_s=_SENTENCE_S)
        except BaseException:
            self._own(_close(avatar))
            raise
        avatar.show(self._expression)
        earlier, self._avatar, self.by = self._avatar, avatar, by
        if earlier is not None:
            self._own(self._close_later(earlier))
        self._stop_looking(forget=by != STILL)
        if avatar.identity:
            self._looking = asyncio.create_task(self._look_at(avatar), name="look-at-avatar")
        self._tell(face)

    async def make_way(self) -> None:
        """The still picture is shown from the next pause on, and the avatar that was shown is closed."""
        await self.show(await self._started_still(), STILL, Face.CHANGING)
        if self._unfinished:
            await asyncio.wait(set(self._unfinished))  # a session that ends meanwhile breaks no closing off

    async def show_still(self) -> float:
        """At once: the still picture, and the voice goes on in mid-sentence. Returns how long that took, milliseconds."""
        began = time.monotonic()
        earlier, self._avatar = self._avatar, None
        self._line.release(is_gone=True)
        if earlier is not None:
            self._own(_close(earlier))
        await self.connected()
        self._stop_looking(forget=False)
        still = await self._started_still()
        if self._is_watched:
            await still.heard(_HEARD_S)
        self._avatar, self.by = still, STILL
        self._line.follow(still.sound)
        took_ms = (time.monotonic() - began) * 1000
        logger.info("the still picture has taken over in %.0f ms", took_ms)
        self._tell(Face.STILL)
        return took_ms

    async def _started_still(self) -> "StillAvatar":
        from agent.avatars.still import StillAvatar, still_mode

        picture = self._seen
        if picture is None:
            picture = await asyncio.shield(self._still or self.draw_still(self._spec.mode))
        still = StillAvatar(self._parts(Choice(STILL, {}), still_mode(self._still_mode)), picture)
        await still.start(self.connected)
        return still

    def draw_still(self, mode: ModeSettings) -> asyncio.Task[bytearray]:
        """In the background, for it to be there when it is needed; once."""
        from agent.avatars.still import draw_still

        if self._still is None:
            self._still_mode = mode
            self._still = asyncio.create_task(draw_still(self._spec, mode), name="still-picture")
        return self._still

    async def _look_at(self, avatar: Avatar) -> None:
        """Keeps a frame of a hosted avatar: whom visitors have seen is whom the still picture shows."""
        from agent.avatars.hosted import HostedAvatar
        from agent.avatars.still import fitted

        if not isinstance(avatar, HostedAvatar):
            return
        try:
            async with asyncio.timeout(_LOOK_AT_S):
                frame = await avatar.picture()
            self._seen = await asyncio.to_thread(fitted, frame, self._still_mode)
        except (TimeoutError, RuntimeError, LookupError) as error:
            logger.info("no picture of the hosted avatar was kept: %r", error)

    def _stop_looking(self, *, forget: bool = True) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        if forget:
            self._seen = None

    async def lost(self) -> AvatarLostError:
        """Why what is shown is lost, once it is. An avatar elsewhere that does not finish what it says counts as lost."""
        avatar = self.avatar
        broken = asyncio.ensure_future(avatar.broken())
        try:
            while not broken.done():
                await asyncio.wait({broken}, timeout=_LOOK_S)
                overdue_s = self._line.overdue_s
                if avatar.identity and overdue_s > _OVERDUE_S and not broken.done():
                    sentence = f"The avatar did not finish what it had to say, {overdue_s:.0f} s after its time."
                    return AvatarLostError(LossCode.STOPPED, sentence)
            return broken.result()
        finally:
            broken.cancel()
            await asyncio.gather(broken, return_exceptions=True)

    async def aclose(self) -> None:
        self._stop_looking()
        await self._line.aclose()
        if self._still is not None:
            self._still.cancel()
            await asyncio.gather(self._still, return_exceptions=True)
        avatar, self._avatar = self._avatar, None
        if avatar is not None:
            self._own(_close(avatar))
        self._is_over.set()
        await asyncio.gather(*self._unfinished, return_exceptions=True)

    def _parts(self, choice: Choice, mode: ModeSettings) -> AvatarParts:
        on_frame = _no_frame if choice.provider == STILL else self._on_frame
        return AvatarParts(
            self._room, self._spec, choice.provider, choice.settings, mode, on_frame, self._warn, self._emit
        )

    def _tell_delay(self, delay_ms: float) -> None:
        self._emit(ProviderMeasured, provider=self.by, voice_delay_ms=delay_ms)

    def _tell(self, face: Face) -> None:
        """Visitors' pages have one line for it, and look at who has the voice. Nobody waits for them to be told."""
        if self._room.isconnected():
            mine = self._room.local_participant.identity
            self._own(self._set({FACE_ATTRIBUTE: face.value, SHOWN_ATTRIBUTE: self.avatar.identity or mine}))

    async def _set(self, attributes: dict[str, str]) -> None:
        """In the order of the calls. Not worth failing for."""
        async with self._telling:
            try:
                await self._room.local_participant.set_attributes(attributes)
            except Exception:
                logger.warning("visitors could not be told of the face", exc_info=True)

    async def _close_later(self, avatar: Avatar) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._is_over.wait(), _BOTH_S)
        await _close(avatar)

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        """It is done whatever becomes of who asked for it."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)


async def _close(avatar: Avatar) -> None:
    try:
        await avatar.aclose()
    except Exception:
        logger.exception("an avatar did not close in good order")


def _as_loss(provider: str, error: Exception) -> AvatarLostError:
    if isinstance(error, ValidationError):
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
        return AvatarLostError(LossCode.NOT_SET_UP, f"The profile's settings for {provider} can't be used: {problems}")
    if isinstance(error, UnknownProvider):
        return AvatarLostError(LossCode.NOT_SET_UP, str(error))
    logger.error("%s failed", provider, exc_info=error)
    return AvatarLostError(LossCode.STOPPED, f"The avatar of {provider} failed: {type(error).__name__}.")


async def _at_once() -> None:
    """Before the job has said how to wait for the room."""


def _no_frame(_: FrameTiming) -> None:
    """A still picture's frames say nothing of the host."""


_VISITOR: Final = rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD
