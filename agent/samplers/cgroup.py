"""What the control group (version 2) of a process may use: CPU quota with its throttling, and memory."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.samplers.counters import Counters
from protocol.readings import QuotaSample

MOUNT = "sys/fs/cgroup"


@dataclass(frozen=True)
class MemoryLimit:
    """Of the group that is limited most. `used_bytes` leaves out files that the kernel can let go at once."""

    limit_bytes: int
    used_bytes: int | None


class CgroupReader:
    """Looks at the group of a process and at those around it. Everything is absent outside version 2 (macOS, version 1)."""

    def __init__(self, root: Path = Path("/"), cores: int | None = None) -> None:
        self._root = root
        self._cores = cores or os.cpu_count() or 1
        self._periods = Counters()

    def quota(self, pid: int | None, now_s: float) -> QuotaSample | None:
        """The tightest quota that is lower than the host's cores."""
        found = [(cores, folder) for folder in self._folders(pid) if (cores := _quota_cores(folder)) is not None]
        if not found or (tightest := min(found, key=lambda each: each[0]))[0] >= self._cores:
            self._periods = Counters()
            return None
        cores, folder = tightest
        rates = self._periods.per_s(_numbers(folder / "cpu.stat"), now_s)
        periods, throttled = rates.get("nr_periods"), rates.get("nr_throttled")
        share = min(100.0, 100 * throttled / periods) if periods and throttled is not None else None
        return QuotaSample(cores=cores, throttled_percent=share)

    def memory(self, pid: int | None, total_bytes: int) -> MemoryLimit | None:
        """The lowest limit that is lower than the host's memory."""
        found = [(limit, folder) for folder in self._folders(pid) if (limit := _number(folder / "memory.max"))]
        if not found or (lowest := min(found, key=lambda each: each[0]))[0] >= total_bytes:
            return None
        limit_bytes, folder = lowest
        current = _number(folder / "memory.current")
        idle_files = _numbers(folder / "memory.stat").get("inactive_file", 0)
        return MemoryLimit(limit_bytes, None if current is None else max(0, current - idle_files))

    def _folders(self, pid: int | None) -> Iterator[Path]:
        """From the process's own group up to the outermost."""
        mount = self._root / MOUNT
        if not (mount / "cgroup.controllers").exists():
            return
        path = self._path_of(pid)
        folder = mount / path.lstrip("/")
        if not folder.is_dir():
            folder = mount  # a container that sees the group's path on its host, and its own group as the mount
        while True:
            yield folder
            if folder == mount:
                return
            folder = folder.parent

    def _path_of(self, pid: int | None) -> str:
        try:
            lines = (self._root / "proc" / str(pid or "self") / "cgroup").read_text().splitlines()
        except OSError:
            return "/"
        return next((line[3:] for line in lines if line.startswith("0::")), "/")


def _quota_cores(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota) / int(period) or None
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number
        return None


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # "max" is no number
        return None


def _numbers(path: Path) -> dict[str, int]:
    """A file of `name number` lines."""
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
        return {name: int(value) for name, value in pairs}
    except (OSError, ValueError):
        return {}
