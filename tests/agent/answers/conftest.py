"""The demo's museum, opened once for all tests of a run; its vectors are kept in pytest's cache."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.voice.answers.dialogue import Dialogue, Reply, Turn
from agent.voice.answers.found import Search, SearchReply
from agent.voice.answers.library import Shelf
from agent.voice.answers.vectors import VectorCache
from protocol.jobspec import Language
from protocol.knowledge import Document, Knowledge, Pair

ROOT = Path(__file__).parents[3]
ANY = "0" * 64


def museum_pairs(*languages: Language) -> list[Pair]:
    """The demo's pairs, read as the demo's loader does it; their groups are their English questions."""
    table = tomllib.loads((ROOT / "sessions" / "demo" / "museum.toml").read_text())
    return [
        Pair(
            id=f"museum-{number}-{language}", group=f"museum-{number}", language=language,
            topic=table["topics"][entry["topic"]][language], **entry[language],
        )
        for number, entry in enumerate(table["pairs"])
        for language in languages
    ]  # fmt: skip


def question_of_group() -> dict[str, str]:
    return {pair.group: pair.question for pair in museum_pairs("en")}


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest) -> VectorCache:
    return VectorCache(request.config.cache.mkdir("vectors") / "vectors.sqlite3")


@pytest.fixture(scope="session")
def museum(cache: VectorCache) -> Shelf:
    """Pairs and documents in both languages."""
    texts = {
        mark * 64: (ROOT / "sessions" / "demo" / f"customs-house.{language}.txt").read_text()
        for mark, language in (("a", "en"), ("b", "ar"))
    }
    names = {"a": "The customs house and its people", "b": "دار الجمارك وأهلها"}
    documents = [Document(name=name, sha256=mark * 64, size_bytes=1) for mark, name in names.items()]
    return opened(Knowledge(pairs=museum_pairs("en", "ar"), documents=documents), cache, texts)


@pytest.fixture(scope="session")
def questions() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "questions.toml").read_text())


def opened(knowledge: Knowledge, cache: VectorCache, texts: dict[str, str] | None = None) -> Shelf:
    shelf = Shelf(knowledge, texts or {}, cache)
    shelf.understand()
    return shelf


class Visitor:
    """Talks with an avatar that knows a shelf, turn by turn."""

    def __init__(self, shelf: Shelf, language: Language = "en") -> None:
        self._shelf = shelf
        self._turns: list[Turn] = []
        self._dialogue = Dialogue("Maryam", language, ANY, self._search)

    async def says(self, text: str, *, hears: int | None = None, unsure: bool = False) -> Reply:
        """The reply; of it the visitor hears the first `hears` characters before interrupting."""
        self._turns.append(Turn(True, text, unsure=unsure))
        reply = await self._dialogue.reply(self._turns)
        self._turns.append(Turn(False, reply.text[:hears]))
        return reply

    async def _search(self, search: Search) -> SearchReply:
        return self._shelf.search(search)
