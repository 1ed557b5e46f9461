"""The demo's content: what the museum guide knows, in English and Arabic."""

import tomllib
from pathlib import Path
from typing import Final

from protocol.jobspec import Language
from protocol.knowledge import Document, Knowledge, Pair
from sessions import assets

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ar")
DOCUMENTS: Final = {
    "customs-house.en.txt": "The customs house and its people",
    "customs-house.ar.txt": "دار الجمارك وأهلها",
}


def museum() -> Knowledge:
    """Pairs and documents of the Old Harbour Museum; the documents' texts are kept as assets."""
    table = tomllib.loads((FOLDER / "museum.toml").read_text())
    pairs = [
        Pair(
            id=f"museum-{number}-{language}",
            group=f"museum-{number}",
            language=language,
            topic=table["topics"][entry["topic"]][language],
            **entry[language],
        )
        for number, entry in enumerate(table["pairs"], start=1)
        for language in LANGUAGES
    ]
    return Knowledge(pairs=pairs, documents=[_document(file, name) for file, name in DOCUMENTS.items()])


def _document(file: str, name: str) -> Document:
    content = (FOLDER / file).read_bytes()
    return Document(name=name, sha256=assets.keep(content), size_bytes=len(content))
