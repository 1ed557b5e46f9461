"""The agent worker's log: at most `MAX_BYTES` and one older part of as much beside it.

The detached worker, its jobs and the native libraries in them all write to one inherited file, so nobody can reopen it: what is
written is copied aside and the file is emptied. All of them append, so that they go on at its new beginning.
"""

import os
import shutil
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 10 * 1024 * 1024


def older_part(log: Path) -> Path:
    return log.with_suffix(".log.1")


def rotate(log: Path, max_bytes: int = MAX_BYTES) -> None:
    """Moves what stands in the log to its older part if it is more than `max_bytes`; a line written meanwhile may be lost."""
    if not log.exists() or log.stat().st_size <= max_bytes:
        return
    older = older_part(log)
    with log.open("rb") as full, older.open("wb") as copy:
        full.seek(-max_bytes, os.SEEK_END)
        full.readline()  # the rest of a line that is cut
        shutil.copyfileobj(full, copy)
    os.truncate(log, 0)
