"""Small drawings as SVG numbers: no script is needed to see them. A missing reading is a gap, never zero."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Final

WIDTH: Final = 150
BASE: Final = 38  # where zero lies; the line below it belongs to the axis


@dataclass(frozen=True)
class Spark:
    """One sparkline: each run of readings without a gap is one line and the area under it."""

    lines: tuple[str, ...]
    areas: tuple[str, ...]


def bucketed(
    readings: Iterable[tuple[datetime, float | None]],
    start: datetime,
    span: timedelta,
    count: int,
    combine: Callable[[Sequence[float]], float] = fmean,
) -> list[float | None]:
    """`count` equal pieces of the time from `start` on, each its readings combined; None for one that has no reading."""
    found: list[list[float]] = [[] for _ in range(count)]
    width_s = span.total_seconds() / count
    for at, value in readings:
        place = int((at - start).total_seconds() / width_s)
        if value is not None and 0 <= place < count:
            found[place].append(value)
    return [combine(values) if values else None for values in found]


@dataclass(frozen=True)
class Bar:
    """One of several bars side by side; numbers of its rectangle."""

    x: int
    y: float
    height: float
    is_over: bool  # the limit


def bars(values: Sequence[float], limit: float, top: float, pitch: int = 5) -> tuple[list[Bar], float]:
    """A bar a value, the last one at the right end of `WIDTH` where there are that many, and the height of the limit's line."""

    def place(value: float) -> float:
        return round(BASE - min(1.0, max(0.02, value / top)) * (BASE - 2), 1)

    drawn = [
        Bar(number * pitch, place(value), round(BASE - place(value), 1), value > limit)
        for number, value in enumerate(values)
    ]
    return drawn, place(limit)


def spark(values: Sequence[float | None], top: float) -> Spark:
    """Draw `values`, evenly spaced; `top` is the value at the upper edge."""
    step = WIDTH / max(1, len(values) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        height = min(1.0, max(0.0, value / top if top else 0.0))
        runs[-1].append((place * step, BASE - height * (BASE - 2)))
    runs = [run if len(run) > 1 else [*run, (run[0][0] + step / 2, run[0][1])] for run in runs if run]
    lines = tuple(" ".join(f"{x:.1f},{y:.1f}" for x, y in run) for run in runs)
    areas = tuple(
        f"{run[0][0]:.1f},{BASE} {line} {run[-1][0]:.1f},{BASE}" for run, line in zip(runs, lines, strict=True)
    )
    return Spark(lines, areas)
