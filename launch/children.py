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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from launch.errors import CommandFailed

INSIST_AFTER_S = 2.0
KILL_AFTER_S = 5.0
LONGEST_LINE_BYTES = 256 * 1024
LAST_LINES = 15
LAST_OUTPUT_WITHIN_S = 0.5

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


@dataclass(frozen=True)
class Child:
    """A process that leads its own group, and what the group prints (both streams).

    The pipe is ours and not asyncio's, whose `wait` goes on until every grandchild has closed its end.
    """

    process: asyncio.subprocess.Process
    output: asyncio.StreamReader
    pipe: asyncio.ReadTransport

    @property
    def pid(self) -> int:
        return self.process.pid


async def start(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Child:
    """Start `command`. The caller ends it with `end`, also when it has ended by itself: that clears what it left behind."""
    starting = asyncio.ensure_future(_start(command, environment, folder))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:  # it may run already, and have started others: asyncio would end its leader alone
        child = await starting
        await end(child)
        child.pipe.close()
        raise


async def _start(command: Sequence[str | Path], environment: Mapping[str, str] | None, folder: Path | None) -> Child:
    read_end, write_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    output = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb")
    )
    return Child(process, output, pipe)


def _signal_group(child: Child, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody left (macOS says EPERM for a group of zombies)
        os.killpg(child.pid, number)


async def end(child: Child) -> None:
    """End the whole group: ask, insist once (LiveKit and Celery wait for their guests at the first signal), then kill."""
    for patience_s in (INSIST_AFTER_S, KILL_AFTER_S - INSIST_AFTER_S):
        if child.process.returncode is not None:
            break
        _signal_group(child, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(child.process.wait(), patience_s)
    _signal_group(child, signal.SIGKILL)  # the leader, or what an ended leader left behind
    await child.process.wait()


async def read_lines(child: Child, on_line: TakeLine) -> None:
    """Give each line that is printed to `on_line`, until all have closed their output. An endless line is cut."""
    try:
        while True:
            try:
                line = await child.output.readuntil(b"\n")
            except asyncio.IncompleteReadError as end_of_output:
                line = end_of_output.partial
            except asyncio.LimitOverrunError as overrun:
                line = await child.output.read(overrun.consumed)
            if not line:
                return
            on_line(line.decode("utf-8", "replace").rstrip())
    finally:
        child.pipe.close()


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

    exit_code = await run_to_end(await start(command, environment=environment, folder=folder), take)
    if exit_code != 0:
        raise CommandFailed(what, exit_code, list(last_lines))
    return list(last_lines)


async def run_to_end(child: Child, on_line: TakeLine) -> int:
    """Wait for `child` itself, clear what it left behind, and return its exit code (-9: ended by signal 9)."""
    reader = asyncio.create_task(read_lines(child, on_line))
    try:
        return await child.process.wait()
    finally:
        await end(child)
        with suppress(TimeoutError):  # a process that was detached on purpose may hold the pipe open
            await asyncio.wait_for(reader, LAST_OUTPUT_WITHIN_S)
