"""Memory of the host, from /proc/meminfo, and the cgroup's limit where that is lower."""

from pathlib import Path

from protocol.events import MemorySample

_LIMIT_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),  # cgroup v2
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),  # v1
)


def parse_meminfo(text: bytes) -> dict[str, int]:
    """Field -> bytes."""
    fields = {}
    for line in text.splitlines():
        name, _, rest = line.partition(b":")
        values = rest.split()
        if len(values) == 2 and values[1] == b"kB":
            fields[name.decode()] = int(values[0]) * 1024
    return fields


def read_memory(meminfo: str = "/proc/meminfo") -> MemorySample | None:
    """None where the kernel does not tell what is available."""
    try:
        fields = parse_meminfo(Path(meminfo).read_bytes())
    except OSError:
        return None
    total, available = fields.get("MemTotal"), fields.get("MemAvailable")
    if total is None or available is None:
        return None
    limit, used = _cgroup(total)
    return MemorySample(
        total_bytes=total,
        available_bytes=available,
        limit_bytes=limit,
        used_bytes=total - available if used is None else used,
    )


def _cgroup(total_bytes: int) -> tuple[int | None, int | None]:
    """(limit, used) of our cgroup when it may use less than the host has."""
    for limit_file, usage_file in _LIMIT_FILES:
        limit = _number(limit_file)
        if limit is not None and limit < total_bytes:
            return limit, _number(usage_file)
    return None, None


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # "max" is no number
        return None
