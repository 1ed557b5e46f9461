"""How far the mouth is open, and how wide, from sound alone: for voices that tell nothing of their phonemes.

Loudness opens the mouth; the balance of bass, vowels' formants and hiss rounds it ("oo", "oh") or widens it ("ee", "s").
No words are recognised.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.sound_blocks import Samples

_SILENCE_DB: Final = -46.0  # below it the mouth is closed; full scale is 0
_QUIETEST_PEAK_DB: Final = -30.0  # a voice that never comes above it still opens the mouth only a little
_RANGE_DB: Final = 20.0  # from the loudest lately down to closed
_PEAK_FALL_DB_PER_S: Final = 2.5  # how fast "the loudest lately" is forgotten
_ATTACK_S: Final = 0.022
_RELEASE_S: Final = 0.042
_WIDTH_S: Final = 0.06


class Loudness:
    """How loud each frame is, 0 (silent) to 1, by the loudest lately."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._peak_db = _QUIETEST_PEAK_DB

    def of(self, samples: Samples | None, duration_s: float) -> float:
        """The loudness of a frame of `duration_s`; called once for each, in order."""
        self._peak_db = max(self._peak_db - _PEAK_FALL_DB_PER_S * duration_s, _QUIETEST_PEAK_DB)
        if samples is None or samples.size < 16:
            return 0.0
        wave = samples.astype(np.float32) / 32768
        level_db = 20 * math.log10(float(np.sqrt(np.mean(wave * wave))) + 1e-7)
        if level_db < _SILENCE_DB:
            return 0.0
        self._peak_db = max(self._peak_db, level_db)
        return min(max(1 + (level_db - self._peak_db) / _RANGE_DB, 0.0), 1.0)


class MouthFromSound:
    """Follows one voice, with a fast attack and a slower release."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self.forget()

    def forget(self) -> None:
        self._opening = 0.0
        self._width = 0.0

    def update(self, samples: Samples | None, loudness: float, duration_s: float) -> tuple[float, float]:
        """Opening 0 to 1 and width -1 (rounded) to 1 (wide) for one frame; called once for each, in order."""
        opening, width = 0.0, 0.0
        if samples is not None and loudness > 0:
            low, middle, high, hiss = band_shares(samples, self._sample_rate)
            # Open vowels are strongest in the middle; "m" and "oo" only in the bass; "s" is made with the teeth together.
            openness = min(0.28 + 0.95 * middle + 0.55 * high + 0.12 * hiss, 1.0)
            opening = loudness**0.8 * openness
            width = min(max(2.2 * high + 1.5 * hiss - 2.4 * max(low - 0.5, 0.0), -1.0), 1.0)
        self._opening = _approach(
            self._opening, opening, _ATTACK_S if opening > self._opening else _RELEASE_S, duration_s
        )
        self._width = _approach(self._width, width, _WIDTH_S, duration_s)
        return self._opening, self._width


# Bass with the first formant of closed vowels; open vowels; the second formant of "ee"; hissing.
_BANDS_HZ: Final = ((80.0, 480.0), (480.0, 1500.0), (1500.0, 3600.0), (3600.0, 8000.0))


def band_shares(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """The four bands' shares (4,) of the sound's power, treble lifted."""
    wave = samples.astype(np.float32) / 32768
    hertz = np.fft.rfftfreq(wave.size, 1 / sample_rate)
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size))) ** 2 * hertz  # a voice falls off towards the treble
    shares = np.array([power[(hertz >= start) & (hertz < end)].sum() for start, end in _BANDS_HZ])
    return np.asarray(shares / (shares.sum() + 1e-12), np.float64)


def _approach(value: float, target: float, time_constant_s: float, duration_s: float) -> float:
    return target + (value - target) * math.exp(-duration_s / time_constant_s)
