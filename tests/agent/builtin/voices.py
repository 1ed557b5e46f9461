"""Sound to speak with: what a voice does, without one."""

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

SAMPLE_RATE = 24_000


def vowel(duration_s: float, formants_hz: tuple[float, ...] = (700.0, 1200.0), level: float = 0.3) -> NDArray[np.int16]:
    """A steady vowel at 24 kHz: harmonics of 120 Hz, strongest near the formants."""
    t = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.zeros_like(t)
    for harmonic in range(1, 60):
        hz = 120.0 * harmonic
        wave += sum(np.exp(-(((hz - formant) / 180) ** 2)) for formant in formants_hz) * np.sin(2 * np.pi * hz * t)
    return np.asarray(wave / np.abs(wave).max() * level * 32767, np.int16)


def hiss(duration_s: float, level: float = 0.1) -> NDArray[np.int16]:
    """An "s": noise above 4 kHz."""
    noise = np.random.default_rng(5).standard_normal(round(duration_s * SAMPLE_RATE))
    spectrum = np.fft.rfft(noise)
    spectrum[: int(4000 * noise.size / SAMPLE_RATE)] = 0
    wave = np.fft.irfft(spectrum, noise.size)
    return np.asarray(wave / np.abs(wave).max() * level * 32767, np.int16)


def babble(duration_s: float) -> NDArray[np.int16]:
    """Speech-like: a vowel that comes and goes four times a second."""
    wave = vowel(duration_s)
    beat = np.sin(np.pi * 4 * np.arange(wave.size) / SAMPLE_RATE) ** 2
    return np.asarray(wave * beat, np.int16)


def frames_of(samples: NDArray[np.int16], *sizes: int, sample_rate: int = SAMPLE_RATE) -> list[rtc.AudioFrame]:
    """`samples` as mono frames of these sizes in turn."""
    frames, start, index = [], 0, 0
    while start < samples.size:
        piece = samples[start : start + sizes[index % len(sizes)]]
        frames.append(rtc.AudioFrame(piece.tobytes(), sample_rate, 1, piece.size))
        start, index = start + piece.size, index + 1
    return frames
