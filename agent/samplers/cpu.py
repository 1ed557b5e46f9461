"""CPU of the host, from /proc/stat (the whole host's, also inside a container)."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from protocol.readings import CpuSample


@dataclass(frozen=True)
class CpuTicks:
    """Counters of one `cpu` line, in clock ticks since boot; None where the kernel has no such column."""

    user: int
    system: int
    idle: int
    iowait: int | None
    steal: int | None


@dataclass(frozen=True)
class CpuShares:
    """What became of the time between two readings, percent. A counter that went backwards is absent."""

    user: float | None
    system: float | None
    idle: float | None
    iowait: float | None
    steal: float | None


def parse_proc_stat(text: bytes) -> tuple[CpuTicks, list[CpuTicks]]:
    """The sum line and one entry a core. Guest time is part of user time already."""
    lines = [line.split() for line in text.splitlines() if line.startswith(b"cpu")]
    ticks = [_ticks([int(field) for field in line[1:]]) for line in lines]
    return ticks[0], ticks[1:]


def _ticks(columns: list[int]) -> CpuTicks:
    user, nice, system, idle = columns[:4]
    iowait, irq, softirq, steal = (columns[4:8] + [None] * 4)[:4]
    return CpuTicks(user + nice, system + (irq or 0) + (softirq or 0), idle, iowait, steal)


def shares(before: CpuTicks, now: CpuTicks) -> CpuShares | None:
    """None when no time passed. Steal and iowait can go backwards: such a counter is left out of the sum too."""
    growth = {
        name: None if (old := getattr(before, name)) is None or (new := getattr(now, name)) is None else new - old
        for name in ("user", "system", "idle", "iowait", "steal")
    }
    forward = {name: ticks for name, ticks in growth.items() if ticks is not None and ticks >= 0}
    total = sum(forward.values())
    if total <= 0:
        return None
    percent = {name: forward[name] * 100 / total if name in forward else None for name in growth}
    return CpuShares(**percent)


class CpuReader:
    """The first reading has nothing to compare with: it tells the number of cores and nothing else."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._path = root / "proc/stat"
        self._before: tuple[CpuTicks, list[CpuTicks]] | None = None

    def read(self) -> CpuSample:
        """No shares where the kernel has no such file."""
        try:
            total, cores = parse_proc_stat(self._path.read_bytes())
        except (OSError, IndexError, ValueError):
            return CpuSample(cores=os.cpu_count() or 1)
        before, self._before = self._before, (total, cores)
        count = max(1, len(cores))
        whole = shares(before[0], total) if before else None
        if before is None or whole is None:
            return CpuSample(cores=count)
        by_core = _by_core(before[1], cores)
        return CpuSample(
            cores=count,
            user_percent=whole.user,
            system_percent=whole.system,
            iowait_percent=whole.iowait,
            steal_percent=whole.steal,
            idle_percent=whole.idle,
            per_core_busy_percent=_all(by_core, lambda core: _sum(core.user, core.system)),
            per_core_steal_percent=_all(by_core, lambda core: core.steal),
        )


def _by_core(before: list[CpuTicks], now: list[CpuTicks]) -> list[CpuShares] | None:
    """Absent when a core came or went, or did not count."""
    if len(before) != len(now):
        return None
    found = [shares(old, new) for old, new in zip(before, now, strict=True)]
    known = [core for core in found if core is not None]
    return known if len(known) == len(found) else None


def _all(cores: list[CpuShares] | None, share: Callable[[CpuShares], float | None]) -> list[float] | None:
    """That share of each core; absent where it is for any."""
    found = [share(core) for core in cores or []]
    known = [value for value in found if value is not None]
    return known if known and len(known) == len(found) else None


def _sum(user: float | None, system: float | None) -> float | None:
    return None if user is None or system is None else min(100.0, user + system)
