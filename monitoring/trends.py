"""How figures went from day to day, in each mode, and against the period before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any, Final

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.models import SessionDigest
from monitoring.sparklines import Spark, spark
from operators.templatetags.formatting import plain_bytes, plain_ms, with_unit

NEAR_PERCENT: Final = 3.0  # a change that is smaller says nothing
FEWEST: Final = 3  # sessions in each period, for a change to be told
MAX_SPARK: Final = 60  # points


@dataclass(frozen=True)
class Metric:
    """A figure of a digest. All are better when they are smaller."""

    name: str
    label: str | Promise
    is_mean: bool = False
    of_stayed_only: bool = True  # a session that changed its mode says nothing of it

    def shown(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.name == "uss_bytes":
            return with_unit(*plain_bytes(value))
        return f"{value:.2f}" if self.is_mean else with_unit(*plain_ms(value))

    def of(self, values: Sequence[float]) -> float | None:
        if not values:
            return None
        return fmean(values) if self.is_mean else median(values)


METRICS: Final = (
    Metric("ready_ms", gettext_lazy("Start to READY"), of_stayed_only=False),
    Metric("answer_ms", gettext_lazy("Answer")),
    Metric("uss_bytes", gettext_lazy("Own memory")),
    Metric("hitches", gettext_lazy("Hitches a session"), is_mean=True),
    Metric("drift_ms", gettext_lazy("Sound to picture")),
)
COLUMNS: Final = ("requested_at", "mode__slug", "switched", *(metric.name for metric in METRICS))


@dataclass(frozen=True)
class Cell:
    """A figure of a mode: over the period, its change, and its way from day to day."""

    metric: Metric
    now: float | None
    before: float | None
    counts: tuple[int, int]  # sessions that have it: now, before
    spark: Spark | None

    @property
    def text(self) -> str:
        return self.metric.shown(self.now)

    @property
    def change_percent(self) -> float | None:
        """Against the period before; None where one of them has too few sessions."""
        if self.now is None or not self.before or min(self.counts) < FEWEST:
            return None
        return 100 * (self.now / self.before - 1)

    @property
    def tone(self) -> str:
        """`better`, `worse`, `same`, or nothing where there is no change to tell."""
        change = self.change_percent
        if change is None:
            return ""
        return "same" if abs(change) < NEAR_PERCENT else "worse" if change > 0 else "better"

    @property
    def change_text(self) -> str:
        change = self.change_percent
        if change is None:
            return ""
        return _("as before") if self.tone == "same" else f"{'+' if change > 0 else '−'}{abs(change):.0f}\u00a0%"


@dataclass(frozen=True)
class Line:
    """A mode's row, or that of all modes together (`mode` is empty)."""

    mode: str
    sessions: int
    cells: tuple[Cell, ...]


def trends(chosen: Q, since: datetime, until: datetime) -> list[Line]:
    """All modes together, then each; against the stretch of the same length before `since`."""
    length = until - since
    rows = list(
        SessionDigest.objects.filter(chosen, requested_at__gte=since - length, requested_at__lt=until)
        .order_by("requested_at")
        .values_list(*COLUMNS, named=True)
    )
    days = min(MAX_SPARK, max(2, length.days))
    by_mode: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_mode[row.mode__slug].append(row)
    lines = [_line("", rows, since, length, days)]
    if len(by_mode) > 1:
        lines += [_line(mode, by_mode[mode], since, length, days) for mode in sorted(by_mode)]
    return lines


def _line(mode: str, rows: Iterable[Any], since: datetime, length: timedelta, days: int) -> Line:
    now = [row for row in rows if row.requested_at >= since]
    before = [row for row in rows if row.requested_at < since]
    return Line(mode, len(now), tuple(_cell(metric, now, before, since, length, days) for metric in METRICS))


def _cell(metric: Metric, now: list[Any], before: list[Any], since: datetime, length: timedelta, days: int) -> Cell:
    here, earlier = _readings(metric, now), _readings(metric, before)
    pieces: list[list[float]] = [[] for _ in range(days)]
    width = length / days
    for at, value in here:
        pieces[min(days - 1, (at - since) // width)].append(value)
    by_day = [metric.of(piece) for piece in pieces]
    known = [value for value in by_day if value is not None]
    return Cell(
        metric,
        metric.of([value for _, value in here]),
        metric.of([value for _, value in earlier]),
        (len(here), len(earlier)),
        spark(by_day, max(known) * 1.15 or 1) if len(known) > 1 else None,
    )


def _readings(metric: Metric, rows: Iterable[Any]) -> list[tuple[datetime, float]]:
    return [
        (row.requested_at, value)
        for row in rows
        if (value := getattr(row, metric.name)) is not None and not (metric.of_stayed_only and row.switched)
    ]


def sentence(lines: Sequence[Line], since: datetime, until: datetime) -> str:
    """The answer of the page: how many sessions, and what of them changed most."""
    total = lines[0]
    days = (until - since).days
    told = [cell for cell in total.cells if cell.tone in ("better", "worse")]
    if not total.sessions:
        return _("No session ended in these %(days)d days.") % {"days": days}
    begin = _("%(n)d sessions in %(days)d days") % {"n": total.sessions, "days": days}
    if not told:
        return _("%(begin)s; nothing changed much.") % {"begin": begin}
    most = max(told, key=lambda cell: abs(cell.change_percent or 0))
    word = _("less") if most.tone == "better" else _("more")
    figures = {"begin": begin, "what": most.metric.label, "n": abs(most.change_percent or 0), "word": word}
    return _("%(begin)s. %(what)s: %(n).0f\u00a0%% %(word)s than in the days before.") % figures
