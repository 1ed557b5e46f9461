"""The hibari voice: one model a process image, English only, 24 kHz.

Loaded before the agent worker forks its job processes, so that all of them share its memory.
"""

import ctypes
import functools
import gc
import threading
from typing import Final

import numpy as np
import hibari
from numpy.typing import NDArray

from agent.voice.packed import pronunciations, tag_weights

VOICE: Final = "heart"  # the voice that ships inside the wheel; the others would be downloaded
SAMPLE_RATE: Final[int] = hibari.SAMPLE_RATE
LEAD_IN_S: Final = 0.02  # what is kept before the first sound: hibari itself puts 0.31 s of silence there
SILENCE_LEVEL: Final = 0.01

_model_lock = threading.Lock()


@functools.cache
def _model() -> hibari.Hibari:
    model = hibari.Hibari(voice=VOICE, threads=1)
    g2p = model.g2p  # loads the pronunciation tables
    for table in (g2p.lexicon.golds, g2p.lexicon.silvers):
        table.d = pronunciations(table.d)
    g2p.tagger.weights = tag_weights(g2p.tagger.weights, g2p.tagger.tags)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # hands the memory of the unpacked tables back, before processes are forked
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
