"""Sound output of an avatar that can be paused: a visitor who only coughs does not lose the rest of the sentence."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, QueueAudioOutput
from livekit.agents.voice.io import AudioOutput

REWIND_S: Final = 0.3  # said again after a pause: what was queued for playing when it began, and a little before


@dataclass
class _Segment:
    """Sound of one speech, kept until it is played."""

    frames: list[rtc.AudioFrame] = field(default_factory=list)
    ended: bool = False
    said_s: float = 0.0  # before the present run
    began: float | None = None  # the present run, on the monotonic clock
    announced: bool = False

    @property
    def position_s(self) -> float:
        return self.said_s + (0.0 if self.began is None else time.monotonic() - self.began)


class PausableAudioOutput(QueueAudioOutput):
    """`pause` silences at once what the avatar says; `resume` says it on from shortly before."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(sample_rate=sample_rate, wait_playback_start=True)
        self._capabilities.pause = True
        self._segments: deque[_Segment] = deque()
        self._paused = False
        self._interrupting = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if not self._segments or self._segments[-1].ended:
            self._segments.append(_Segment())
        self._segments[-1].frames.append(frame)
        if self._paused:
            await AudioOutput.capture_frame(self, frame)
        else:
            await super().capture_frame(frame)

    def flush(self) -> None:
        if self._segments:
            self._segments[-1].ended = True
        if self._paused:
            AudioOutput.flush(self)
        else:
            super().flush()

    def clear_buffer(self) -> None:
        segments, self._segments = self._segments, deque()
        if self._paused:
            self._capturing = False
            for segment in segments:
                self.on_playback_finished(playback_position=segment.position_s, interrupted=True)
            return
        self._interrupting = True
        super().clear_buffer()

    def pause(self) -> None:
        if self._paused:
            return
        self._paused = True
        if self._segments:
            segment = self._segments[0]
            segment.said_s, segment.began = max(0.0, segment.position_s - REWIND_S), None
            super().clear_buffer()

    def resume(self) -> None:
        if not self._paused:
            return
        self._paused = self._capturing = False
        for segment in self._segments:
            self._say(segment)

    def _say(self, segment: _Segment) -> None:
        position_s = 0.0
        first = len(segment.frames)
        for number, frame in enumerate(segment.frames):
            if position_s + frame.duration > segment.said_s:
                first = number
                break
            position_s += frame.duration
        segment.said_s = position_s
        for frame in segment.frames[first:]:
            self._data_ch.send_nowait(frame)
        if segment.ended:
            self._data_ch.send_nowait(AudioSegmentEnd())
        self._capturing = not segment.ended

    def notify_playback_started(self) -> None:
        if not self._segments:
            return
        segment = self._segments[0]
        segment.began = time.monotonic()
        if not segment.announced:
            segment.announced = True
            super().notify_playback_started()

    def notify_playback_finished(self, playback_position: float, interrupted: bool) -> None:
        if not interrupted:
            said_s = self._segments.popleft().said_s if self._segments else 0.0
            super().notify_playback_finished(said_s + playback_position, interrupted=False)
        elif self._interrupting:
            self._interrupting = False
            super().notify_playback_finished(playback_position, interrupted=True)
        # else it was cleared by a pause: the segment is not over
