"""The agent worker's process tree: the worker with its helpers, the shared models, and each job process with its children."""

import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from agent.kernel import CLOCK_TICKS_PER_S, ProcessStat, read_stat
from agent.memory import ProcessMemory, read_memory, read_rss
from protocol.readings import ProcessSample, Role

FORKSERVER: Final = b"multiprocessing.forkserver"  # one that was started when the first had died
MODELS: Final = b"agent.models.process"
STRANGERS_ANEW_S: Final = 30.0
MEMORY_SHARE: Final = 0.001  # of a core, for summing up proportional memory: the kernel takes milliseconds a process
MOVED_BYTES: Final = 8_000_000  # of resident memory, for a turn twice as soon
FDS_EVERY_S: Final = 10.0


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
        try:
            names = os.listdir("/proc")
        except OSError:  # no such thing here: macOS
            return []
        for name in names:
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


def is_forkserver(pid: int, worker_pid: int) -> bool:
    """Whether a child of the worker is the process that forks jobs: the one that the worker forked itself, or its successor."""
    command = _command_line(pid)
    return bool(command) and (command == _command_line(worker_pid) or FORKSERVER in command)


def _command_line(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def group_tree(worker_pid: int, processes: Iterable[ProcessStat]) -> list[ProcessGroup]:
    """The worker's group, the shared models' where they are loaded, then one a job process. Jobs are the forkserver's children;
    idle ones wait for a job."""
    by_pid, children = {}, defaultdict(list)
    for stat in processes:
        by_pid[stat.pid] = stat
        children[stat.parent].append(stat)
    if worker_pid not in by_pid:
        return []

    def below(stat: ProcessStat) -> list[ProcessStat]:
        return [stat, *(inner for child in children[stat.pid] for inner in below(child))]

    helpers, models, jobs = [by_pid[worker_pid]], [], []
    for child in children[worker_pid]:
        if is_forkserver(child.pid, worker_pid):
            helpers.append(child)
            jobs += children[child.pid]
        elif MODELS in _command_line(child.pid):
            models.append(child)
        else:
            helpers += below(child)
    jobs.sort(key=lambda job: job.pid)
    return [
        ProcessGroup(worker_pid, "worker", tuple(helpers)),
        *(ProcessGroup(first.pid, "models", tuple(below(first))) for first in models),
        *(ProcessGroup(first.pid, "job", tuple(below(first))) for first in jobs),
    ]


Key = tuple[int, int]  # pid and start: a pid alone may be another process's by now


class ProcessReader:
    """Samples of groups. PSS and USS are read at once of a process that is new; the others take turns, as often as
    `MEMORY_SHARE` allows, the sooner the more their resident memory has moved."""

    def __init__(self) -> None:
        self._before: dict[Key, ProcessStat] = {}
        self._read_at_s: float | None = None
        self._memory: dict[Key, ProcessMemory] = {}  # who waited longest comes first
        self._memory_at_s: dict[Key, float] = {}
        self._memory_due_s = 0.0
        self._fds: dict[Key, int | None] = {}
        self._fds_due_s = 0.0

    def read(self, groups: list[ProcessGroup], now_s: float) -> list[ProcessSample]:
        """`now_s` is on the monotonic clock. CPU and faults are absent for a process's first reading."""
        members = {_key(stat): stat for group in groups for stat in group.members}
        self._refresh_memory(members, now_s)
        self._refresh_fds(members, now_s)
        elapsed_s = None if self._read_at_s is None else now_s - self._read_at_s
        samples = [self._sample(group, elapsed_s) for group in groups]
        self._before, self._read_at_s = members, now_s
        return samples

    def tree_pss_bytes(self) -> int | None:
        """Proportional memory of all processes of the last reading together."""
        return _sum(memory.pss_bytes for memory in self._memory.values())

    def _refresh_memory(self, members: dict[Key, ProcessStat], now_s: float) -> None:
        self._memory = {key: memory for key, memory in self._memory.items() if key in members}
        self._memory_at_s = {key: at_s for key, at_s in self._memory_at_s.items() if key in members}
        due = [key for key in members if key not in self._memory]
        if self._memory and now_s >= self._memory_due_s:
            due.append(max(self._memory, key=lambda key: self._urgency(key, now_s)))
        if not due:
            return
        began_s = time.thread_time()
        for key in due:
            self._memory.pop(key, None)
            self._memory[key] = read_memory(key[0])
            self._memory_at_s[key] = now_s
        self._memory_due_s = now_s + (time.thread_time() - began_s) / MEMORY_SHARE

    def _urgency(self, key: Key, now_s: float) -> float:
        """How long its memory was not summed up, counted the more the more of it is resident, or gone, since."""
        now, then = read_rss(key[0]), self._memory[key].rss_bytes
        moved_bytes = 0 if now is None or then is None else abs(now - then)
        return (now_s - self._memory_at_s[key]) * (1 + moved_bytes / MOVED_BYTES)

    def _refresh_fds(self, members: dict[Key, ProcessStat], now_s: float) -> None:
        everyone = now_s >= self._fds_due_s
        if everyone:
            self._fds_due_s = now_s + FDS_EVERY_S
        self._fds = {key: _count_fds(key[0]) if everyone or key not in self._fds else self._fds[key] for key in members}

    def _sample(self, group: ProcessGroup, elapsed_s: float | None) -> ProcessSample:
        keys = [_key(stat) for stat in group.members]
        cpu_s = self._growth_per_s(group, elapsed_s, lambda stat: stat.cpu_ticks / CLOCK_TICKS_PER_S)
        return ProcessSample(
            pid=group.pid,
            role=group.role,
            cpu_percent=None if cpu_s is None else 100 * cpu_s,
            rss_bytes=_sum(read_rss(stat.pid) for stat in group.members),
            pss_bytes=_sum(self._memory[key].pss_bytes for key in keys),
            uss_bytes=_sum(self._memory[key].uss_bytes for key in keys),
            threads=sum(stat.threads for stat in group.members),
            fds=_sum(self._fds[key] for key in keys),
            minor_faults_per_s=self._growth_per_s(group, elapsed_s, lambda stat: stat.minor_faults),
            major_faults_per_s=self._growth_per_s(group, elapsed_s, lambda stat: stat.major_faults),
        )

    def _growth_per_s(
        self, group: ProcessGroup, elapsed_s: float | None, counter: Callable[[ProcessStat], float]
    ) -> float | None:
        """Of those that were there at the last reading; absent where a counter went backwards."""
        known = [(self._before[_key(stat)], stat) for stat in group.members if _key(stat) in self._before]
        if not known or not elapsed_s:
            return None
        grown = [counter(now) - counter(before) for before, now in known]
        return sum(grown) / elapsed_s if min(grown) >= 0 else None


def _key(stat: ProcessStat) -> Key:
    return stat.pid, stat.started_ticks


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
