"""What detached itself from the processes that we run: the agent worker, above all, while it is still too young to be asked.

On Linux this process adopts such orphans instead of the init process, so that the end of `make run` is the end of them too.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Collection

import psutil

ORPHANS_END_WITHIN_S = 3.0
# By then asyncio has long asked for the exit codes of the children that are its own.
REAP_AFTER_S = 10.0

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on orphans below this process become its children; those that end are cleared away while the loop runs."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, lambda: loop.call_later(REAP_AFTER_S, _reap))


def _reap() -> None:
    for child in psutil.Process().children():
        try:
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
        except (psutil.NoSuchProcess, ChildProcessError):
            continue


async def end_orphans(*, besides: Collection[int]) -> None:
    """End every process that is still below this one: SIGTERM, then SIGKILL; all but the pids `besides`."""
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in besides]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, left = await asyncio.to_thread(psutil.wait_procs, left, timeout=ORPHANS_END_WITHIN_S)
