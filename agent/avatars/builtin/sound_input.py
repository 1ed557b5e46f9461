"""Sound on its way to the mouth: brought to one rate and channel, cut to frames, held back when too much is waiting."""

import asyncio
from collections import deque

import numpy as np
from livekit import rtc

from agent.avatars.builtin.sound_blocks import FrameCutter, Samples, SoundBlock
from agent.voice.visemes import SPOKEN_PART


class SegmentEnd:
    """All sound of a segment is before this."""


class SoundInput:
    """A queue of sound blocks and segment ends, used from one event loop."""

    def __init__(self, sample_rate: int, fps: int, *, whole_frames: bool, most_blocks: int) -> None:
        """`most_blocks`: more than these waiting hold the pusher back; 0 never does."""
        self._sample_rate = sample_rate
        self._most_blocks = most_blocks
        self._cutter = FrameCutter(sample_rate, fps, whole_frames=whole_frames)
        self._queue: deque[SoundBlock | SegmentEnd] = deque()
        self._waiting_blocks = 0
        self._room = asyncio.Event()
        self._resampler: rtc.AudioResampler | None = None
        self._resampled_rate = sample_rate
        self._segment_open = False
        self._pushing = asyncio.Lock()
        self._drops = 0
        self.arrived = asyncio.Event()  # set when there is a reason to `take`

    async def push(self, frame: rtc.AudioFrame) -> None:
        """Take a frame of sound; returns once no more than `most_blocks` wait."""
        drops = self._drops
        async with self._pushing:
            if drops == self._drops:
                self._segment_open = True
                spoken = frame.userdata.get(SPOKEN_PART)
                for samples in self._at_our_rate(frame):
                    await self._put(self._cutter.push(samples, spoken), drops)

    async def end_segment(self) -> None:
        """No more sound belongs to the segment. Ignored where there was none since the last end or drop."""
        drops = self._drops
        async with self._pushing:
            if drops != self._drops or not self._segment_open:
                return
            self._segment_open = False
            if self._resampler is not None:
                for tail in self._resampler.flush():
                    await self._put(self._cutter.push(_samples(tail)), drops)
                self._resampler = None
            await self._put(self._cutter.flush(), drops)
            while drops == self._drops and self._cutter.holds_sound:  # it was cut at other frames meanwhile
                await self._put(self._cutter.flush(), drops)
            if drops == self._drops:
                self._queue.append(SegmentEnd())
                self.arrived.set()

    def take(self) -> SoundBlock | SegmentEnd | None:
        """The next in line, or None."""
        item = self._queue.popleft() if self._queue else None
        if isinstance(item, SoundBlock):
            self._waiting_blocks -= 1
            self._room.set()
        if not self._queue:
            self.arrived.clear()
        return item

    def release_held(self) -> None:
        """The speaker paused within a frame's sound: let out what there is of it."""
        if self._cutter.holds_sound and not self._pushing.locked():
            self._append(self._cutter.flush())

    def recut(self, fps: int, *, whole_frames: bool, most_blocks: int) -> None:
        """Cut at the frames of another rate from now on, also what waits already; the next sample starts a frame."""
        waiting: list[SoundBlock | SegmentEnd] = [*self._queue]
        held = self._cutter.flush()
        self._cutter = FrameCutter(self._sample_rate, fps, whole_frames=whole_frames)
        self._most_blocks = most_blocks
        self._queue.clear()
        self._waiting_blocks = 0
        for item in [*waiting, *held]:
            if isinstance(item, SegmentEnd):
                self._append(self._cutter.flush())
                self._queue.append(item)
            else:
                self._append(self._cutter.push(item.samples, item.spoken))
        self._room.set()
        self.arrived.set()

    def drop(self) -> None:
        """Throw away all that waits, also what a held-back pusher has in its hands."""
        self._drops += 1
        self._queue.clear()
        self._waiting_blocks = 0
        self._cutter.reset()
        self._resampler = None
        self._segment_open = False
        self._room.set()
        self.arrived.set()

    async def _put(self, blocks: list[SoundBlock], drops: int) -> None:
        cutter = self._cutter
        for block in blocks:
            while drops == self._drops and 0 < self._most_blocks <= self._waiting_blocks:
                self._room.clear()
                await self._room.wait()
            if drops != self._drops:
                return
            # cut at other frames meanwhile: what is held back there comes before it
            self._append([block] if cutter is self._cutter else self._cutter.push(block.samples, block.spoken))

    def _append(self, blocks: list[SoundBlock]) -> None:
        if blocks:
            self._queue.extend(blocks)
            self._waiting_blocks += len(blocks)
            self.arrived.set()

    def _at_our_rate(self, frame: rtc.AudioFrame) -> list[Samples]:
        mono = _samples(frame)
        if frame.sample_rate == self._sample_rate:
            return [mono]
        if self._resampler is None or self._resampled_rate != frame.sample_rate:
            self._resampler = rtc.AudioResampler(frame.sample_rate, self._sample_rate, num_channels=1)
            self._resampled_rate = frame.sample_rate
        return [_samples(part) for part in self._resampler.push(bytearray(mono.tobytes()))]


def _samples(frame: rtc.AudioFrame) -> Samples:
    """Mono samples (n,) of a frame: the mean of its channels."""
    samples = np.frombuffer(frame.data, dtype=np.int16)[: frame.samples_per_channel * frame.num_channels]
    if frame.num_channels == 1:
        return samples
    return np.asarray(samples.reshape(-1, frame.num_channels).mean(axis=1), dtype=np.int16)
