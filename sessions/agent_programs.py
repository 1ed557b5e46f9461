"""The agent's programs that tell how far they are, run apart from the web's processes: bounded in time here, in memory by
themselves."""

import contextlib
import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings

logger = logging.getLogger(__name__)

REFUSED_STATUS: Final = 3  # a program's own: its last line says why
Said = dict[str, Any]


class ProgramFailed(Exception):
    """The program ended without a result. The message is its own last word, for the log."""


class ProgramTooSlow(ProgramFailed):
    """It took longer than it may."""


def run_program(*arguments: str, told: Callable[[Said], None], limit_s: float, order: str = "") -> Said:
    """Run `python -m agent ...`; `told` gets each JSON line while it works, the last one is returned.

    `order` is what it reads from its standard input. Raises `ProgramFailed`.
    """
    late = threading.Event()
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(  # noqa: S603 (words and paths of ours)
            [sys.executable, "-m", "agent", *arguments],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit_s, end)
        timer.start()
        last: Said = {}
        try:
            with process:
                assert process.stdin is not None  # noqa: S101 (it is a pipe)
                assert process.stdout is not None  # noqa: S101
                with contextlib.suppress(BrokenPipeError):  # it has ended already; its status says why
                    process.stdin.write(order)
                    process.stdin.close()
                for line in process.stdout:
                    last = _read(line)
                    told(last)
        except BaseException:
            process.kill()
            raise
        finally:
            timer.cancel()
        complaints.seek(0)
        complaint = complaints.read()[-500:].strip()
    if late.is_set():
        raise ProgramTooSlow(f"{arguments[0]} took over {limit_s:g} s")
    if process.returncode not in (0, REFUSED_STATUS) or not last:
        raise ProgramFailed(f"{arguments[0]} ended with {process.returncode}: {complaint}")
    return last


def _read(line: str) -> Said:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}
