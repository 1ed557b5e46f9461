"""The hibari voice: one model a process image, English only, a woman's; a man's is made of it.

Loaded before the agent worker forks its job processes, so that all of them share its memory.
"""

import ctypes
import functools
import gc
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hibari
import numpy as np
from hibari import dsp
from hibari.voices import voice_path
from numpy.typing import NDArray

from agent.environment import HostEnvironment
from agent.voice.english_text import spoken
from agent.voice.pronunciation import load_g2p
from agent.voice.utterance import Utterance, joined, levelled
from agent.voice.visemes import english_track, shifted

VOICE: Final = "heart"  # the voice that ships inside the wheel; the others would be downloaded
_SPECTRUM: Final = ["lh", "theta", "ln", "lr", "phi", "f0"]
_DURATIONS: Final = "/Clip_output_0"  # the model's own duration of each phoneme, which it keeps to itself
_DURATION_UNIT_S: Final = 2 * dsp.HOP / dsp.SR
_SOUND_LEADS_S: Final = 0.05  # measured: vowels are 13 dB louder than closed lips here, 3 dB softer without

_LAST_BIN: Final = dsp.N_FFT // 2


@dataclass(frozen=True)
class Timbre:
    """How the voice is changed: its pitch, and its formants (lower than 1: a longer throat)."""

    pitch: float
    formants: float


WOMAN: Final = Timbre(1.0, 1.0)
MAN: Final = Timbre(0.58, 0.85)  # as many words are recognised as of the woman's voice

_model_lock = threading.Lock()


@functools.cache
def _model() -> Any:
    g2p = load_g2p(HostEnvironment.read().home / "cache")
    model = hibari.Hibari(voice=VOICE, threads=1, g2p=g2p, model=_telling_durations(Path(voice_path(VOICE))))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # hands back what loading needed for a moment, before processes are forked
    return model


def load() -> None:
    """Loads the model where it is not loaded yet."""
    with _model_lock:
        _model()


def is_loaded() -> bool:
    return _model.cache_info().currsize > 0


def speak(sentence: str, timbre: Timbre = WOMAN) -> Utterance:
    """A sentence's sound with its lips. Empty where nothing of it can be pronounced. Blocks for 25-100 ms."""
    with _model_lock:
        model = _model()
        return joined([_said(model, phonemes, timbre) for phonemes in model.phonemize(spoken(sentence))])


def _said(model: Any, phonemes: str, timbre: Timbre) -> Utterance:
    known = "".join(phoneme for phoneme in phonemes if phoneme in model.vocab)
    ids = model.ids(known)
    if len(ids) < 3:
        return Utterance(np.zeros(0, np.int16))
    inputs = {"ids": np.asarray([ids], np.int64), "speed": np.ones(1, np.float32)}
    *spectrum, pitch, durations = model.sess.run([*_SPECTRUM, _DURATIONS], inputs)
    parts = [_shifted_formants(part[0], timbre.formants) for part in spectrum]
    wave = dsp.synth(*parts, pitch[0] * timbre.pitch, np.random.default_rng())
    sound = levelled(np.asarray(wave, np.float32))
    track = english_track(f" {known} ", durations * _DURATION_UNIT_S, sound.size / dsp.SR)
    return Utterance(sound, shifted(track, -_SOUND_LEADS_S))


def _shifted_formants(spectrum: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """A part (bins, frames) of the spectrum with every frequency moved by `factor`."""
    if factor == 1.0:
        return spectrum
    places = np.minimum(np.arange(len(spectrum)) / factor, _LAST_BIN - 1e-3)
    below = places.astype(np.int64)
    share = (places - below)[:, None].astype(np.float32)
    return np.asarray(spectrum[below] * (1 - share) + spectrum[below + 1] * share, np.float32)


def _telling_durations(file: Path) -> bytes:
    """The ONNX model with one output more. Protobuf merges a second `graph` into the first: no need to rewrite the file."""
    value_info = _field(1, _DURATIONS.encode())
    return file.read_bytes() + _field(7, _field(12, value_info))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field of up to 127 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content
