"""The hibari voice: one model a process image, English only, 24 kHz.

Loaded before the agent worker forks its job processes, so that all of them share its memory.
"""

import ctypes
import functools
import gc
import threading
from typing import Final

import hibari
import numpy as np
from numpy.typing import NDArray

from agent.environment import HostEnvironment
from agent.voice.pronunciation import load_g2p

VOICE: Final = "heart"  # the voice that ships inside the wheel; the others would be downloaded
SAMPLE_RATE: Final[int] = hibari.SAMPLE_RATE
LEAD_IN_S: Final = 0.02  # what is kept before the first sound: hibari itself puts 0.31 s of silence there
SILENCE_LEVEL: Final = 0.01

_model_lock = threading.Lock()


@functools.cache
def _model() -> hibari.Hibari:
    g2p = load_g2p(HostEnvironment.read().home / "cache")
    model = hibari.Hibari(voice=VOICE, threads=1, g2p=g2p)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # hands back what loading needed for a moment, before processes are forked
    return model


def load() -> None:
    """Loads the model where it is not loaded yet."""
    with _model_lock:
        _model()


def is_loaded() -> bool:
    return _model.cache_info().currsize > 0


def sentences(text: str) -> list[str]:
    """The text cut into what is spoken at once."""
    return list(hibari.Hibari.split_sentences(text))


def speak(sentence: str) -> NDArray[np.int16]:
    """Sound of a sentence, mono, `SAMPLE_RATE` Hz. Empty where nothing of it can be pronounced. Blocks for 25-100 ms."""
    with _model_lock:
        sound: NDArray[np.float32] = _model()(sentence)
    samples: NDArray[np.int16] = (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)
    return samples


def without_lead_in(sound: NDArray[np.int16], sample_rate: int = SAMPLE_RATE) -> NDArray[np.int16]:
    """The sound from shortly before its first audible sample on; silence becomes empty."""
    audible = np.flatnonzero(np.abs(sound) > SILENCE_LEVEL * 32767)
    if not audible.size:
        return sound[:0]
    return sound[max(0, int(audible[0]) - int(LEAD_IN_S * sample_rate)) :]


def can_speak(text: str) -> bool:
    """Whether most letters of the text are of an alphabet that the voice reads."""
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(letter.isascii() for letter in letters)
    return bool(letters) and latin * 2 >= len(letters)
