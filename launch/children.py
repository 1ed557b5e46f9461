"""Starting and ending child processes so that none is left behind.

Every child leads a process group of its own: ending it ends whatever it started. On Linux the kernel also ends it when
this process dies without having had the time to (SIGKILL, out of memory).
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from launch.errors import CommandFailed

INSIST_AFTER_S = 2.0
KILL_AFTER_S = 5.0
LONGEST_LINE_BYTES = 256 * 1024
LAST_LINES = 15

TakeLine = Callable[[str], None]

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Interrupted(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM, and everything that was started has been ended since."""


def run_until_interrupted(main: Coroutine[None, None, None]) -> None:
    """Run `main` in an event loop; the first SIGINT or SIGTERM cancels it, later ones don't disturb its cleaning up.

    Raises `Interrupted` then, and whatever `main` raises otherwise.
    """

    async def guarded() -> None:
        task = asyncio.ensure_future(main)
        interrupted = asyncio.Event()

        def interrupt() -> None:
            if not interrupted.is_set():
                interrupted.set()
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
        try:
            await task
        except asyncio.CancelledError:
            if not interrupted.is_set():
                raise
            raise Interrupted from None

    asyncio.run(guarded())


def _end_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def start(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> asyncio.subprocess.Process:
    """Start `command` in a group of its own; what it prints (both streams) is on `process.stdout`."""
    return await asyncio.create_subprocess_exec(
        *map(str, command),
        env=environment,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_end_with_parent,
        limit=LONGEST_LINE_BYTES,
    )


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # nobody left (macOS says EPERM for a group of zombies)
        return


async def end(process: asyncio.subprocess.Process, *, kill_after_s: float = KILL_AFTER_S) -> None:
    """End the whole group: ask, insist once (LiveKit and Celery wait for their guests at the first signal), then kill."""
    for number, patience_s in (
        (signal.SIGTERM, min(INSIST_AFTER_S, kill_after_s / 2)),
        (signal.SIGTERM, kill_after_s - min(INSIST_AFTER_S, kill_after_s / 2)),
    ):
        if process.returncode is not None:
            break
        _signal_group(process, number)
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            continue
    _signal_group(process, signal.SIGKILL)  # the leader, or what an ended leader left behind
    await process.wait()


async def read_lines(process: asyncio.subprocess.Process, on_line: TakeLine) -> None:
    """Give each line that `process` prints to `on_line`, until it closes its output. An endless line is cut."""
    assert process.stdout is not None  # noqa: S101 - `start` made it a pipe
    while True:
        try:
            line = await process.stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError as end_of_output:
            line = end_of_output.partial
        except asyncio.LimitOverrunError as overrun:
            line = await process.stdout.read(overrun.consumed)
        if not line:
            return
        on_line(line.decode("utf-8", "replace").rstrip())


async def run(
    what: str,
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    on_line: TakeLine | None = None,
) -> list[str]:
    """Run `command` to its end and return its last lines. Raises `CommandFailed`; a cancelled run ends the command."""
    last_lines: deque[str] = deque(maxlen=LAST_LINES)

    def take(line: str) -> None:
        last_lines.append(line)
        if on_line is not None:
            on_line(line)

    process = await start(command, environment=environment, folder=folder)
    try:
        await read_lines(process, take)
        exit_code = await process.wait()
    finally:
        await end(process)
    if exit_code != 0:
        raise CommandFailed(what, exit_code, list(last_lines))
    return list(last_lines)
