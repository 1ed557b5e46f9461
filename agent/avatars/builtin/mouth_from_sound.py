"""Which shape the mouth has, from the sound of one video frame after the other.

Loudness opens the mouth, with a fast attack and a slower release; the balance of low, middle and high bands rounds it
("oo", "oh") or widens it ("ee", "s"). No words are recognised.
"""

import math
from typing import Final

import numpy as np

from agent.avatars.builtin.face_state import CLOSED_MOUTH, MOUTH_OPENINGS, MOUTH_WIDTHS, WIDTH_AT_REST, Mouth
from agent.avatars.builtin.sound_blocks import Samples

_SILENCE_DB: Final = -46.0  # below it the mouth is closed; full scale is 0
_QUIETEST_PEAK_DB: Final = -30.0  # a voice that never comes above it still opens the mouth only a little
_RANGE_DB: Final = 20.0  # from the loudest lately down to closed
_PEAK_FALL_DB_PER_S: Final = 2.5  # how fast "the loudest lately" is forgotten
_ATTACK_S: Final = 0.022
_RELEASE_S: Final = 0.042
_WIDTH_S: Final = 0.06
_HOLD: Final = 0.62  # of one step: how far the value must leave a step before the shape changes


class MouthFromSound:
    """Follows one voice. `update` takes each frame's sound once, in order."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self.silence()

    def silence(self) -> None:
        """Close at once, and forget the voice."""
        self._opening = 0.0  # 0 to 1
        self._width = 0.0  # -1 rounded to 1 wide
        self._peak_db = _QUIETEST_PEAK_DB
        self._shape = CLOSED_MOUTH

    @property
    def closed(self) -> bool:
        return self._shape == CLOSED_MOUTH and self._opening < 0.02

    def update(self, samples: Samples | None, duration_s: float) -> Mouth:
        """The mouth's shape for one frame of `duration_s` with the sound `samples` (None: silence)."""
        opening, width = self._targets(samples, duration_s)
        self._opening = _approach(
            self._opening, opening, _ATTACK_S if opening > self._opening else _RELEASE_S, duration_s
        )
        self._width = _approach(self._width, width, _WIDTH_S, duration_s)
        step = _held_step(self._shape.opening, self._opening * (MOUTH_OPENINGS - 1), MOUTH_OPENINGS)
        if step == 0:
            self._shape = CLOSED_MOUTH
        else:
            self._shape = Mouth(step, _held_step(self._shape.width, WIDTH_AT_REST * (1 + self._width), MOUTH_WIDTHS))
        return self._shape

    def _targets(self, samples: Samples | None, duration_s: float) -> tuple[float, float]:
        self._peak_db = max(self._peak_db - _PEAK_FALL_DB_PER_S * duration_s, _QUIETEST_PEAK_DB)
        if samples is None or samples.size < 16:
            return 0.0, 0.0
        wave = samples.astype(np.float32) / 32768
        level_db = 20 * math.log10(float(np.sqrt(np.mean(wave * wave))) + 1e-7)
        if level_db < _SILENCE_DB:
            return 0.0, 0.0
        self._peak_db = max(self._peak_db, level_db)
        loudness = min(max(1 + (level_db - self._peak_db) / _RANGE_DB, 0.0), 1.0)

        hertz = np.fft.rfftfreq(wave.size, 1 / self._sample_rate)
        power = np.abs(np.fft.rfft(wave * np.hanning(wave.size))) ** 2 * hertz  # a voice falls off towards the treble
        shares = np.array([power[(hertz >= start) & (hertz < end)].sum() for start, end in _BANDS_HZ])
        low, middle, high, hiss = shares / (shares.sum() + 1e-12)
        # Open vowels are strongest in the middle; "m" and "oo" only in the bass; "s" is made with the teeth together.
        openness = min(0.28 + 0.95 * middle + 0.55 * high + 0.12 * hiss, 1.0)
        spread = 2.2 * high + 1.5 * hiss - 2.4 * max(low - 0.5, 0.0)
        return loudness**0.8 * openness, min(max(spread, -1.0), 1.0)


# Bass with the first formant of closed vowels; open vowels; the second formant of "ee"; hissing.
_BANDS_HZ: Final = ((80.0, 480.0), (480.0, 1500.0), (1500.0, 3600.0), (3600.0, 8000.0))


def _approach(value: float, target: float, time_constant_s: float, duration_s: float) -> float:
    return target + (value - target) * math.exp(-duration_s / time_constant_s)


def _held_step(step: int, value: float, steps: int) -> int:
    """The step nearest to `value`, or still `step` while `value` is close to it: no flicker between two."""
    if abs(value - step) < _HOLD:
        return step
    return min(max(round(value), 0), steps - 1)
