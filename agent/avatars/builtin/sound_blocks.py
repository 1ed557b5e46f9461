"""Sound cut at the edges of video frames.

The edges are counted in whole samples from the start of a stretch of speech, so a frame rate that does not divide the
sample rate gives blocks that differ by one sample and never drift.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.voice.visemes import SpokenPart

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class SoundBlock:
    """Mono sound within one video frame. `starts_frame`: the picture goes on with this block. `spoken`: its visemes."""

    samples: Samples
    starts_frame: bool
    spoken: SpokenPart | None = None


class FrameCutter:
    """Cuts a stream of samples. `whole_frames`: hand out a frame's sound at once, else each piece as it comes."""

    def __init__(self, sample_rate: int, fps: int, *, whole_frames: bool) -> None:
        self._sample_rate = sample_rate
        self._fps = fps
        self._whole_frames = whole_frames
        self.reset()

    def reset(self) -> None:
        """Forget what was held back; the next sample starts a frame."""
        self._held: list[Samples] = []
        self._held_samples = 0
        self._held_spoken: SpokenPart | None = None
        self._frame_index = 0
        self._into_frame = 0  # samples of the current frame that were handed out or are held

    @property
    def holds_sound(self) -> bool:
        return self._held_samples > 0

    def push(self, samples: Samples, spoken: SpokenPart | None = None) -> list[SoundBlock]:
        """The blocks that `samples` (n,) completes; `spoken` is what is said from their first one on."""
        blocks: list[SoundBlock] = []
        while samples.size:
            room = self._frame_samples() - self._into_frame
            piece, samples = samples[:room], samples[room:]
            starts = self._into_frame == 0
            self._into_frame += piece.size
            full = self._into_frame == self._frame_samples()
            if self._whole_frames:
                if starts:
                    self._held_spoken = spoken
                self._held.append(piece)
                self._held_samples += piece.size
                if full:
                    blocks.append(self._whole())
                    self._held, self._held_samples = [], 0
            else:
                blocks.append(SoundBlock(piece, starts, spoken))
            if spoken is not None:
                spoken = spoken.later(piece.size / self._sample_rate)
            if full:
                self._frame_index += 1
                self._into_frame = 0
        return blocks

    def flush(self) -> list[SoundBlock]:
        """What was held back, as a shorter block (none or one); the next sample starts a frame."""
        held = [self._whole()] if self._held_samples else []
        self.reset()
        return held

    def _whole(self) -> SoundBlock:
        return SoundBlock(np.concatenate(self._held), starts_frame=True, spoken=self._held_spoken)

    def _frame_samples(self) -> int:
        index = self._frame_index
        return (index + 1) * self._sample_rate // self._fps - index * self._sample_rate // self._fps
