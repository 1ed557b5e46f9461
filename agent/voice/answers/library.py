"""Searches in what avatars know; runs in the host's shared model process (`agent.models`), once for all sessions.

Question: fields of `Search`. Answer: fields of `SearchReply`. 15 to 40 ms of CPU, most of it the question's vector.
The knowledge's files must lie in the host's asset store. The first search in a knowledge indexes its words at once and
makes its vectors in the background (10 to 40 ms a text, once a host); until they are there, words alone decide.
"""

import contextlib
import functools
import logging
import os
import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from agent.assets import AssetStore
from agent.environment import HostEnvironment
from agent.models.messages import Message
from agent.voice.answers.found import MAX_QUESTION_CHARS, Found, Search, SearchReply
from agent.voice.answers.pair_index import PairIndex
from agent.voice.answers.passage_index import PassageIndex
from agent.voice.answers.passages import passages
from agent.voice.answers.vectors import Kind, VectorCache, embed
from agent.voice.answers.words import language_of
from protocol.jobspec import Language
from protocol.knowledge import Knowledge

logger = logging.getLogger(__name__)

Floats = NDArray[np.float32]

MOST_OPEN: Final = 4  # knowledges in memory; of the largest, one takes 100 MB
MOST_FOUND: Final = 8
NEARLY_CERTAIN: Final = 0.99  # of what does not stand there word for word
BACKGROUND_NICENESS: Final = 10
BATCH: Final = 16
ABROAD_PASSAGE: Final = 0.9  # of a passage in another language than the visitor's


class Shelf:
    """One knowledge in memory."""

    def __init__(self, knowledge: Knowledge, texts: dict[str, str], cache: VectorCache) -> None:
        self._cache = cache
        self.answers = [pair.answer for pair in knowledge.pairs]
        self.pairs = PairIndex(knowledge.pairs)
        self.passages = PassageIndex(
            [passage for document in knowledge.documents for passage in passages(document.name, texts[document.sha256])]
        )
        self._documents = [document.name for document in knowledge.documents]
        self._wanted = sum(len(index.phrasings) for index in self.pairs.languages.values()) + len(self.passages.texts)
        self._made = 0

    @classmethod
    def open(cls, sha256: str, store: AssetStore, cache: VectorCache) -> "Shelf":
        """Reads and indexes. Raises `ValueError` where a file is missing or is no knowledge."""
        try:
            knowledge = Knowledge.model_validate_json(store.path(sha256).read_bytes())
            texts = {each.sha256: store.path(each.sha256).read_text() for each in knowledge.documents}
        except OSError as error:
            raise ValueError(f"the knowledge {sha256[:12]} is not on this host: {error}") from error
        return cls(knowledge, texts, cache)

    @property
    def understood(self) -> float:
        return self._made / self._wanted if self._wanted else 1.0

    def understand(self, *, only_kept: bool = False) -> None:
        """Makes the vectors, the pairs' first: 10 to 40 ms of a core for each text that the host has not seen yet.

        `only_kept`: takes what is kept, and makes none; where some are missing, words alone go on to decide.
        """
        if only_kept and not self._all_kept():
            return
        for language, index in self.pairs.languages.items():
            vectors = _vectors(index.phrasings, "query", self._cache)
            index.vectors = _apart(vectors, _usual("query", language, self._cache))
        if self.passages.texts:
            usual = {language: _usual("passage", language, self._cache) for language in ("en", "ar")}
            made = _vectors(self.passages.texts, "passage", self._cache)
            common = np.stack([usual[language_of(text, "en")] for text in self.passages.texts])
            self.passages.vectors = _apart(made, common)
        self._made = self._wanted

    def search(self, search: Search) -> SearchReply:
        began = time.perf_counter()
        question = search.question[-MAX_QUESTION_CHARS:]
        found = self._search(question, search.language, by_sound=search.by_sound)
        in_context = []
        if search.context:
            in_context = self._search(f"{search.context[-MAX_QUESTION_CHARS:]} {question}", search.language)
        return SearchReply(
            found=found,
            in_context=in_context,
            topics=self.pairs.topics(search.language) or self._documents,
            examples=self.pairs.examples(search.language),
            is_empty=not self.pairs.size and not self.passages.passages,
            understood=self.understood,
            took_ms=round((time.perf_counter() - began) * 1000, 1),
        )

    def _search(self, question: str, language: Language, *, by_sound: bool = False) -> list[Found]:
        exact = self.pairs.exactly(question)
        if exact is not None:
            return [self._pair(exact, language, 1.0)]
        vector = _question_vector(question) if self._made and question.strip() else None
        seen = (
            {} if vector is None else {name: _apart(vector, _usual("query", name, self._cache)) for name in _usuals()}
        )
        found = []
        scores = self.pairs.scores(question, language, seen, by_sound=by_sound)
        for group in np.argsort(scores)[::-1][:MOST_FOUND]:
            found.append(self._pair(int(group), language, min(float(scores[group]), NEARLY_CERTAIN)))
        scores = self.passages.scores(question, seen.get(language))
        for number in np.argsort(scores)[::-1][:MOST_FOUND]:
            found.append(self._quoted(int(number), question, language, float(scores[number])))
        return sorted(found, key=lambda each: each.score, reverse=True)[:MOST_FOUND]

    def _pair(self, group: int, language: Language, score: float) -> Found:
        pair = self.pairs.pair(group, language)
        fields = pair.model_dump(include={"id", "group", "language", "question", "answer", "topic"})
        return Found(kind="pair", score=round(score, 3), **fields)

    def _quoted(self, number: int, question: str, language: Language, score: float) -> Found:
        passage = self.passages.passages[number]
        quote = self.passages.quote(number, question)
        written_in = language_of(quote, language)
        return Found(
            kind="passage", id=str(number), group=passage.document, language=written_in,
            question=passage.document, answer=quote, topic=passage.document,
            score=round(score * (1 if written_in == language else ABROAD_PASSAGE), 3),
        )  # fmt: skip

    def _all_kept(self) -> bool:
        wanted: list[tuple[list[str], Kind]] = [(each.phrasings, "query") for each in self.pairs.languages.values()]
        wanted.append((self.passages.texts, "passage"))
        return all(len(self._cache.find(texts, kind)) == len(set(texts)) for texts, kind in wanted)


class Library:
    """The model that `agent.models` calls: keeps the last few knowledges open."""

    workers = 2

    def __init__(self, home: Path | None = None) -> None:
        home = home or HostEnvironment.read().home
        self._store = AssetStore(home)
        self._cache = VectorCache(home / "cache" / "vectors.sqlite3")
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, request: Message, wanted: Callable[[], bool]) -> Message:
        search = Search.model_validate(request.fields)
        return Message(self.shelf(search.knowledge).search(search).model_dump())

    def shelf(self, sha256: str, vectors: Literal["background", "now", "kept"] = "background") -> Shelf:
        """The knowledge, opened where it is not open; its vectors are made in the background, made now, or as they are kept.

        Raises `ValueError` where its files are not on this host.
        """
        with self._lock:
            shelf = self._shelves.get(sha256)
            if shelf is None:
                shelf = self._shelves[sha256] = Shelf.open(sha256, self._store, self._cache)
                if vectors == "background":
                    threading.Thread(target=_understand, args=(shelf,), name="understand", daemon=True).start()
                else:
                    shelf.understand(only_kept=vectors == "kept")
            self._shelves.move_to_end(sha256)
            while len(self._shelves) > MOST_OPEN:
                self._shelves.popitem(last=False)
            return shelf


def _understand(shelf: Shelf) -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BACKGROUND_NICENESS)
    try:
        shelf.understand()
    except Exception:
        logger.exception("a knowledge is searched by words alone: its vectors could not be made")


def _vectors(texts: Sequence[str], kind: Kind, cache: VectorCache) -> Floats:
    """One row a text: as it is kept, else made."""
    kept = cache.find(texts, kind)
    missing = list(dict.fromkeys(text for text in texts if text not in kept))
    for start in range(0, len(missing), BATCH):
        some = missing[start : start + BATCH]
        with cache.alone():  # what another process made of these meanwhile is not made again
            kept |= cache.find(some, kind)
            left = [text for text in some if text not in kept]
            made = embed(left, kind)
            cache.keep(left, kind, made)
        kept |= dict(zip(left, made, strict=True))
    return np.stack([kept[text] for text in texts])


@functools.lru_cache(maxsize=64)
def _question_vector(question: str) -> Floats:
    """A question is looked up again when its last word turns out to be the last, or when somebody repeats it."""
    vector: Floats = embed([question], "query")[0]
    return vector


@functools.cache
def _usuals() -> dict[Language, list[str]]:
    table = tomllib.loads((Path(__file__).parent / "background.toml").read_text())
    return {"en": table["en"], "ar": table["ar"]}


_usual_vectors: dict[tuple[Kind, Language], Floats] = {}


def _usual(kind: Kind, language: Language, cache: VectorCache) -> Floats:
    """The mean of ordinary questions in a language: what all vectors have in common."""
    mean = _usual_vectors.get((kind, language))
    if mean is None:
        vectors = _vectors(_usuals()[language], kind, cache)
        mean = _usual_vectors[kind, language] = vectors.mean(axis=0)
    return mean


def _apart(vectors: Floats, common: Floats) -> Floats:
    """Vectors without what they have in common, of length 1."""
    rest = vectors - common
    apart: Floats = rest / np.maximum(np.linalg.norm(rest, axis=-1, keepdims=True), 1e-6)
    return apart
