"""Running the lines of a Procfile, night and day: honcho's format and printing, and a restart when a process dies by itself.

honcho's own manager ends all processes when one dies; here the others go on, and the dead one comes back after a pause.
"""

import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

from launch import children

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
FORGIVEN_AFTER_S = 60.0  # a process that ran this long starts over with the first pause
LOG_BYTES = 10 * 1024 * 1024
LAST_WORDS = 5


@dataclass
class Pause:
    """How long to wait before a dead process is started again: doubled each time, until it ran well for a while."""

    next_s: float = FIRST_PAUSE_S

    def after_run_of(self, ran_s: float) -> float:
        if ran_s >= FORGIVEN_AFTER_S:
            self.next_s = FIRST_PAUSE_S
        pause_s, self.next_s = self.next_s, min(self.next_s * 2, LONGEST_PAUSE_S)
        return pause_s


@dataclass
class Process:
    """One line of the Procfile. `pid` is None while it does not run; `starts` counts how often it was started."""

    name: str
    command: str
    colour: str
    pid: int | None = None
    starts: int = 0
    keeper: asyncio.Task[None] | None = field(default=None, repr=False)


class Log(RotatingFileHandler):
    """What a process says. Where it can't be written (a full disk) it is lost; the process goes on and is listened to."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        pass

    def close(self) -> None:
        with suppress(OSError):
            super().close()


class Processes:
    """Keeps processes running until `stop`. What they print goes to log/<name>.log and to the terminal.

    Of `quiet` ones the terminal gets only the last lines before they died.
    """

    def __init__(
        self,
        procfile: Path,
        *,
        folder: Path,
        environment: Mapping[str, str],
        logs: Path,
        quiet: Collection[str] = (),
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._logs = logs
        self._quiet = quiet
        colours = get_colours()
        lines: dict[str, str] = parse_procfile(procfile.read_text()).processes
        self._processes = {name: Process(name, command, next(colours)) for name, command in lines.items()}
        self._printer = Printer(sys.stdout, width=max(map(len, lines), default=0))

    @property
    def names(self) -> list[str]:
        return list(self._processes)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes.values() if process.pid is not None]

    def process(self, name: str) -> Process:
        return self._processes[name]

    def start(self, name: str) -> None:
        process = self._processes[name]
        if process.keeper is None:
            process.keeper = asyncio.create_task(self._keep(process), name=f"keep {name}")

    async def stop(self, *names: str) -> None:
        """End these processes with all that they started; returns when nothing of them is left."""
        keepers = [keeper for name in names if (keeper := self._processes[name].keeper) is not None]
        for keeper in keepers:
            keeper.cancel()
        for keeper in keepers:
            with suppress(asyncio.CancelledError):
                await keeper
        for name in names:
            self._processes[name].keeper = None

    async def _keep(self, process: Process) -> None:
        log = Log(self._logs / f"{process.name}.log", maxBytes=LOG_BYTES, backupCount=1)
        pause = Pause()
        last_words: deque[str] = deque(maxlen=LAST_WORDS)

        def take(line: str) -> None:
            log.emit(logging.makeLogRecord({"msg": line}))
            if process.name in self._quiet:
                last_words.append(line)
            else:
                self._print(process, line)

        try:
            while True:
                started = time.monotonic()
                exit_code = await self._run_once(process, take)
                pause_s = pause.after_run_of(time.monotonic() - started)
                news = f"ended by itself (exit code {exit_code}); started again in {pause_s:g} s"
                log.emit(logging.makeLogRecord({"msg": news}))
                for line in [*last_words, news]:
                    self._print(process, line)
                last_words.clear()
                await asyncio.sleep(pause_s)
        finally:
            log.close()

    async def _run_once(self, process: Process, take: children.TakeLine) -> int:
        child = await children.start(
            ["/bin/sh", "-c", process.command], environment=self._environment, folder=self._folder
        )
        process.pid = child.pid
        process.starts += 1
        try:
            return await children.run_to_end(child, take)
        finally:
            process.pid = None

    def _print(self, process: Process, line: str) -> None:
        with suppress(OSError):  # as `console.say`
            self._printer.write(Message("line", line, datetime.now(), process.name, process.colour))
