"""Which texts hold the words of a question: spelling variants, near misses of the ear, and words that mean nearly the same."""

import functools
import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.voice.answers.words import stem, words

Floats = NDArray[np.float32]

CONCEPT_WEIGHT: Final = 0.7  # of a word that means nearly the same, beside the word itself
LITTLE_WORD_WEIGHT: Final = (
    0.5  # of “when”, “where”, “who”: they tell questions apart, but less than what is asked about
)
MIN_LIKE_CHARS: Final = 4
MIN_COMMON_TRIGRAMS: Final = 0.35  # of a misheard word with a known one: only these are looked at more closely
MIN_LIKENESS: Final = 0.8  # of their letters in order
LIKENESS_WEIGHT: Final = 0.9


@dataclass(frozen=True)
class Unit:
    """One word of a question: what it is worth, and what each term of the index is worth in its place."""

    weight: float
    terms: dict[str, float]


@functools.cache
def concepts() -> dict[str, frozenset[str]]:
    """Stem of a word to the names of the concepts that it stands for, each with a leading '#'."""
    table = tomllib.loads((Path(__file__).parent / "concepts.toml").read_text())["words"]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for name, members in table.items():
        for member in members:
            if " " not in member:
                found[stem(member)].add(f"#{name}")
    return {word: frozenset(names) for word, names in found.items()}


class WordIndex:
    """Texts by their words. A text is given in parts with the weight of their words: a question's count more than an answer's."""

    def __init__(self, texts: Sequence[Sequence[tuple[str, float]]]) -> None:
        self._size = len(texts)
        holders: defaultdict[str, dict[int, float]] = defaultdict(dict)
        for number, parts in enumerate(texts):
            for text, weight in parts:
                for term in _terms(text):
                    held = holders[term]
                    held[number] = max(held.get(number, 0.0), weight)
        self._idf = {term: math.log(1 + self._size / (len(held) + 0.5)) for term, held in holders.items()}
        self._unknown_idf = math.log(1 + self._size / 0.5)
        self._postings = {
            term: (np.fromiter(held, np.int32, len(held)), np.fromiter(held.values(), np.float32, len(held)))
            for term, held in holders.items()
        }
        self._trigrams: dict[str, list[str]] | None = None
        self._worth = np.zeros(self._size, np.float32)  # of all words of a text
        for term, (where, _) in self._postings.items():
            if not term.startswith("#"):
                self._worth[where] += self._idf[term]

    def units(self, question: str) -> list[Unit]:
        """The words of a question as this index knows them. A word that it does not know at all weighs most."""
        found: dict[str, Unit] = {}
        for word, says_little in words(question):
            known = concepts().get(word, frozenset())
            if word in found or (says_little and not known):
                continue
            terms = {name: CONCEPT_WEIGHT * self._idf[name] for name in known if name in self._idf}
            if not says_little:
                terms.update(self._like(word))
            weight = max(terms.values(), default=0.0 if says_little else self._unknown_idf)
            found[word] = Unit(weight * (LITTLE_WORD_WEIGHT if says_little else 1), terms)
        return [unit for unit in found.values() if unit.weight > 0]

    def coverage(self, units: Sequence[Unit]) -> Floats:
        """How much of the question each text holds, 0 to 1."""
        share: Floats = self._held(units) / np.float32(max(sum(unit.weight for unit in units), 1e-6))
        return share

    def overlap(self, units: Sequence[Unit]) -> Floats:
        """How much question and text hold of each other, 0 to 1: a short text that says the same is nearer than a long one."""
        total = np.float32(sum(unit.weight for unit in units))
        alike: Floats = 2 * self._held(units) / np.maximum(total + self._worth, 1e-6)
        return alike

    def _held(self, units: Sequence[Unit]) -> Floats:
        held = np.zeros(self._size, np.float32)
        for unit in units:
            best = np.zeros(self._size, np.float32)
            for term, worth in unit.terms.items():
                where, weights = self._postings[term]
                best[where] = np.maximum(best[where], weights * min(worth, unit.weight))
            held += best
        return held

    def _like(self, word: str) -> dict[str, float]:
        """The word itself where it is known, else known words that sound like it, with what they are worth."""
        if word in self._idf:
            return {word: self._idf[word]}
        if len(word) < MIN_LIKE_CHARS:
            return {}
        if self._trigrams is None:
            self._trigrams = self._by_trigram()
        parts = _trigrams(word)
        common = Counter(known for part in parts for known in self._trigrams.get(part, ()))
        likeness = {
            known: SequenceMatcher(None, word, known, autojunk=False).ratio()
            for known, n in common.items()
            if 2 * n >= MIN_COMMON_TRIGRAMS * (len(word) + len(known))  # a word has as many trigrams as letters
        }
        return {
            known: LIKENESS_WEIGHT * alike * self._idf[known]
            for known, alike in likeness.items()
            if alike >= MIN_LIKENESS
        }

    def _by_trigram(self) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for term in self._idf:
            if len(term) >= MIN_LIKE_CHARS and not term.startswith("#"):
                for part in _trigrams(term):
                    found[part].append(term)
        return found


def _terms(text: str) -> set[str]:
    terms: set[str] = set()
    for word, says_little in words(text):
        terms |= concepts().get(word, frozenset())
        if not says_little:
            terms.add(word)
    return terms


def _trigrams(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[start : start + 3] for start in range(len(padded) - 2)}
