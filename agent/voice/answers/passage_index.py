"""The passages of a knowledge's documents, ready to be compared with a visitor's words."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.voice.answers.passages import Passage, sentences
from agent.voice.answers.word_index import WordIndex

Floats = NDArray[np.float32]

MOST_UNDERSTOOD: Final = 3_000  # passages that get vectors (a minute of a core); further ones are found by their words
MEANING: Final = 0.9
COVERAGE: Final = 0.55
MAX_QUOTE_CHARS: Final = 300
MIN_WORDS_MATCHED: Final = 2  # without vectors, one common word is no answer


class PassageIndex:
    """Passages by words, and the first of them by meaning."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list({passage.text: passage for passage in passages}.values())
        self.texts = [passage.text for passage in self.passages[:MOST_UNDERSTOOD]]
        self._words = WordIndex([[(passage.text, 1.0)] for passage in self.passages])
        self.vectors: Floats | None = None

    def scores(self, question: str, vector: Floats | None) -> Floats:
        """One number a passage."""
        units = self._words.units(question)
        coverage = self._words.coverage(units)
        if vector is None or self.vectors is None:
            return coverage * (0.8 if len(units) >= MIN_WORDS_MATCHED else 0.4)
        score: Floats = COVERAGE * coverage
        score[: len(self.vectors)] += MEANING * np.maximum(self.vectors @ vector, 0)
        if len(self.vectors) < len(score):
            score[len(self.vectors) :] = coverage[len(self.vectors) :] * 0.8
        return np.minimum(score, 0.99)

    def quote(self, number: int, question: str) -> str:
        """The sentence of a passage that fits best, with the next one where both are short."""
        parts = sentences(self.passages[number].text)
        words = WordIndex([[(sentence, 1.0)] for sentence in parts])
        best = int(np.argmax(words.coverage(words.units(question)))) if len(parts) > 1 else 0
        quote = parts[best]
        if best + 1 < len(parts) and len(quote) + len(parts[best + 1]) < MAX_QUOTE_CHARS:
            quote = f"{quote} {parts[best + 1]}"
        return quote
