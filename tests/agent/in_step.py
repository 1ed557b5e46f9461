"""How far one signal is behind another: the mouth's opening behind the sound's loudness."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
STEP_S: Final = 0.005
MOST_LAG_S: Final = 0.4
SAMPLE_RATE: Final = 24_000


def envelope(sound: NDArray[np.int16], start_s: float) -> tuple[Signal, Signal]:
    """Times (n,) and loudness (n,) of 24 kHz sound that starts at `start_s`: dB above 46 under full scale, each 10 ms."""
    size = SAMPLE_RATE // 100
    whole = sound[: sound.size // size * size].astype(np.float64).reshape(-1, size) / 32768
    level = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-10) + 46
    times = start_s + np.arange(len(level)) * 0.01
    return np.asarray(times, np.float64), np.asarray(np.maximum(level, 0.0), np.float64)


def lag_ms(mouth_times: Signal, mouth: Signal, sound_times: Signal, loudness: Signal) -> tuple[float, float]:
    """How far the mouth is behind the sound (negative: ahead) where both agree best, and their correlation there.

    Each picture is shown until the next one; a sound's value is that of the 10 ms from its time on.
    """
    most = round(MOST_LAG_S / STEP_S)
    grid = np.arange(max(mouth_times[0], sound_times[0]), min(mouth_times[-1], sound_times[-1]), STEP_S)
    opening = mouth[np.clip(np.searchsorted(mouth_times, grid, "right") - 1, 0, None)]
    heard = loudness[np.clip(np.searchsorted(sound_times, grid, "right") - 1, 0, None)]
    heard = np.convolve(heard, np.full(9, 1 / 9), "same")  # a mouth is slower than loudness
    inner = heard[most:-most]
    correlations = [
        float(np.corrcoef(opening[most + lag : len(opening) - most + lag], inner)[0, 1])
        for lag in range(-most, most + 1)
    ]
    best = int(np.argmax(correlations))
    return (best - most + _vertex(correlations, best)) * STEP_S * 1000, correlations[best]


def _vertex(values: list[float], at: int) -> float:
    """Where between its neighbours the parabola through the maximum has its top."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, top, after = values[at - 1 : at + 2]
    curve = before - 2 * top + after
    return 0.0 if curve == 0 else 0.5 * (before - after) / curve
