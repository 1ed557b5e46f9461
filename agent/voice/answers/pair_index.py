"""The question-and-answer pairs of one knowledge, ready to be compared with a visitor's words."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.voice.answers.by_sound import ALIKE_IN_SOUND, SoundIndex
from agent.voice.answers.word_index import WordIndex
from agent.voice.answers.words import folded
from protocol.jobspec import Language
from protocol.knowledge import Pair

Floats = NDArray[np.float32]

ANSWER_WORDS: Final = 0.5  # a word of the answer counts half of one of the question


class Weights(NamedTuple):
    """What each likeness adds to a score; set on the development questions of tests/agent/answers/questions.toml."""

    meaning: float = 0.55  # of the sentence vectors, the visitor's language
    meaning_abroad: float = 0.3  # the same for the pair's translation
    coverage: float = 0.2  # of the question's words by the pair's
    coverage_abroad: float = 0.2
    overlap: float = 0.2  # of the question's words and one phrasing's with each other


WEIGHTS: Final = Weights()
ABROAD: Final = 0.8  # how alike the translation of a pair is, of the pair's own likeness: stands in where there is none


@dataclass(frozen=True)
class _Likeness:
    """One number a group for each way of comparing; zero where a group has no pair in the language."""

    meaning: Floats
    coverage: Floats
    overlap: Floats


class LanguageIndex:
    """The pairs of one language. `group_of` names, for each phrasing, its group's number among all groups."""

    def __init__(self, pairs: Sequence[tuple[int, Pair]], groups: int) -> None:
        self._groups = groups
        self.pairs = dict(pairs)
        self.phrasings = [text for _, pair in pairs for text in (pair.question, *pair.also)]
        self._group_of = np.array([group for group, pair in pairs for _ in (pair.question, *pair.also)], np.int32)
        texts: list[list[tuple[str, float]]] = [[] for _ in range(groups)]
        for group, pair in pairs:
            texts[group] = [*((text, 1.0) for text in (pair.question, *pair.also)), (pair.answer, ANSWER_WORDS)]
        self._by_group = WordIndex(texts)
        self._by_phrasing = WordIndex([[(text, 1.0)] for text in self.phrasings])
        self._exactly = {folded(text): group for group, pair in pairs for text in (pair.question, *pair.also)}
        self.vectors: Floats | None = None  # one row a phrasing, once they are made

    def has(self) -> NDArray[np.bool_]:
        """Which groups have a pair in this language."""
        there = np.zeros(self._groups, bool)
        there[list(self.pairs)] = True
        return there

    def exactly(self, question: str) -> int | None:
        """The group that was asked for word for word."""
        return self._exactly.get(folded(question))

    def likeness(self, question: str, vector: Floats | None) -> _Likeness:
        """How alike the question is to each group. Without vectors the overlap of words stands in for the meaning."""
        overlap = self._best(self._by_phrasing.overlap(self._by_phrasing.units(question)))
        meaning = overlap if vector is None or self.vectors is None else self._best(self.vectors @ vector)
        return _Likeness(meaning, self._by_group.coverage(self._by_group.units(question)), overlap)

    def alike_in_sound(self, heard: str) -> Floats:
        """How much the phrasing of each group that comes nearest sounds like what was heard."""
        return self._best(self._sounds.likeness(heard))

    @functools.cached_property
    def _sounds(self) -> SoundIndex:
        return SoundIndex(self.phrasings)

    def _best(self, by_phrasing: Floats) -> Floats:
        best = np.zeros(self._groups, np.float32)
        np.maximum.at(best, self._group_of, by_phrasing)
        return best


class PairIndex:
    """All pairs, by group and language."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        names = list(dict.fromkeys(pair.group for pair in pairs))
        number = {name: place for place, name in enumerate(names)}
        self.size = len(names)
        self.languages: dict[Language, LanguageIndex] = {}
        for language in ("en", "ar"):
            own = [(number[pair.group], pair) for pair in pairs if pair.language == language]
            if own:
                self.languages[language] = LanguageIndex(own, len(names))

    def topics(self, language: Language) -> list[str]:
        """What the pairs are about, in their order, in the language where there are any, else in the other."""
        return list(dict.fromkeys(pair.topic for pair in self._in(language) if pair.topic))

    def examples(self, language: Language, most: int = 3) -> list[str]:
        """The first questions."""
        return [pair.question for pair in self._in(language)][:most]

    def _in(self, language: Language) -> Sequence[Pair]:
        index = self.languages.get(language) or next(iter(self.languages.values()), None)
        return list(index.pairs.values()) if index else []

    def pair(self, group: int, language: Language) -> Pair:
        """The pair of a group in the language, else in the other one."""
        for index in (self.languages.get(language), *self.languages.values()):
            if index is not None and group in index.pairs:
                return index.pairs[group]
        raise KeyError(group)

    def exactly(self, question: str) -> int | None:
        """The group that was asked for word for word, in whichever language."""
        found = (index.exactly(question) for index in self.languages.values())
        return next((group for group in found if group is not None), None)

    def scores(
        self, question: str, language: Language, vectors: dict[Language, Floats], *, by_sound: bool = False
    ) -> Floats:
        """One number a group, 1.45 at most. `vectors` hold the question's vector, seen from each language; empty while there
        is no model.
        """
        parts = {name: (index, index.likeness(question, vectors.get(name))) for name, index in self.languages.items()}
        total = np.zeros(self.size, np.float32)
        for name, (index, own) in parts.items():
            others = [other for other, _ in parts.items() if other != name]
            abroad = parts[others[0]] if others else None
            score = _weighted(own, abroad, index)
            total = np.maximum(total, np.where(index.has(), score if name == language else score * ABROAD, 0))
        if by_sound and language in self.languages:
            total = np.maximum(total, self.languages[language].alike_in_sound(question) * ALIKE_IN_SOUND)
        return total


def _weighted(own: _Likeness, abroad: tuple[LanguageIndex, _Likeness] | None, index: LanguageIndex) -> Floats:
    there = abroad[0].has() & index.has() if abroad else np.zeros(own.meaning.size, bool)
    meaning = np.where(there, abroad[1].meaning if abroad else 0, own.meaning * ABROAD)
    coverage = np.where(there, abroad[1].coverage if abroad else 0, own.coverage * ABROAD)
    score: Floats = (
        WEIGHTS.meaning * own.meaning
        + WEIGHTS.meaning_abroad * meaning
        + WEIGHTS.coverage * own.coverage
        + WEIGHTS.coverage_abroad * coverage
        + WEIGHTS.overlap * own.overlap
    )
    return score
