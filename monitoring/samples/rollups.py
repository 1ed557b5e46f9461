"""Sums samples up over spans of time: which figure becomes what of a span, as data."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any, Final

Sum = Callable[[Sequence[float]], float]

SPANS_S: Final = (10, 60)


def last(values: Sequence[float]) -> float:
    return values[-1]


def most(values: Sequence[float]) -> float:
    return max(values)


# Figure of the rollup -> figure of the sample, and what becomes of its values.
HOST: Final[dict[str, tuple[str, Sum]]] = {
    "cores": ("cores", last),
    "user_percent": ("user_percent", fmean),
    "system_percent": ("system_percent", fmean),
    "iowait_percent": ("iowait_percent", fmean),
    "steal_percent": ("steal_percent", fmean),
    "steal_max_percent": ("steal_percent", most),
    "throttled_percent": ("throttled_percent", most),
    "cpu_pressure_percent": ("cpu_pressure_percent", most),
    "memory_pressure_percent": ("memory_pressure_percent", most),
    "io_pressure_percent": ("io_pressure_percent", most),
    "memory_total_bytes": ("memory_total_bytes", last),
    "memory_used_bytes": ("memory_used_bytes", fmean),
    "agent_pss_bytes": ("agent_pss_bytes", fmean),
}
PROCESS: Final[dict[str, tuple[str, Sum]]] = {
    "cpu_percent": ("cpu_percent", fmean),
    "rss_bytes": ("rss_bytes", fmean),
    "pss_bytes": ("pss_bytes", fmean),
    "uss_bytes": ("uss_bytes", fmean),
}
FRAMES: Final[dict[str, tuple[str, Sum]]] = {
    "frame_p50_ms": ("frame_p50_ms", fmean),
    "frame_p95_ms": ("frame_p95_ms", most),
    "frame_max_ms": ("frame_max_ms", most),
    "budget_ms": ("budget_ms", last),
}
HOST_COLUMNS: Final = {column for column, _ in HOST.values()}
PROCESS_COLUMNS: Final = {column for column, _ in PROCESS.values()}
FRAME_COLUMNS: Final = {*(column for column, _ in FRAMES.values()), "composed", "cached", "repeated"}


def bucket_of(at: datetime, span_s: int) -> datetime:
    """The begin of the span that a moment lies in."""
    return datetime.fromtimestamp(at.timestamp() // span_s * span_s, UTC)


def summed(samples: Iterable[Any], figures: dict[str, tuple[str, Sum]]) -> dict[str, Any]:
    """The figures of a span; None where no sample had the reading. Bytes are whole."""
    rows = list(samples)
    found: dict[str, Any] = {}
    for name, (column, combine) in figures.items():
        values = [value for row in rows if (value := getattr(row, column)) is not None]
        result = combine(values) if values else None
        found[name] = round(result) if result is not None and name.endswith("_bytes") else _short(result)
    return found


def frames_summed(samples: Iterable[Any]) -> dict[str, Any]:
    """Of a renderer's seconds: rate and times, and in how many of them a frame took longer than its budget."""
    rows = list(samples)
    rates = [row.composed + row.cached + row.repeated for row in rows]
    return {
        **summed(rows, FRAMES),
        "fps": _short(fmean(rates)) if rates else None,
        "seconds_over_budget": sum((row.frame_max_ms or 0) > row.budget_ms for row in rows),
    }


def _short(value: float | None) -> float | None:
    """Two digits after the point are more than anybody sees."""
    return value if value is None or isinstance(value, int) else round(value, 2)
