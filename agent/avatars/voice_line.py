"""The session's sound, whoever shows the face: what is not said yet is kept, so that it can be paused, and said on by another."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities, PlaybackFinishedEvent, PlaybackStartedEvent

logger = logging.getLogger(__name__)

REWIND_S: Final = 0.3  # said again after a pause: what was queued for playing when it began, and a little before
REMOTE_DELAY_S: Final = 0.4  # from handing sound to an avatar elsewhere until it is heard
HERE_DELAY_S: Final = 0.2  # the same of one that is rendered here
HERE_LAG_S: Final = 0.15  # of which after it said that it began
PAUSE_S: Final = 0.2  # for so long no word is as quiet as
_TAKES_UP_S: Final = 0.05  # so much later a browser plays a sound that is new to it; so much of the pause is left out
QUIET_RMS: Final = 0.01  # of full scale
AHEAD_S: Final = 3.0  # an avatar elsewhere that gets a long speech in one go stops for a second to take it in
_LOOK_S: Final = 0.02
_SAID_S: Final = 0.5
_CLEARED_WITHIN_S: Final = 1.0  # a sink that was silenced tells how far it came; one that does not is not waited for


@dataclass
class _Segment:
    """Sound of one speech, kept until it is played."""

    frames: list[rtc.AudioFrame] = field(default_factory=list)
    duration_s: float = 0.0
    ended: bool = False
    fed: int = 0  # frames that the present sink has, or that were said before it
    fed_s: float = 0.0
    end_fed: bool = False
    said_s: float = 0.0  # before the present run
    began: float | None = None  # the present run, on the monotonic clock
    # When its first sound went to an avatar elsewhere that had nothing else to say, on the monotonic clock.
    sent: float | None = None
    announced: bool = False
    cut_short: bool = False  # the session does not want the rest of it

    def add(self, frame: rtc.AudioFrame) -> None:
        self.frames.append(frame)
        self.duration_s += frame.duration

    @property
    def position_s(self) -> float:
        running_s = 0.0 if self.began is None else time.monotonic() - self.began
        return min(self.said_s + max(0.0, running_s), self.duration_s)

    def is_pause_at(self, position_s: float) -> bool:
        """Whether nothing is said from half of `PAUSE_S` before until half of it after."""
        start_s, pause = 0.0, []
        for frame in self.frames:
            if abs(start_s + frame.duration / 2 - position_s) <= PAUSE_S / 2:
                pause.append(np.frombuffer(frame.data, np.int16))
            start_s += frame.duration
        if position_s + PAUSE_S / 2 > start_s or not pause:
            return False
        return bool(np.sqrt(np.mean(np.square(np.concatenate(pause) / 2**15))) < QUIET_RMS)

    def stand_still(self) -> None:
        """All that was fed is said, and more comes only now: that time is none of the speech."""
        if self.began is not None:
            self.began += max(0.0, time.monotonic() - self.began - (self.fed_s - self.said_s))

    def rewind(self) -> None:
        """From shortly before where it is, for the next run."""
        self.go_to(self.said_s if self.began is None else self.position_s - REWIND_S)

    def go_to(self, from_s: float) -> None:
        """The next run begins with the frame in which `from_s` is."""
        self.began, self.sent, self.end_fed = None, None, False
        position_s = 0.0
        self.fed = len(self.frames)
        for number, frame in enumerate(self.frames):
            if position_s + frame.duration > from_s:
                self.fed = number
                break
            position_s += frame.duration
        self.said_s = self.fed_s = position_s


class VoiceLine(AudioOutput):
    """Feeds one sink at a time. `follow` goes on with another one in mid-sentence, `hand_over` in the next pause; without a sink,
    speech waits.

    `on_delay` hears by how much later an avatar elsewhere said a whole speech than it was sent, in milliseconds: at most by so
    much, since a speech that came in slowly ended late by itself.
    """

    def __init__(self, sample_rate: int, on_delay: Callable[[float], None] | None = None) -> None:
        super().__init__(label="VoiceLine", capabilities=AudioOutputCapabilities(pause=True), sample_rate=sample_rate)
        self._on_delay = on_delay
        self._sink: AudioOutput | None = None
        self._is_remote = False
        self._resampler: rtc.AudioResampler | None = None
        self._segments: deque[_Segment] = deque()
        self._more = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._feeding: asyncio.Task[None] | None = None
        self._stopped: set[asyncio.Task[None]] = set()
        self._paused = False
        self._clearing: asyncio.TimerHandle | None = None
        self._leaving: tuple[AudioOutput, asyncio.TimerHandle] | None = None  # says its last until then

    # -- who says it -----------------------------------------------------------------------------------------------------

    def follow(self, sink: AudioOutput, *, is_remote: bool = False) -> None:
        """`sink` says on what is not said yet. `is_remote`: of an avatar elsewhere, which tells only when a speech is over."""
        self.release()
        self._listen_to(sink, is_remote=is_remote)

    async def hand_over(self, sink: AudioOutput, *, is_remote: bool = False, limit_s: float) -> None:
        """`sink` says on from the next pause in what is being said; after `limit_s`, from wherever that is. It is fed as long
        before as it takes to be heard, so that nobody hears a gap. At once where nothing is being said."""
        deadline = time.monotonic() + limit_s
        delay_s = REMOTE_DELAY_S if is_remote else HERE_DELAY_S
        while (speech := self._heard) is not None:
            at_s = speech.position_s + delay_s - (0.0 if self._is_remote else HERE_LAG_S)
            is_late = time.monotonic() > deadline
            is_pause = speech.is_pause_at(at_s)
            if is_pause or (is_late and at_s < speech.duration_s):
                self._overlap(speech, at_s, delay_s, _TAKES_UP_S if is_pause else 0.0)
                self._listen_to(sink, is_remote=is_remote)
                return
            if is_late:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), _LOOK_S)
        self.follow(sink, is_remote=is_remote)

    @property
    def _heard(self) -> _Segment | None:
        """What is being said, while it sounds."""
        head = self._segments[0] if self._segments else None
        sounds = self._sink is not None and not self._paused and self._clearing is None
        return head if sounds and head is not None and head.began is not None else None

    def _overlap(self, speech: _Segment, at_s: float, delay_s: float, skipped_s: float) -> None:
        """The present sink says `speech` until `at_s`, `delay_s` from now; the next one begins there, or `skipped_s` after it."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        self._dismiss()
        self._stop_feeding()
        self._turn_from(sink)
        self._rewind()
        speech.go_to(at_s + skipped_s)
        self._leaving = sink, asyncio.get_running_loop().call_later(delay_s, self._dismiss)

    def _dismiss(self) -> None:
        """Whose place was taken falls silent."""
        if self._leaving is not None:
            (sink, timer), self._leaving = self._leaving, None
            timer.cancel()
            sink.flush()
            sink.clear_buffer()

    def _listen_to(self, sink: AudioOutput, *, is_remote: bool) -> None:
        self._sink, self._is_remote = sink, is_remote
        rate = sink.sample_rate
        self._resampler = None
        if rate is not None and self._sample_rate is not None and rate != self._sample_rate:
            self._resampler = rtc.AudioResampler(self._sample_rate, rate, num_channels=1)
        sink.on("playback_started", self._on_started)
        sink.on("playback_finished", self._on_finished)
        self._feed_on()

    def _turn_from(self, sink: AudioOutput) -> None:
        sink.off("playback_started", self._on_started)
        sink.off("playback_finished", self._on_finished)

    def release(self, *, is_gone: bool = False) -> None:
        """The sink falls silent, or is gone already; what was not said waits for the next one."""
        self._dismiss()
        sink, self._sink = self._sink, None
        if sink is None:
            return
        self._stop_feeding()
        if self.overdue_s > _SAID_S:  # it was said, and not told
            self._finish(interrupted=False)
        self._turn_from(sink)
        if self._clearing is not None:
            self._cleared()
        elif self._segments:
            self._rewind()
            if not is_gone:
                sink.flush()
                sink.clear_buffer()

    @property
    def overdue_s(self) -> float:
        """How long ago what is being said should have been over."""
        head = self._segments[0] if self._segments else None
        if head is None or head.began is None or not head.end_fed or self._paused or self._clearing is not None:
            return 0.0
        return max(0.0, time.monotonic() - head.began - (head.duration_s - head.said_s))

    async def aclose(self) -> None:
        """Nothing is said any more, and nobody waits for it."""
        self.release()
        for segment in self._segments:
            segment.cut_short = True
        self._cleared()
        await asyncio.gather(*self._stopped, return_exceptions=True)

    # -- what the session says -------------------------------------------------------------------------------------------

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._segments or self._segments[-1].ended:
            self._segments.append(_Segment())
            self._quiet.clear()
        self._segments[-1].add(frame)
        self._more.set()

    def flush(self) -> None:
        super().flush()
        if self._segments:
            self._segments[-1].ended = True
            self._more.set()

    def clear_buffer(self) -> None:
        self._dismiss()
        if not self._segments or self._clearing is not None:
            return
        is_playing = any(segment.fed for segment in self._segments) and not self._paused
        for segment in self._segments:
            segment.said_s, segment.began = segment.position_s, None
            segment.ended = segment.cut_short = True
        if self._sink is None or not is_playing:
            self._cleared()
            return
        self._stop_feeding()
        # what is said next must not overtake the silencing
        self._clearing = asyncio.get_running_loop().call_later(_CLEARED_WITHIN_S, self._cleared)
        self._sink.flush()
        self._sink.clear_buffer()

    def pause(self) -> None:
        if self._paused:
            return
        self._paused = True
        self._dismiss()
        if self._sink is not None and self._segments and self._clearing is None:
            self._stop_feeding()
            self._rewind()
            self._sink.flush()
            self._sink.clear_buffer()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self._feed_on()

    # -- how it is said --------------------------------------------------------------------------------------------------

    def _feed_on(self) -> None:
        may = self._sink is not None and not self._paused and self._clearing is None
        if may and self._feeding is None and self._sink is not None:
            self._feeding = asyncio.create_task(self._feed(self._sink), name="voice-line")
            self._feeding.add_done_callback(_log_failure)

    def _stop_feeding(self) -> None:
        feeding, self._feeding = self._feeding, None
        if feeding is not None:
            feeding.cancel()
            self._stopped.add(feeding)
            feeding.add_done_callback(self._stopped.discard)

    async def _feed(self, sink: AudioOutput) -> None:
        while True:
            segment = next((one for one in self._segments if one.fed < len(one.frames) or not one.end_fed), None)
            if segment is None or (segment.fed == len(segment.frames) and not segment.ended):
                self._more.clear()
                await self._more.wait()
            elif segment.fed < len(segment.frames):
                if self._is_remote and segment.fed == 0 and segment is self._segments[0]:
                    segment.sent = time.monotonic()
                if self._is_remote:
                    await asyncio.sleep(max(0.0, segment.fed_s - segment.position_s - AHEAD_S))
                segment.stand_still()
                frame = segment.frames[segment.fed]
                segment.fed += 1
                segment.fed_s += frame.duration
                for part in self._at_rate_of_sink(frame):
                    await sink.capture_frame(part)
                if self._is_remote and segment is self._segments[0]:
                    self._begin(segment)
            else:
                segment.end_fed = True
                for frame in [] if self._resampler is None else self._resampler.flush():
                    await sink.capture_frame(frame)
                sink.flush()

    def _at_rate_of_sink(self, frame: rtc.AudioFrame) -> list[rtc.AudioFrame]:
        return [frame] if self._resampler is None else self._resampler.push(frame)

    def _begin(self, segment: _Segment) -> None:
        if segment.began is not None:
            return
        segment.began = time.monotonic() + (REMOTE_DELAY_S if self._is_remote else 0.0)
        if not segment.announced:
            segment.announced = True
            self.on_playback_started(created_at=time.time())

    def _on_started(self, _: PlaybackStartedEvent) -> None:
        if self._segments and not self._is_remote:
            self._begin(self._segments[0])

    def _on_finished(self, event: PlaybackFinishedEvent) -> None:
        if self._clearing is not None:
            self._cleared()
        elif not event.interrupted and self._segments and self._segments[0].end_fed:
            self._tell_delay(self._segments[0])
            self._finish(interrupted=False)
            if self._is_remote and self._segments and self._segments[0].fed:
                self._begin(self._segments[0])
        # else it was silenced by a pause, or for another sink: the segment is not over

    def _tell_delay(self, segment: _Segment) -> None:
        if self._on_delay is not None and segment.sent is not None:
            self._on_delay(max(0.0, (time.monotonic() - segment.sent - segment.duration_s) * 1000))

    def _cleared(self) -> None:
        """All that was there when the session fell silent is over."""
        if self._clearing is not None:
            self._clearing.cancel()
            self._clearing = None
        while self._segments and self._segments[0].cut_short:
            self._finish(interrupted=True)
        self._feed_on()

    def _finish(self, *, interrupted: bool) -> None:
        segment = self._segments.popleft()
        if not self._segments:
            self._quiet.set()
        position_s = segment.said_s if interrupted else segment.duration_s
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)

    def _rewind(self) -> None:
        for segment in self._segments:
            if segment.fed:
                segment.rewind()


def _log_failure(feeding: asyncio.Task[None]) -> None:
    """What was not said then waits for another sink."""
    if not feeding.cancelled() and (error := feeding.exception()) is not None:
        logger.warning("an avatar took no more sound: %s", error)
