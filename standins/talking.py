"""Sound in, pictures and the same sound out, in step: the card's `VideoGenerator`."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, VideoGenerator
from numpy.typing import NDArray

from standins.card import FPS, Card, loudness


class TalkingCard(VideoGenerator):
    """Mono sound at `sample_rate`, one block to a picture; other rates and channels are brought to it. Counts for the record."""

    def __init__(self, card: Card, sample_rate: int) -> None:
        self._card = card
        self.sample_rate = sample_rate
        self._block = sample_rate // FPS
        self._blocks: deque[NDArray[np.int16] | AudioSegmentEnd] = deque()
        self._rest = np.empty(0, np.int16)
        self._resampler: tuple[int, rtc.AudioResampler] | None = None
        self._in_segment = False
        self.first_picture = asyncio.Event()
        self.pictures = self.segments = self.clears = 0
        self.heard_s = 0.0

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        if isinstance(frame, AudioSegmentEnd):
            self._end_segment()
            return
        self._in_segment = True
        self.heard_s += frame.duration
        self._take(self._at_own_rate(frame))

    def clear_buffer(self) -> None:
        self.clears += 1
        self._blocks.clear()
        self._rest = np.empty(0, np.int16)
        self._resampler = None
        self._in_segment = False

    def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        return self._stream()

    async def _stream(self) -> AsyncGenerator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd, None]:
        """Paced by who takes the frames: the synchroniser holds a tenth of a second of them."""
        while True:
            block = self._blocks.popleft() if self._blocks else None
            if isinstance(block, AudioSegmentEnd):
                self.segments += 1
                yield block
                continue
            yield self._card.frame(0.0 if block is None else loudness(block))
            self.pictures += 1
            self.first_picture.set()
            if block is not None:
                yield rtc.AudioFrame(block.tobytes(), self.sample_rate, 1, len(block))

    def _take(self, sound: NDArray[np.int16]) -> None:
        sound = np.concatenate([self._rest, sound])
        whole = len(sound) // self._block * self._block
        self._blocks.extend(sound[start : start + self._block] for start in range(0, whole, self._block))
        self._rest = sound[whole:]

    def _end_segment(self) -> None:
        if not self._in_segment:  # the end of one that was cleared: passed on, it would cut the next one short
            return
        self._in_segment = False
        if self._resampler is not None:
            self._take(_samples(self._resampler[1].flush()))
            self._resampler = None
        if len(self._rest):
            self._blocks.append(np.pad(self._rest, (0, self._block - len(self._rest))))
            self._rest = np.empty(0, np.int16)
        self._blocks.append(AudioSegmentEnd())

    def _at_own_rate(self, frame: rtc.AudioFrame) -> NDArray[np.int16]:
        sound = np.frombuffer(frame.data, np.int16)
        if frame.num_channels > 1:
            sound = sound.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
        if frame.sample_rate == self.sample_rate:
            return sound
        if self._resampler is None or self._resampler[0] != frame.sample_rate:
            self._resampler = frame.sample_rate, rtc.AudioResampler(frame.sample_rate, self.sample_rate, num_channels=1)
        mono = rtc.AudioFrame(sound.tobytes(), frame.sample_rate, 1, len(sound))
        return _samples(self._resampler[1].push(mono))


def _samples(frames: list[rtc.AudioFrame]) -> NDArray[np.int16]:
    return np.concatenate([np.empty(0, np.int16), *(np.frombuffer(frame.data, np.int16) for frame in frames)])
