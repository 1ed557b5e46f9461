"""A report's charts as SVG numbers: they print sharp, follow the theme, and need no script. A missing reading is a gap.

A chart is `WIDTH` by `HEIGHT` units, stretched to its place; words stand beside it in HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.reports.summaries import Summary

WIDTH: Final = 720
HEIGHT: Final = 120
STEAL_DRAWN_PERCENT: Final = 1.0
MAX_MARKS: Final = 12
LETTER_PERCENT: Final = 0.95  # of the chart's width, so much for each letter of a mark's word
BESIDE_PERCENT: Final = 1.5

Values = Sequence[float | None]


@dataclass(frozen=True)
class Layer:
    """One area of a stack, or one line: each run of readings without a gap."""

    name: str
    areas: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A moment: where (percent, as text), its word where there is room for it, and whose it is. The word stands on the right of
    its line, or on the left where it `is_before`.
    """

    x: str
    label: str
    tone: str
    is_before: bool = False


@dataclass(frozen=True)
class Chart:
    """Layers from the lowest up; `ticks` are the labels of the vertical axis from the top down."""

    layers: tuple[Layer, ...]
    ticks: tuple[str, str, str]


def cpu_chart(summary: Summary) -> Chart | None:
    """The host's CPU, stacked, with the session's own line over it; percent of all cores."""
    curves = summary.curves
    if not any(value is not None for value in curves.user_percent):
        return None
    steal = [value if (value or 0) >= STEAL_DRAWN_PERCENT else 0 for value in curves.steal_percent]
    tops: list[Values] = [[0.0 if user is not None else None for user in curves.user_percent]]
    for part in (curves.user_percent, curves.system_percent, curves.iowait_percent, steal):
        pairs = zip(tops[-1], part, strict=True)
        tops.append([None if under is None else min(100.0, under + (value or 0.0)) for under, value in pairs])
    top = axis_top(max(value for value in tops[-1] if value is not None), (30, 60, 100))
    names = ("user", "system", "iowait", "steal")
    layers = [
        Layer(name, areas=_areas(under, over, top))
        for name, under, over in zip(names, tops[:-1], tops[1:], strict=True)
    ]
    own = [None if value is None else value / (summary.cores or 1) for value in curves.cpu_percent]
    return Chart((*layers, Layer("own", lines=_lines(own, top))), _ticks(top, "%"))


def memory_chart(summary: Summary) -> Chart | None:
    """The session's own memory, MB."""
    known = [None if value is None else value / 2**20 for value in summary.curves.uss_bytes]
    return _strip("memory", known, "MB", (50, 100, 150, 200, 300, 500, 1000, 2000, 5000))


def frame_chart(summary: Summary) -> Chart | None:
    """Frame time, the slowest twentieth of each point's seconds, ms."""
    return _strip("frames", summary.curves.frame_p95_ms, "ms", (20, 40, 80, 150, 300, 1000, 5000))


def _strip(name: str, values: Values, unit: str, tops: Sequence[float]) -> Chart | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    top = axis_top(max(known), tops)
    base = [None if value is None else 0.0 for value in values]
    layer = Layer(name, areas=_areas(base, values, top), lines=_lines(values, top))
    return Chart((layer,), _ticks(top, unit))


def axis_top(most: float, tops: Sequence[float]) -> float:
    """The first of `tops` that holds `most`; the last where none does."""
    return next((top for top in tops if top >= most), tops[-1])


def marks(summary: Summary) -> list[Mark]:
    """Switches, alerts and hitches on the time axis. In this order they get their words; one that would run into another is
    left out.
    """
    found: list[tuple[datetime, str, str]] = [
        *((each.at, _("To %(mode)s") % {"mode": each.to_mode}, "ours") for each in summary.switches if each.is_felt),
        *((each.raised_at, _("Alert: %(rule)s") % {"rule": each.label}, "steal") for each in summary.alerts),
        *(
            (each.at, _("Hitch %(n)d ms") % {"n": each.lost_ms}, "steal" if each.cause == "steal" else "people")
            for each in sorted(summary.hitches, key=lambda hitch: -hitch.lost_ms)[:MAX_MARKS]
        ),
    ]
    length = timedelta(seconds=max(1.0, summary.duration_s))
    placed: list[tuple[float, Mark]] = []
    taken: list[tuple[float, float]] = []
    for at, label, tone in found:
        x = 100 * ((at - summary.requested_at) / length)
        if not 0 <= x <= 100:
            continue
        width = BESIDE_PERCENT + LETTER_PERCENT * len(label)
        sides = ((x, x + width), (x - width, x))
        free = [
            (start, end)
            for start, end in sides
            if start >= 0 and end <= 100 and all(end <= other or start >= until for other, until in taken)
        ]
        taken += free[:1]
        placed.append((x, Mark(f"{x:.2f}%", label if free else "", tone, is_before=bool(free) and free[0] != sides[0])))
    return [mark for _x, mark in sorted(placed, key=lambda each: each[0])]


def clock_ticks(summary: Summary) -> list[str]:
    """Five times of day along the axis."""
    form = "%H:%M:%S" if summary.duration_s < 600 else "%H:%M"
    step = timedelta(seconds=summary.duration_s / 4)
    start = timezone.localtime(summary.requested_at)
    return [(start + n * step).strftime(form) for n in range(5)]


def _ticks(top: float, unit: str) -> tuple[str, str, str]:
    return f"{top:g}\u00a0{unit}", f"{top / 2:g}\u00a0{unit}", f"0\u00a0{unit}"


def _runs(values: Values) -> list[range]:
    """Stretches without a gap, as ranges of places."""
    runs, start = [], None
    for place, value in enumerate([*values, None]):
        if value is not None and start is None:
            start = place
        elif value is None and start is not None:
            runs.append(range(start, place))
            start = None
    return runs


def _points(places: range, values: Values, top: float) -> list[str]:
    step = WIDTH / max(1, len(values) - 1)
    points = [(place * step, HEIGHT * (1 - min(top, max(0.0, values[place] or 0.0)) / top)) for place in places]
    if len(points) == 1:  # a single reading is seen as a short stretch
        points.append((points[0][0] + step / 2, points[0][1]))
    return [f"{x:.1f},{y:.1f}" for x, y in points]


def _lines(values: Values, top: float) -> tuple[str, ...]:
    return tuple(" ".join(_points(run, values, top)) for run in _runs(values))


def _areas(low: Values, high: Values, top: float) -> tuple[str, ...]:
    """Between two curves that are there at the same places; none where it would be flat."""
    found = []
    for run in _runs(high):
        if any((high[place] or 0) > (low[place] or 0) for place in run):
            found.append(" ".join([*_points(run, high, top), *reversed(_points(run, low, top))]))
    return tuple(found)
