"""How figures went from day to day, in each mode, and against the period before."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor
from statistics import fmean, median
from typing import Final

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.models import SessionDigest
from monitoring.panels.sparklines import Spark, spark
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


@dataclass(frozen=True)
class _Read:
    """A digest in its place: number of the piece of the period that it lies in, negative in the period before."""

    piece: int
    switched: bool
    values: tuple[float | None, ...]  # in the order of METRICS


def trends(chosen: Q, since: datetime, until: datetime) -> list[Line]:
    """All modes together, then each; against the stretch of the same length before `since`."""
    length = until - since
    pieces = min(MAX_SPARK, max(2, length.days))
    piece_s, start_s = length.total_seconds() / pieces, since.timestamp()
    rows = SessionDigest.objects.filter(chosen, requested_at__gte=since - length, requested_at__lt=until)
    by_mode: dict[str, list[_Read]] = defaultdict(list)
    for at, mode, switched, *values in rows.order_by("requested_at").values_list(*COLUMNS).iterator(chunk_size=5_000):
        piece = min(pieces - 1, floor((at.timestamp() - start_s) / piece_s))
        by_mode[mode].append(_Read(piece, switched, tuple(values)))
    lines = [_line("", [read for reads in by_mode.values() for read in reads], pieces)]
    if len(by_mode) > 1:
        lines += [_line(mode, by_mode[mode], pieces) for mode in sorted(by_mode)]
    return lines


def _line(mode: str, reads: Sequence[_Read], pieces: int) -> Line:
    cells = (_cell(metric, place, reads, pieces) for place, metric in enumerate(METRICS))
    return Line(mode, sum(read.piece >= 0 for read in reads), tuple(cells))


def _cell(metric: Metric, place: int, reads: Iterable[_Read], pieces: int) -> Cell:
    here: list[float] = []
    earlier: list[float] = []
    by_piece: list[list[float]] = [[] for _ in range(pieces)]
    for read in reads:
        value = read.values[place]
        if value is None or (metric.of_stayed_only and read.switched):
            continue
        if read.piece < 0:
            earlier.append(value)
        else:
            here.append(value)
            by_piece[read.piece].append(value)
    points = [metric.of(values) for values in by_piece]
    known = [value for value in points if value is not None]
    drawn = spark(points, max(known) * 1.15 or 1) if len(known) > 1 else None
    return Cell(metric, metric.of(here), metric.of(earlier), (len(here), len(earlier)), drawn)


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
