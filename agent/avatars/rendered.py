"""An avatar that is rendered in the job itself: a composer's pictures, in step with the session's sound."""

from collections.abc import Awaitable, Callable
from typing import Final

from livekit.agents.voice.avatar import QueueAudioOutput

from agent.avatars import AvatarLostError, AvatarParts
from agent.avatars.builtin.compose import Composer
from agent.avatars.builtin.face_state import Expression
from agent.avatars.builtin.generator import BuiltinVideoGenerator
from agent.avatars.runner import PublishingRunner
from protocol.modes import ModeSettings
from protocol.providers import LossCode

_SWITCH_S: Final = (
    60.0  # at most: pictures come at the idle rate while a mode is switched, for visitors measure the gap
)
_SWITCHED_S: Final = 2.0


class RenderedAvatar:
    """Fed by the session's sound, published by the agent itself."""

    identity = ""

    def __init__(self, parts: AvatarParts, composer_of: Callable[[ModeSettings], Callable[[], Composer]]) -> None:
        """`composer_of` a mode is called in the thread that draws."""
        self._parts = parts
        self._composer_of = composer_of
        self._mode = parts.mode
        self._generator = BuiltinVideoGenerator(
            parts.mode,
            make_composer=composer_of(parts.mode),
            on_frame=parts.on_frame,
            on_clear=lambda: self.caption(""),
        )
        self.sound = QueueAudioOutput(sample_rate=self._generator.audio_sample_rate, wait_playback_start=True)
        self._runner: PublishingRunner | None = None

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        await self._generator.prepare()
        await connected()
        self._runner = PublishingRunner(
            self._parts.room,
            mode=self._parts.mode,
            audio=self.sound,
            video=self._generator,
            audio_sample_rate=self._generator.audio_sample_rate,
        )
        self._generator.attach(self._runner.playout)
        self._parts.room.on("participant_connected", self._on_arrival)
        await self._runner.start()
        await self._runner.first_frame()

    async def broken(self) -> AvatarLostError:
        if self._runner is None:
            raise RuntimeError("the avatar is not started")
        return AvatarLostError(LossCode.STOPPED, f"The avatar's picture stopped: {await self._runner.broken()}")

    async def switch(self, mode: ModeSettings) -> bool:
        if self._runner is None:
            raise RuntimeError("the avatar is not started")
        earlier = self._mode
        self._generator.show_promptly(_SWITCH_S)
        # Large pictures on a track with a small bit rate would arrive late: a richer track comes before them.
        is_richer = mode.bitrate_kbps > earlier.bitrate_kbps
        first, second = (self._follow, self._draw) if is_richer else (self._draw, self._follow)
        await first(mode)
        try:
            await second(mode)
        except BaseException:
            await first(earlier)
            raise
        self._mode = mode
        self._generator.show_promptly(_SWITCHED_S)
        return True

    async def _draw(self, mode: ModeSettings) -> None:
        await self._generator.switch(mode, self._composer_of(mode))

    async def _follow(self, mode: ModeSettings) -> None:
        if self._runner is not None:
            await self._runner.follow(mode)

    def queued(self) -> tuple[int, float] | None:
        """Frames, and milliseconds of sound, that wait for their moment; None before anything is played."""
        return None if self._runner is None else self._runner.playout.queued()

    def show(self, expression: Expression) -> None:
        self._generator.set_expression(expression)

    def caption(self, text: str) -> None:
        """Burns nothing in."""

    def doubt(self) -> None:
        """The job knows of every frame that it makes."""

    async def heard(self, limit_s: float) -> None:
        """Returns once a visitor gets the sound, or after `limit_s`."""
        if self._runner is not None:
            await self._runner.heard(limit_s)

    async def aclose(self) -> None:
        self._parts.room.off("participant_connected", self._on_arrival)
        if self._runner is not None:
            await self._runner.withdraw()
            await self._runner.aclose()
        await self._generator.aclose()

    def _on_arrival(self, _: object) -> None:
        self._generator.show_promptly()
