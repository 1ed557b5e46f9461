"""Which texts sound like words that were heard badly.

The base speech model hears Arabic as something that sounds nearly right, with wrong letters and cut into wrong words:
«كيف كيرنا البحر لتوياه جدونة إلا طريقهم» for «كيف كان البحارة يهتدون إلى طريقهم». So letters that it mixes up are one here,
spaces count for nothing, and texts are compared as a whole: by the pieces that they have in common, rare ones more, and by
how much one must be changed to become the other.
"""

import itertools
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

Floats = NDArray[np.float32]

ALIKE_IN_SOUND: Final = 1.15  # what a likeness in sound is worth as a score: 0.43 of it is enough to be sure

_MIXED_UP: Final = str.maketrans("صثطضظذزقغخح", "سستددددككهه")  # emphatic for plain, and what is said in the throat
_HARDLY_HEARD: Final = str.maketrans("", "", "اأإآىةعءئؤـ")
_NOT_SAID: Final = re.compile(r"[\W_]+")
_PIECES: Final = (2, 3)  # letters


class SoundIndex:
    """Arabic texts by their sound."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._sounds = [sounds(text) for text in texts]
        holders: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, sound in enumerate(self._sounds):
            for piece, n in Counter(_pieces(sound)).items():
                holders[piece].append((number, n))
        self._rarity = {piece: math.log(1 + len(texts) / (len(held) + 0.5)) for piece, held in holders.items()}
        self._unknown_rarity = math.log(1 + len(texts) / 0.5)
        self._postings = {
            piece: (np.array([number for number, _ in held]), np.array([n for _, n in held], np.float32))
            for piece, held in holders.items()
        }
        squares = np.zeros(len(texts), np.float32)
        for piece, (where, times) in self._postings.items():
            squares[where] += (times * self._rarity[piece]) ** 2
        self._lengths = np.sqrt(squares)

    def likeness(self, heard: str) -> Floats:
        """How much each text sounds like what was heard, 0 to 1: above 0.4 it is rarely another one."""
        sound = sounds(heard)
        if not sound or not self._sounds:
            return np.zeros(len(self._sounds), np.float32)
        edits = process.cdist([sound], self._sounds, scorer=Levenshtein.normalized_similarity, dtype=np.float32)[0]
        alike: Floats = (self._cosine(sound) + edits) / 2
        return alike

    def _cosine(self, sound: str) -> Floats:
        common, square = np.zeros(len(self._sounds), np.float32), 0.0
        for piece, n in Counter(_pieces(sound)).items():
            rarity = self._rarity.get(piece, self._unknown_rarity)
            square += (n * rarity) ** 2
            if piece in self._postings:
                where, theirs = self._postings[piece]
                common[where] += n * theirs * rarity**2
        return (common / np.maximum(self._lengths * math.sqrt(square), 1e-6)).astype(np.float32)


def sounds(text: str) -> str:
    """Consonants, و and ي of an Arabic text, those that are mixed up as one, doubled ones once, without spaces."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(each))
    heard = _NOT_SAID.sub("", letters.translate(_HARDLY_HEARD)).translate(_MIXED_UP)
    return "".join(letter for letter, _ in itertools.groupby(heard))


def _pieces(sound: str) -> Iterator[str]:
    padded = f"^{sound}$"
    for length in _PIECES:
        for start in range(len(padded) - length + 1):
            yield padded[start : start + length]
