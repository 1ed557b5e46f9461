"""The agent worker's process tree: the worker with its helpers, and each job process with its children."""

import math
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from agent.kernel import CLOCK_TICKS_PER_S, ProcessStat, read_stat
from agent.memory import ProcessMemory, read_memory, read_rss
from protocol.events import ProcessSample

FORKSERVER: Final = b"multiprocessing.forkserver"
STRANGERS_ANEW_S: Final = 30.0
IDLE_MEMORY_EVERY: Final = 4  # readings
BUSY_TICKS: Final = 5  # between two readings: a job with a picture uses more, an idle worker less

Role = Literal["worker", "job"]


@dataclass(frozen=True)
class ProcessGroup:
    """Processes that are reported as one: `pid` is the first of them."""

    pid: int
    role: Role
    members: tuple[ProcessStat, ...]


class ProcessTable:
    """Every process that lives, by pid; zombies are gone.

    A stranger is read once, and anew every `STRANGERS_ANEW_S` in case its pid went to another process meanwhile: a host has
    hundreds of them, and none becomes ours except by being started.
    """

    def __init__(self) -> None:
        self._known: dict[int, ProcessStat] = {}
        self._followed: set[int] = set()
        self._all_read_at_s = -math.inf

    def read(self, now_s: float) -> list[ProcessStat]:
        """As of now for whom `follow` named and for who is new. `now_s` is on the monotonic clock."""
        anew = now_s - self._all_read_at_s >= STRANGERS_ANEW_S
        if anew:
            self._all_read_at_s = now_s
        found = {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            pid = int(name)
            stat = None if anew or pid in self._followed else self._known.get(pid)
            stat = stat or read_stat(pid)
            if stat is not None and not stat.gone:
                found[pid] = stat
        self._known = found
        return list(found.values())

    def follow(self, groups: Iterable["ProcessGroup"]) -> None:
        """These are read anew each time."""
        self._followed = {stat.pid for group in groups for stat in group.members}


def is_forkserver(pid: int) -> bool:
    """Whether a child of the worker is the process that forks the jobs."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return FORKSERVER in file.read()
    except OSError:
        return False


def group_tree(worker_pid: int, processes: Iterable[ProcessStat]) -> list[ProcessGroup]:
    """The worker's group, then one group a job process. Jobs are the forkserver's children; idle ones wait for a job."""
    by_pid, children = {}, defaultdict(list)
    for stat in processes:
        by_pid[stat.pid] = stat
        children[stat.parent].append(stat)
    if worker_pid not in by_pid:
        return []

    def below(stat: ProcessStat) -> list[ProcessStat]:
        return [stat, *(inner for child in children[stat.pid] for inner in below(child))]

    helpers, jobs = [by_pid[worker_pid]], []
    for child in children[worker_pid]:
        if is_forkserver(child.pid):
            helpers.append(child)
            jobs += children[child.pid]
        else:
            helpers += below(child)
    return [
        ProcessGroup(worker_pid, "worker", tuple(helpers)),
        *(ProcessGroup(job.pid, "job", tuple(below(job))) for job in sorted(jobs, key=lambda job: job.pid)),
    ]


class ProcessReader:
    """Samples of groups. Proportional memory takes the kernel milliseconds a process, so who does nothing waits its turn.

    PSS and USS are read anew of each process that is new or busy, and now and then of one of the others.
    """

    def __init__(self) -> None:
        self._ticks: dict[tuple[int, int], int] = {}
        self._read_at: float | None = None
        self._memory: dict[tuple[int, int], ProcessMemory] = {}
        self._turn = 0

    def read(self, groups: list[ProcessGroup], now_s: float) -> list[ProcessSample]:
        """`now_s` is on the monotonic clock. CPU is absent for a process's first reading."""
        members = {(stat.pid, stat.started_ticks): stat for group in groups for stat in group.members}
        self._refresh_memory(members)
        elapsed_s = None if self._read_at is None else now_s - self._read_at
        samples = [self._sample(group, elapsed_s) for group in groups]
        self._ticks = {key: stat.cpu_ticks for key, stat in members.items()}
        self._read_at = now_s
        return samples

    def tree_pss_bytes(self) -> int | None:
        """Proportional memory of all processes of the last reading together."""
        return _sum(memory.pss_bytes for memory in self._memory.values())

    def _refresh_memory(self, members: dict[tuple[int, int], ProcessStat]) -> None:
        self._memory = {key: memory for key, memory in self._memory.items() if key in members}
        due = {key for key, stat in members.items() if key not in self._memory or self._is_busy(key, stat)}
        self._turn += 1
        if members and self._turn % IDLE_MEMORY_EVERY == 0:
            due.add(list(members)[self._turn // IDLE_MEMORY_EVERY % len(members)])
        for key in due:
            self._memory[key] = read_memory(key[0])

    def _is_busy(self, key: tuple[int, int], stat: ProcessStat) -> bool:
        return stat.cpu_ticks - self._ticks.get(key, 0) >= BUSY_TICKS

    def _sample(self, group: ProcessGroup, elapsed_s: float | None) -> ProcessSample:
        keys = [(stat.pid, stat.started_ticks) for stat in group.members]
        return ProcessSample(
            pid=group.pid,
            role=group.role,
            cpu_percent=self._cpu_percent(group, elapsed_s),
            rss_bytes=_sum(read_rss(stat.pid) for stat in group.members),
            pss_bytes=_sum(self._memory[key].pss_bytes for key in keys),
            uss_bytes=_sum(self._memory[key].uss_bytes for key in keys),
            threads=sum(stat.threads for stat in group.members),
            fds=_sum(_count_fds(stat.pid) for stat in group.members),
        )

    def _cpu_percent(self, group: ProcessGroup, elapsed_s: float | None) -> float | None:
        known = [stat for stat in group.members if (stat.pid, stat.started_ticks) in self._ticks]
        if not known or not elapsed_s:
            return None
        ticks = sum(stat.cpu_ticks - self._ticks[(stat.pid, stat.started_ticks)] for stat in known)
        return max(0.0, ticks / CLOCK_TICKS_PER_S / elapsed_s * 100)


def _count_fds(pid: int) -> int | None:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None


def _sum(values: Iterable[int | None]) -> int | None:
    """Absent when any part is: half a sum would look like a whole one."""
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total
