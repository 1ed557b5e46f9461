"""The Arabic voice: text to an utterance at the English voice's rate and loudness."""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.voice.arabic.phonemes import phonemes_of
from agent.voice.arabic.text import spoken
from agent.voice.arabic.vowels import vowelled
from agent.voice.espeak import Espeak, EspeakVoice
from agent.voice.utterance import SAMPLE_RATE, Utterance, levelled
from agent.voice.visemes import arabic_track, shifted

WOMAN: Final = EspeakVoice("ar+f5", rate=155, pitch=50, range=50)  # of ten the one that Whisper hears best
MAN: Final = EspeakVoice("ar", rate=155, pitch=40, range=50)
_SOUND_LEADS_S: Final = 0.015  # measured: where closed lips and soft sound agree best
_CLAUSE: Final = re.compile(r"([،,؛;:.!?؟…—–()«»\"\n]+)")
_PAUSES: Final = {"،": ",", ",": ",", "؛": ";", ";": ";", ":": ":", "!": "!", "?": "?", "؟": "?", ".": "."}

_espeak = Espeak()


def speak(text: str, voice: EspeakVoice = WOMAN) -> Utterance:
    """Sound of a sentence. Empty where it has no Arabic word. Blocks for 20-40 ms. Raises `EspeakError`."""
    notation = to_notation(vowelled(spoken(text)))
    if not notation:
        return Utterance(np.zeros(0, np.int16))
    said = _espeak.speak(notation, voice)
    sound = levelled(_at_our_rate((said.samples / 32768).astype(np.float32), said.sample_rate))
    seconds = sound.size / SAMPLE_RATE
    track = arabic_track([(start_ms / 1000, phoneme) for start_ms, phoneme in said.phonemes], seconds)
    return Utterance(sound, shifted(track, -_SOUND_LEADS_S))


def to_notation(text: str) -> str:
    """Vowelled text as espeak-ng takes it: phonemes in brackets, with the pauses between them."""
    parts = _CLAUSE.split(text)
    clauses = []
    for words, sign in zip(parts[::2], [*parts[1::2], "."], strict=True):
        phonemes = ["".join(word) for word in phonemes_of(words.split()) if word]
        if phonemes:
            clauses.append(f"[[{' '.join(phonemes)}]]{_PAUSES.get(sign.strip()[:1], ',')}")
    return " ".join(clauses)


def _at_our_rate(wave: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """The whole wave at `SAMPLE_RATE`, exactly band-limited: by its spectrum."""
    divisor = int(np.gcd(sample_rate, SAMPLE_RATE))
    block, out_block = sample_rate // divisor, SAMPLE_RATE // divisor
    blocks = -(-wave.size // block)
    padded = np.pad(wave, (0, blocks * block - wave.size))
    spectrum = np.fft.rfft(padded)
    resampled = np.fft.irfft(spectrum, blocks * out_block) * (out_block / block)
    return resampled[: wave.size * SAMPLE_RATE // sample_rate].astype(np.float32)
