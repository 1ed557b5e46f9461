"""Memory of a process, bytes, from the kernel's own files; a reading that is withheld is None."""

import asyncio
import contextlib
import ctypes
import os
from dataclasses import dataclass

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class ProcessMemory:
    rss_bytes: int | None
    pss_bytes: int | None
    uss_bytes: int | None


def read_rss(pid: int | str = "self") -> int | None:
    """Resident memory; microseconds. Source: /proc/<pid>/statm."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None


def read_memory(pid: int | str = "self") -> ProcessMemory:
    """Resident, proportional and private memory; milliseconds for a large process. Source: /proc/<pid>/smaps_rollup."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return parse_smaps_rollup(file.read())
    except OSError:
        return ProcessMemory(read_rss(pid), None, None)


def parse_smaps_rollup(text: bytes) -> ProcessMemory:
    """The sums of a smaps_rollup file."""
    kib = {}
    for line in text.splitlines()[1:]:
        name, _, rest = line.partition(b":")
        if rest:
            kib[name] = int(rest.split()[0])
    if b"Rss" not in kib:
        return ProcessMemory(None, None, None)
    private = kib.get(b"Private_Clean", 0) + kib.get(b"Private_Dirty", 0)
    pss = kib.get(b"Pss")
    return ProcessMemory(kib[b"Rss"] * 1024, None if pss is None else pss * 1024, private * 1024)


def hand_back_freed() -> None:
    """What the C library keeps of freed memory goes back to the kernel; milliseconds. Nothing where it is not glibc."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class OwnMemory:
    """This process's memory for step edges, without holding up the event loop.

    Private memory takes milliseconds to sum once there is much of it: it is read in a thread, and what `read` returns is the
    newest known value, at first that of when this was made.
    """

    def __init__(self) -> None:
        self._uss_bytes = read_memory().uss_bytes
        self._reading: asyncio.Future[None] | None = None

    def read(self) -> tuple[int | None, int | None]:
        """(rss_bytes, uss_bytes); begins a new reading of the private memory."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._refresh)
        return read_rss(), self._uss_bytes

    def _refresh(self) -> None:
        self._uss_bytes = read_memory().uss_bytes
