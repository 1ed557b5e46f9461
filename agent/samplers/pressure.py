"""Pressure stall information, from /proc/pressure: how long processes waited for CPU, memory and disks."""

from pathlib import Path

from agent.samplers.counters import Counters
from protocol.readings import PressureSample


def parse_pressure(text: bytes) -> dict[str, int]:
    """`some` and `full` -> microseconds since boot."""
    totals = {}
    for line in text.splitlines():
        fields = line.split()
        total = next((field for field in fields[1:] if field.startswith(b"total=")), None)
        if total is not None:
            totals[fields[0].decode()] = int(total[6:])
    return totals


class PressureReader:
    """Shares of the time between two readings; absent where the kernel keeps no such account, and at the first reading."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._folder = root / "proc/pressure"
        self._waited_us = Counters()

    def read(self, now_s: float) -> PressureSample | None:
        totals: dict[str, int] = {}
        for kind in ("cpu", "memory", "io"):
            try:
                found = parse_pressure((self._folder / kind).read_bytes())
            except (OSError, ValueError):
                continue
            totals |= {f"{kind}_{extent}": total for extent, total in found.items()}
        shares = {name: min(100.0, rate / 10_000) for name, rate in self._waited_us.per_s(totals, now_s).items()}
        if not shares:
            return None
        return PressureSample(
            cpu_percent=shares.get("cpu_some"),
            memory_percent=shares.get("memory_some"),
            memory_full_percent=shares.get("memory_full"),
            io_percent=shares.get("io_some"),
            io_full_percent=shares.get("io_full"),
        )
