"""Sound that says something, with what the lips do meanwhile."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.voice.visemes import Lips, Track, shifted

SAMPLE_RATE: Final = 24_000  # of all local voices
LEAD_IN_S: Final = 0.01  # what is kept before the first sound
SILENCE_LEVEL: Final = 0.01
SPEECH_LEVEL: Final = 10 ** (-24 / 20)  # RMS of what is voiced, full scale 1: hibari's own
_PEAK: Final = 0.9
_WINDOW: Final = SAMPLE_RATE // 50

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Utterance:
    """Mono `sound` at `SAMPLE_RATE`; `track` covers as much of it as the voice knows."""

    sound: Samples
    track: Track = ()

    @property
    def duration_s(self) -> float:
        return self.sound.size / SAMPLE_RATE

    def trimmed(self) -> "Utterance":
        """Without the silence before its first sound; silence becomes empty."""
        audible = np.flatnonzero(np.abs(self.sound.astype(np.int32)) > SILENCE_LEVEL * 32767)
        if not audible.size:
            return Utterance(self.sound[:0])
        start = max(0, int(audible[0]) - int(LEAD_IN_S * SAMPLE_RATE))
        return Utterance(self.sound[start:], shifted(self.track, -start / SAMPLE_RATE))


def joined(parts: list[Utterance]) -> Utterance:
    """One after the other."""
    track: list[Lips] = []
    seconds = 0.0
    for part in parts:
        track += shifted(part.track, seconds)
        seconds += part.duration_s
    sound = np.concatenate([part.sound for part in parts]) if parts else np.zeros(0, np.int16)
    return Utterance(sound, tuple(track))


def levelled(wave: NDArray[np.float32]) -> Samples:
    """A wave as 16 bit at the loudness of the English voice: by the RMS of its loud parts, its peaks within full scale."""
    whole = wave[: wave.size // _WINDOW * _WINDOW]
    if not whole.size:
        return np.zeros(0, np.int16)
    powers = np.mean(whole.reshape(-1, _WINDOW) ** 2, axis=1)
    loud = powers[powers > powers.max() / 100]  # within 20 dB of the loudest
    gain = SPEECH_LEVEL / max(float(np.sqrt(loud.mean())), 1e-6)
    gain = min(gain, _PEAK / max(float(np.abs(wave).max()), 1e-6))
    return (wave * gain * 32767).astype(np.int16)
