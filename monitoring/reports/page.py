"""What the page of a report shows beside its summary: bars as percent of their place, ready for SVG."""

from dataclasses import dataclass
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.models import HitchCause
from monitoring.reports.drawings import clock_ticks, cpu_chart, frame_chart, marks, memory_chart
from monitoring.reports.lines import Figures, HitchLine, HitchTotal
from monitoring.reports.summaries import Summary

SLOW_MS: Final = 1_000.0  # an answer should begin within a second
MAX_BARS: Final = 60
SHORTEST_BAR: Final = 0.6  # percent
MOST_ON_PAPER: Final = 2  # switches or losses, so that the summary stays one page


@dataclass(frozen=True)
class AnswerRow:
    """A part of answering: median as a bar, its 95th percentile and worst behind it."""

    key: str
    label: str
    figures: Figures
    median_x: str
    p95_x: str
    max_x: str


@dataclass(frozen=True)
class CauseRow:
    """Hitches of one cause; each a bar as long as the time that it cost."""

    cause: str
    label: str
    count: int
    bars: list[tuple[str, str]]  # x, width
    detail: str


def page_context(summary: Summary) -> dict[str, Any]:
    """Context of `monitoring/report.html`, but for the session."""
    on_paper = 1 if summary.switches and summary.absences else MOST_ON_PAPER
    return {
        "summary": summary,
        "on_paper": on_paper,
        "switches_left_out": max(0, len(summary.switches) - on_paper),
        "absences_left_out": max(0, len(summary.absences) - on_paper),
        "answers": answer_rows(summary),
        "answers_top_s": answers_top_ms(summary) / 1000,
        "slow_x": _percent(SLOW_MS, answers_top_ms(summary)),
        "answers_note": answers_note(summary),
        "causes": cause_rows(summary),
        "hitches_lost_ms": sum(total.lost_ms for total in summary.hitch_totals),
        "cpu": cpu_chart(summary),
        "memory": memory_chart(summary),
        "frame_time": frame_chart(summary),
        "marks": marks(summary),
        "clock": clock_ticks(summary),
        "start_note": start_note(summary),
        "done": sum(step.status == "completed" for step in summary.steps),
    }


def answer_rows(summary: Summary) -> list[AnswerRow]:
    """The parts that were measured, and the whole answer last."""
    answers = summary.answers
    if answers is None:
        return []
    top = answers_top_ms(summary)
    parts = (
        ("turn", _("Turn end"), answers.end_of_turn_ms),
        ("hear", _("Hear"), answers.recognised_ms),
        ("think", _("Think"), answers.answer_ms),
        ("speak", _("Speak"), answers.voice_ms),
        ("whole", _("Whole answer"), answers.whole_ms),
    )
    return [
        AnswerRow(key, label, found, _percent(found.median, top), _percent(found.p95, top), _percent(found.max, top))
        for key, label, found in parts
        if found is not None
    ]


def answers_top_ms(summary: Summary) -> float:
    """Where the axis of answers ends: a little behind the worst, at least at the second that it is judged by."""
    whole = summary.answers.whole_ms if summary.answers else None
    worst = max(whole.max if whole else 0.0, SLOW_MS)
    return float(next(top for top in (1_200, 1_600, 2_000, 3_000, 5_000, 10_000, 20_000, worst + 1) if top > worst))


def answers_note(summary: Summary) -> str:
    """How many turns, and which part varies most."""
    answers = summary.answers
    if answers is None:
        return _("Nobody asked anything.")
    text = ngettext("%(n)d turn.", "%(n)d turns.", answers.turns) % {"n": answers.turns}
    spread = {row.label: row.figures.p95 - row.figures.median for row in answer_rows(summary) if row.key != "whole"}
    if answers.turns > 2 and spread and max(spread.values()) > 100:
        text += " " + _("%(part)s is the part that varies most.") % {"part": max(spread, key=lambda name: spread[name])}
    if answers.interrupted:
        text += " " + ngettext("%(n)d was interrupted.", "%(n)d were interrupted.", answers.interrupted) % {
            "n": answers.interrupted
        }
    if answers.unanswered:
        text += " " + ngettext("%(n)d had no answer.", "%(n)d had no answer.", answers.unanswered) % {
            "n": answers.unanswered
        }
    return text


def start_note(summary: Summary) -> str:
    """How the start compares to what is usual."""
    ready_ms, usual_ms = summary.readiness.get("ready_ms"), summary.usual_ready_ms
    if ready_ms is None or not usual_ms:
        return ""
    change = round(100 * (ready_ms / usual_ms - 1))
    if abs(change) < 3:
        return _("As long as usual in this mode.")
    if change > 0:
        return _("%(n)d\u00a0%% slower than usual in this mode.") % {"n": change}
    return _("%(n)d\u00a0%% faster than usual in this mode.") % {"n": -change}


def cause_rows(summary: Summary) -> list[CauseRow]:
    """All causes, those that cost most first; a bar's length is the time lost."""
    totals = {total.cause: total for total in summary.hitch_totals}
    top = max((total.lost_ms for total in totals.values()), default=0.0) or 1.0
    rows = []
    for cause in HitchCause.values:
        total = totals.get(cause, HitchTotal(cause=cause, count=0, lost_ms=0))
        found = [hitch for hitch in summary.hitches if hitch.cause == cause]
        label = str(capfirst(HitchCause(cause).label))
        rows.append(CauseRow(cause, label, total.count, _bars(found, total.lost_ms, top), _moments(found, total.count)))
    return sorted(rows, key=lambda row: -totals[row.cause].lost_ms if row.cause in totals else 0.0)


def _bars(hitches: list[HitchLine], lost_ms: float, top: float) -> list[tuple[str, str]]:
    """One each; the last is what is left of `lost_ms`."""
    lengths = [hitch.lost_ms for hitch in hitches[:MAX_BARS]]
    rest_ms = lost_ms - sum(lengths)
    bars, x = [], 0.0
    for length_ms in [*lengths, rest_ms] if rest_ms > 1 else lengths:
        width = 100 * length_ms / top
        bars.append((f"{x:.2f}%", f"{max(SHORTEST_BAR, width - 0.6):.2f}%"))
        x += width
    return bars


def _moments(hitches: list[HitchLine], count: int) -> str:
    worst = sorted(sorted(hitches, key=lambda hitch: -hitch.lost_ms)[:2], key=lambda hitch: hitch.at)
    text = ", ".join(
        _("%(ms)d ms at %(at)s") % {"ms": each.lost_ms, "at": f"{localtime(each.at):%H:%M}"} for each in worst
    )
    return text + (" …" if count > len(worst) else "")


def _percent(value: float, top: float) -> str:
    return f"{min(100.0, 100 * value / top):.2f}%"
