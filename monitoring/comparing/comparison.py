"""Two sides of sessions beside each other: what differs, by how much, and whether the difference is real."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring.comparing.bootstrap import MIN_CLUSTERS, Clusters, Difference, Statistic, differences
from monitoring.models import SessionDigest, Turn
from operators.templatetags.formatting import NO_BREAK, plain_bytes, plain_ms

NEWEST: Final = 120  # sessions a side: more make the page slow and the interval hardly shorter
STARVED_PERCENT: Final = 5.0
COLUMNS: Final = (
    "session_id",
    "ready_ms",
    "cpu_percent",
    "uss_bytes",
    "frames_over_percent",
    "hitches",
    "drift_ms",
)
MINUS, PLUS = "−", "+"


@dataclass(frozen=True)
class Side:
    """Sessions that are compared as one. `answers` are milliseconds, a list a session."""

    label: str
    rows: Sequence[Any]
    answers: Clusters

    @property
    def sessions(self) -> int:
        return len(self.rows)

    @property
    def answer_count(self) -> int:
        return sum(len(cluster) for cluster in self.answers)

    def values(self, name: str) -> Clusters:
        """A digest's figure: each session is a cluster of its own."""
        return [[value] for row in self.rows if (value := getattr(row, name)) is not None]


def side_of(label: str, digests: QuerySet[SessionDigest], *, stayed_only: bool = True, calm_only: bool = False) -> Side:
    """The newest sessions of a query: those that stayed in their mode, and with `calm_only` those that nothing starved."""
    found = digests.filter(switched=False) if stayed_only else digests
    if calm_only:
        found = found.filter(Q(steal_percent=None) | Q(steal_percent__lt=STARVED_PERCENT))
    rows = list(found.order_by("-requested_at").values_list(*COLUMNS, named=True)[:NEWEST])
    answers: dict[int, list[float]] = {}
    turns = Turn.objects.filter(session__in=[row.session_id for row in rows]).exclude(first_sound_ms=None)
    for session_id, first_sound_ms in turns.order_by().values_list("session_id", "first_sound_ms"):
        answers.setdefault(session_id, []).append(first_sound_ms or 0.0)
    return Side(label, rows, list(answers.values()))


def by_answer(side: Side) -> Side:
    """For a side of one session: its answers stand for themselves."""
    return Side(side.label, side.rows, [[value] for cluster in side.answers for value in cluster])


# -- what is compared -------------------------------------------------------------------------------------------------

Words = Callable[[float], str]


def ms_words(value: float) -> str:
    return NO_BREAK.join(plain_ms(value))


def bytes_words(value: float) -> str:
    return NO_BREAK.join(plain_bytes(value))


def percent_words(value: float) -> str:
    return f"{formats.number_format(value, 1 if value < 10 else 0)}{NO_BREAK}%"


def points_words(value: float) -> str:
    return _("%(n)s points") % {"n": formats.number_format(value, 1)}


def count_words(value: float) -> str:
    return formats.number_format(value, 2)


@dataclass(frozen=True)
class Measure:
    """A figure of two sides; smaller is better in all of them."""

    label: str | Promise
    of: Callable[[Side], Clusters]
    words: Words
    change_words: Words
    statistic: Statistic = "median"
    counts_answers: bool = False


def _answers(side: Side) -> Clusters:
    return side.answers


def _figure(name: str) -> Callable[[Side], Clusters]:
    return lambda side: side.values(name)


ANSWER: Final = Measure(gettext_lazy("Answer, median"), _answers, ms_words, ms_words, counts_answers=True)
MEASURES: Final = (
    ANSWER,
    Measure(gettext_lazy("Answer, p95"), _answers, ms_words, ms_words, "p95", counts_answers=True),
    Measure(gettext_lazy("Start to READY"), _figure("ready_ms"), ms_words, ms_words),
    Measure(gettext_lazy("CPU of one core"), _figure("cpu_percent"), percent_words, points_words),
    Measure(gettext_lazy("Own memory"), _figure("uss_bytes"), bytes_words, bytes_words),
    Measure(gettext_lazy("Seconds over frame budget"), _figure("frames_over_percent"), percent_words, points_words),
    Measure(gettext_lazy("Hitches a session, mean"), _figure("hitches"), count_words, count_words, "mean"),
    Measure(gettext_lazy("Sound to picture"), _figure("drift_ms"), ms_words, ms_words),
)


@dataclass(frozen=True)
class Row:
    """A measure of both sides. Places of the drawing are percent, as text; the middle is no difference."""

    measure: Measure
    found: Difference

    @property
    def before_text(self) -> str:
        return self.measure.words(self.found.before)

    @property
    def after_text(self) -> str:
        return self.measure.words(self.found.after)

    @property
    def change_text(self) -> str:
        """−0.14 s"""
        return self._signed(self.found.change)

    @property
    def interval_text(self) -> str:
        """(−0.18 s to −0.10 s)"""
        if self.found.low is None or self.found.high is None:
            return ""
        ends = {"low": self._signed(self.found.low), "high": self._signed(self.found.high)}
        return _("(%(low)s to %(high)s)") % ends

    @property
    def count_text(self) -> str:
        if self.measure.counts_answers:
            n = sum(self.found.values)
            return ngettext("%(n)d answer", "%(n)d answers", n) % {"n": n}
        n = sum(self.found.sessions)
        return ngettext("%(n)d session", "%(n)d sessions", n) % {"n": n}

    @property
    def drawing(self) -> dict[str, str] | None:
        low, high, change = self.found.low, self.found.high, self.found.change
        if low is None or high is None:
            return None
        most = max(abs(low), abs(high), abs(change)) or 1.0
        return {name: f"{50 + 46 * value / most:.1f}%" for name, value in (("low", low), ("high", high), ("x", change))}

    def _signed(self, value: float) -> str:
        sign = MINUS if value < 0 else PLUS if value > 0 else ""
        return f"{sign}{self.measure.change_words(abs(value))}"


@dataclass(frozen=True)
class Comparison:
    """Two sides with everything that both measured. `of_answers`: answers, not sessions, are what is drawn from."""

    before: Side
    after: Side
    rows: tuple[Row, ...]
    of_answers: bool = False
    note: str = ""  # what else there is to know of the two sides

    @property
    def answer(self) -> Row | None:
        return next((row for row in self.rows if row.measure is ANSWER), None)

    @property
    def headline(self) -> str:
        """The plain sentence: which answers sooner, and whether that is real."""
        names = {"a": self.before.label, "b": self.after.label, "n": self._fewest, "least": MIN_CLUSTERS}
        if not self.rows:
            return _("There is nothing to compare yet.")
        row = self.answer
        if row is None:
            return self._without_answers(names)
        if row.found.low is None:
            return _("Too few sessions to tell %(a)s and %(b)s apart.") % names
        if not row.found.is_real:
            return (
                _("Whether %(b)s answers sooner than %(a)s can't be told from %(n)d sessions.") % names
                if (not self.of_answers)
                else _("Whether %(b)s answered sooner than %(a)s can't be told from their answers.") % names
            )
        names |= {"by": ms_words(abs(row.found.change))}
        if row.found.change < 0:
            return _("%(b)s answers %(by)s sooner than %(a)s, and that is real.") % names
        return _("%(b)s answers %(by)s later than %(a)s, and that is real.") % names

    @property
    def detail(self) -> str:
        """What else is real, and what more sessions would show."""
        others = [row for row in self.rows if row.found.is_real and row.measure is not ANSWER]
        parts = []
        if others:
            told = ", ".join(f"{row.measure.label} {row.change_text}" for row in others)
            text = (
                _("Real too: %(told)s.") if self.answer and self.answer.found.is_real else _("What is real: %(told)s.")
            )
            parts.append(text % {"told": told})
        row = self.answer
        if row is not None and row.found.wanted is not None and not self.of_answers:
            text = _("About %(n)d sessions of each would tell, if the difference stays as it is.")
            parts.append(text % {"n": row.found.wanted})
        if self._fewest < MIN_CLUSTERS and not self.of_answers:
            parts.append(_("From %(n)d sessions of each on, this says what is real.") % {"n": MIN_CLUSTERS})
        if self.of_answers:
            parts.append(_("One session of each says nothing about their modes: compare modes for that."))
        if self.note:
            parts.append(self.note)
        return " ".join(parts)

    @property
    def _fewest(self) -> int:
        return min(self.before.sessions, self.after.sessions)

    def _without_answers(self, names: dict[str, Any]) -> str:
        real = [row for row in self.rows if row.found.is_real]
        if not real:
            return _("No difference between %(a)s and %(b)s is known to be real.") % names
        names |= {"what": real[0].measure.label, "change": real[0].change_text}
        return _("%(what)s: %(b)s is at %(change)s against %(a)s, and that is real.") % names


def compare(before: Side, after: Side, *, of_answers: bool = False, note: str = "") -> Comparison:
    """Everything that both sides measured. `of_answers` for two single sessions."""
    if of_answers:
        before, after = by_answer(before), by_answer(after)
    rows: list[Row] = []
    for of, same in groupby(MEASURES, key=lambda measure: measure.of):
        measures = list(same)
        found = differences(of(before), of(after), [measure.statistic for measure in measures])
        rows += [Row(measure, each) for measure, each in zip(measures, found, strict=False)]
    return Comparison(before, after, tuple(rows), of_answers, note)
