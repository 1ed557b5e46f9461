"""The agent worker's part: it holds the socket, and starts the shared process when somebody knocks and nobody is in."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Final

from agent.models.messages import listen

logger = logging.getLogger(__name__)

PAUSE_AFTER_CRASH_S: Final = 0.5
END_WITHIN_S: Final = 2.0


class ModelSupervisor:
    """Runs in the worker's event loop. The process costs nothing until the first session asks, comes back with the next
    question after it died, and ends with the worker: its standard input is a pipe that the worker holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Of the shared process, while it runs."""
        return self._pid

    async def run(self) -> None:
        """Serves until it is cancelled. Without a socket (an unwritable folder, say) sessions neither hear nor answer."""
        try:
            listening = listen(self._path)
        except OSError:
            logger.exception("the socket of the model process can't be made at %s", self._path)
            return
        with listening:
            try:
                while True:
                    await _knock(listening)
                    status = await self._run_process(listening)
                    logger.log(
                        logging.INFO if status == 0 else logging.ERROR, "the model process ended with status %d", status
                    )
                    if status:
                        await asyncio.sleep(PAUSE_AFTER_CRASH_S)
            finally:
                self._path.unlink(missing_ok=True)

    async def _run_process(self, listening: socket.socket) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "agent.models.process",
            str(listening.fileno()),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=(listening.fileno(),),
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._pid = process.pid
        logger.info("the model process started (pid %d)", process.pid)
        try:
            return await process.wait()
        finally:
            self._pid = None
            if process.returncode is None:
                if process.stdin is not None:
                    process.stdin.close()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), END_WITHIN_S)
                if process.returncode is None:
                    process.kill()


async def _knock(listening: socket.socket) -> None:
    """Returns once somebody waits to be let in."""
    loop = asyncio.get_running_loop()
    knocked = asyncio.Event()
    loop.add_reader(listening.fileno(), knocked.set)
    try:
        await knocked.wait()
    finally:
        loop.remove_reader(listening.fileno())
