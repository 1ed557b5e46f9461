"""Processes as the kernel's files tell of them."""

import functools
import os
from dataclasses import dataclass
from typing import Final

CLOCK_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SAME_PROCESS_S: Final = 2.0  # the kernel's boot time, and with it every start time, may be corrected by a second


@dataclass(frozen=True)
class ProcessStat:
    """One line of /proc/<pid>/stat. Times in clock ticks; `started_ticks` since boot."""

    pid: int
    parent: int
    state: str
    cpu_ticks: int
    threads: int
    started_ticks: int
    minor_faults: int = 0
    major_faults: int = 0

    @property
    def gone(self) -> bool:
        """A zombie holds a pid and nothing else."""
        return self.state in "ZX"


def read_stat(pid: int) -> ProcessStat | None:
    """None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return parse_stat(file.read())
    except OSError:
        return None


def parse_stat(line: bytes) -> ProcessStat:
    """The process's name may hold blanks and parentheses: fields count from the last ')'."""
    head, _, tail = line.rpartition(b")")
    fields = tail.split()
    return ProcessStat(
        pid=int(head.split(b" ", 1)[0]),
        parent=int(fields[1]),
        state=fields[0].decode(),
        cpu_ticks=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        started_ticks=int(fields[19]),
        minor_faults=int(fields[7]),
        major_faults=int(fields[9]),
    )


@functools.cache
def _booted_at() -> float:
    with open("/proc/stat", "rb") as file:
        for line in file:
            if line.startswith(b"btime "):
                return float(line.split()[1])
    return 0.0


def process_created_at(pid: int) -> float | None:
    """Start of a process, seconds since the epoch; None when it does not live."""
    stat = read_stat(pid)
    return None if stat is None or stat.gone else _booted_at() + stat.started_ticks / CLOCK_TICKS_PER_S


def is_alive(pid: int, created_at: float) -> bool:
    """Whether `pid` is still the process that started then, and not a zombie or a stranger."""
    current = process_created_at(pid)
    return current is not None and abs(current - created_at) < SAME_PROCESS_S
