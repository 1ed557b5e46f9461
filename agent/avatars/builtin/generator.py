"""The built-in avatar as LiveKit's `AvatarRunner` wants it: sound in; pictures and their sound out, in step.

While something is said each picture is followed by its sound, as fast as the runner takes them; while nothing is said
pictures come alone, when they are due. A picture that is not drawn in time is replaced by the last one: sound never waits.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator

from agent.avatars.builtin.compose import ComposedFrame, Composer
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, Expression
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.mouth import SpeakingMouth
from agent.avatars.builtin.pacing import FramePacer
from agent.avatars.builtin.renderer_thread import RendererThread
from agent.avatars.builtin.sound_blocks import SoundBlock
from agent.avatars.builtin.sound_input import SegmentEnd, SoundInput
from protocol.modes import ModeSettings

AUDIO_SAMPLE_RATE: Final = 24_000
_LOOK_AHEAD: Final = 2  # blocks of sound whose pictures are under way; the runner holds `output_buffer_size` more
_KEEP_ALIVE_S: Final = 1.0
_RUNNER_QUEUE_S: Final = 0.1  # what an AvatarRunner holds at least
_PROMPT_S: Final = 2.0  # how long a visitor's first picture may take to ask for
_LONGEST_STEP_S: Final = 0.25  # a face that was not shown for longer goes on from where it was


@dataclass(frozen=True)
class FrameTiming:
    """One picture. `took_ms`: the time to make it; for a repeated one, how long the picture in its place was waited for."""

    kind: Literal["composed", "cached", "repeated"]
    took_ms: float


class Playout(Protocol):
    """What plays the frames: LiveKit's `AVSynchronizer`."""

    def reset(self) -> None: ...

    def follow(self, mode: ModeSettings) -> None: ...

    async def clear_queue(self) -> None: ...


class _Next(NamedTuple):
    """The mode that is taken over at the next edge of a frame, with its first picture drawn."""

    mode: ModeSettings
    renderer: RendererThread
    picture: ComposedFrame
    taken: asyncio.Future[None]


class _Ahead(NamedTuple):
    """Taken from the queue of sound, its picture under way."""

    item: SoundBlock | SegmentEnd
    picture: asyncio.Future[ComposedFrame] | None


class BuiltinVideoGenerator(VideoGenerator):
    """One talking presenter. Used from one event loop; draws in a thread of its own."""

    def __init__(
        self,
        mode: ModeSettings,
        *,
        make_composer: Callable[[], Composer],
        on_frame: Callable[[FrameTiming], None],
        on_clear: Callable[[], None] = lambda: None,
    ) -> None:
        """`make_composer` is called in the thread that draws, `on_frame` on the event loop for every picture, `on_clear`
        when the speaker is silenced."""
        self._mode = mode
        self._on_clear = on_clear
        self._on_frame = on_frame
        self._frame_s = 1 / mode.video_fps
        self._renderer = RendererThread(make_composer, mode.num_threads, mode.loading_mode)
        self._input = SoundInput(
            AUDIO_SAMPLE_RATE,
            mode.video_fps,
            whole_frames=mode.batch_audio_to_frames,
            most_blocks=mode.input_buffer_size,
        )
        self._mouth = SpeakingMouth(AUDIO_SAMPLE_RATE)
        self._motion = IdleMotion(random.Random())  # noqa: S311 (blinks are no secret)
        self._pacer = FramePacer(_longest_queue_s(mode))
        self._ahead: deque[_Ahead] = deque()
        self._next: _Next | None = None
        self._playout: Playout | None = None
        self._last: rtc.VideoFrame | None = None
        self._last_at_s = 0.0
        self._last_was_idle = False
        self._prompt_until_s = 0.0
        self._clears = 0
        self._closed = False

    @property
    def video_width(self) -> int:
        return self._mode.video_width

    @property
    def video_height(self) -> int:
        return self._mode.video_height

    @property
    def video_fps(self) -> int:
        return self._mode.video_fps

    @property
    def audio_sample_rate(self) -> int:
        """Rate of the sound that comes out, mono; sound of another rate may go in."""
        return AUDIO_SAMPLE_RATE

    async def prepare(self) -> None:
        """Have the first picture at hand. Raises what `make_composer` raises: `SceneError`, `FileNotFoundError`."""
        if self._last is None:
            self._last = self._as_video(await self._renderer.start())

    async def switch(self, mode: ModeSettings, make_composer: Callable[[], Composer]) -> None:
        """Go on in another mode at the edge of a frame: no sound is lost, and no picture misses its moment while the new
        ones are made ready. Raises what `make_composer` raises; then nothing has changed. One at a time."""
        idle = RendererThread(make_composer, mode.num_threads, mode.loading_mode)
        try:
            picture = await idle.start()
            self._next = _Next(mode, idle, picture, asyncio.get_running_loop().create_future())
            self._input.arrived.set()
            earlier = self._renderer
            await self._next.taken
            idle = earlier
        finally:
            self._next = None
            await idle.aclose()

    def attach(self, playout: Playout) -> None:
        """Tell what plays the frames (`runner.av_sync`), so that an interruption silences what it still holds, and so
        that its frame clock restarts after a pause instead of hurrying after it."""
        self._playout = playout

    def show_promptly(self, for_s: float = _PROMPT_S) -> None:
        """Where a quiet face is shown once a second only, show it at the idle rate for a moment: a visitor has come, whose
        first picture can be no earlier than the next one, or a mode is switched."""
        self._prompt_until_s = time.monotonic() + for_s
        self.refresh()

    def refresh(self) -> None:
        """Something other than the face has changed: where a quiet face waits for its next picture, make that one now."""
        if self._last_was_idle:
            self._pacer.drop_queue()
            self._input.arrived.set()

    def set_expression(self, expression: Expression) -> None:
        """Look like this from now on; the face blends over in about 0.3 s, also where a quiet face is shown once a second."""
        self._motion.show(expression)
        if self._motion.moving:
            self.refresh()

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Say `frame`. Waits while more sound is queued than the mode's `input_buffer_size`."""
        if isinstance(frame, AudioSegmentEnd):
            await self._input.end_segment()
        else:
            await self._input.push(frame)

    async def clear_buffer(self) -> None:
        """Stop speaking at once: nothing of what was pushed so far comes out any more, and the mouth is closed."""
        self._clears += 1
        self._on_clear()
        self._input.drop()
        for ahead in self._ahead:
            if ahead.picture is not None:
                ahead.picture.cancel()
        self._ahead.clear()
        self._mouth.silence()
        self._pacer.drop_queue()
        if self._playout is not None:
            await self._playout.clear_queue()

    async def aclose(self) -> None:
        """Ends the iteration, a switch and the drawing thread."""
        self._closed = True
        if self._next is not None:
            self._next.taken.cancel()
        self._input.drop()
        await self._renderer.aclose()

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        await self.prepare()
        while not self._closed:
            if self._next is None:
                self._look_ahead()
            elif not self._ahead:
                self._take_over(self._next)
                continue
            if not self._ahead:
                if await self._pacer.wait(self._idle_interval_s(), self._input.arrived) and not self._closed:
                    yield await self._idle_picture()
                    self._input.release_held()
                continue
            item, picture = self._ahead.popleft()
            if isinstance(item, SegmentEnd):
                yield AudioSegmentEnd()
                continue
            clears = self._clears
            if picture is not None:
                shown = await self._in_time(picture, self._pacer.queued_s() - self._frame_s)
                if clears != self._clears:
                    continue
                yield self._shown(shown, idle=False)
                self._pacer.handed_over(self._frame_s)
                if clears != self._clears:
                    continue
            yield rtc.AudioFrame(item.samples.tobytes(), AUDIO_SAMPLE_RATE, 1, item.samples.size)

    def _take_over(self, following: _Next) -> None:
        self._next, self._mode, self._renderer = None, following.mode, following.renderer
        self._frame_s = 1 / following.mode.video_fps
        self._input.recut(
            following.mode.video_fps,
            whole_frames=following.mode.batch_audio_to_frames,
            most_blocks=following.mode.input_buffer_size,
        )
        self._pacer.set_longest_queue(_longest_queue_s(following.mode))
        self._last = self._as_video(following.picture)
        if self._playout is not None:
            self._playout.follow(following.mode)
        following.taken.set_result(None)

    def _look_ahead(self) -> None:
        """Have the pictures of the next blocks of sound drawn."""
        while len(self._ahead) < _LOOK_AHEAD:
            item = self._input.take()
            if item is None:
                return
            picture = None
            if isinstance(item, SoundBlock) and item.starts_frame:
                mouth = self._mouth.update(item.samples, self._frame_s, item.spoken)
                self._motion.advance(self._frame_s, speaking=True, openness=mouth.opening / (MOUTH_OPENINGS - 1))
                picture = self._renderer.compose(self._motion.state(mouth))
            self._ahead.append(_Ahead(item, picture))

    @property
    def _settled(self) -> bool:
        return self._mouth.closed and not self._motion.moving

    def _idle_interval_s(self) -> float:
        """Lids, a closing mouth and a new expression move at the full rate; the rest of a quiet face needs less."""
        if not self._settled:
            return self._frame_s
        lively = self._mode.process_idle_video or time.monotonic() < self._prompt_until_s
        quiet_s = 1 / self._mode.idle_fps if lively else _KEEP_ALIVE_S
        scene_fps = self._renderer.lively_fps()
        return quiet_s if scene_fps is None else max(min(quiet_s, 1 / scene_fps), self._frame_s)

    async def _idle_picture(self) -> rtc.VideoFrame:
        passed_s = min(time.monotonic() - self._last_at_s, _LONGEST_STEP_S)
        if self._mode.process_idle_video or not self._settled:
            self._motion.advance(passed_s, speaking=False)
        mouth = self._mouth.update(None, passed_s)
        picture = self._renderer.compose(self._motion.state(mouth))
        return self._shown(await self._in_time(picture, self._pacer.queued_s()), idle=True)

    async def _in_time(self, picture: asyncio.Future[ComposedFrame], slack_s: float) -> rtc.VideoFrame:
        """The picture, or the last one again when it is there neither within a frame's time nor within `slack_s`."""
        asked = time.perf_counter()
        done, _ = await asyncio.wait({picture}, timeout=max(self._frame_s, slack_s))
        if self._last is None or (done and not picture.cancelled()):
            composed = await picture
            self._on_frame(FrameTiming(composed.kind, composed.took_ms))
            return self._as_video(composed)
        picture.cancel()
        self._on_frame(FrameTiming("repeated", (time.perf_counter() - asked) * 1000))
        return self._last

    def _shown(self, frame: rtc.VideoFrame, *, idle: bool) -> rtc.VideoFrame:
        now_s = time.monotonic()
        # The synchroniser counts on frames at the full rate, and hurries the next ones on when there were fewer.
        if self._playout is not None and self._last_was_idle and now_s - self._last_at_s > 1.5 * self._frame_s:
            self._playout.reset()
        self._last, self._last_at_s, self._last_was_idle = frame, now_s, idle
        return frame

    def _as_video(self, composed: ComposedFrame) -> rtc.VideoFrame:
        return rtc.VideoFrame(
            self._mode.video_width, self._mode.video_height, rtc.VideoBufferType.I420, composed.buffer
        )


def _longest_queue_s(mode: ModeSettings) -> float:
    return _RUNNER_QUEUE_S + (mode.output_buffer_size + 1) / mode.video_fps
