"""Memory and swap of the host, from /proc/meminfo, and its control group's limit where that is lower."""

from pathlib import Path

from agent.samplers.cgroup import CgroupReader
from protocol.readings import MemorySample


def parse_meminfo(text: bytes) -> dict[str, int]:
    """Field -> bytes."""
    fields = {}
    for line in text.splitlines():
        name, _, rest = line.partition(b":")
        values = rest.split()
        if len(values) == 2 and values[1] == b"kB":
            fields[name.decode()] = int(values[0]) * 1024
    return fields


def read_memory(cgroup: CgroupReader, pid: int | None = None, root: Path = Path("/")) -> MemorySample | None:
    """None where the kernel does not tell what is available. `pid`: whose control group counts, else our own."""
    try:
        fields = parse_meminfo((root / "proc/meminfo").read_bytes())
    except (OSError, ValueError):
        return None
    total, available = fields.get("MemTotal"), fields.get("MemAvailable")
    if total is None or available is None:
        return None
    limit = cgroup.memory(pid, total)
    swap_total, swap_free = fields.get("SwapTotal"), fields.get("SwapFree")
    has_swap = bool(swap_total) and swap_free is not None
    return MemorySample(
        total_bytes=total,
        available_bytes=min(available, total),
        limit_bytes=limit.limit_bytes if limit else None,
        used_bytes=limit.used_bytes if limit else max(0, total - available),
        swap_total_bytes=swap_total if has_swap else None,
        swap_used_bytes=max(0, (swap_total or 0) - (swap_free or 0)) if has_swap else None,
    )
