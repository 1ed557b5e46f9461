"""A report as CSV. Cells of text that a spreadsheet would take for a formula are defused."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any, Final

from monitoring.reports.lines import Figures
from monitoring.reports.summaries import Summary

COLUMNS: Final = ("section", "name", "at", "value", "unit", "detail")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Row = tuple[Any, ...]


def as_csv(summary: Summary) -> str:
    """One figure a line: section, name, time, value, unit, detail."""
    return _written((COLUMNS, *_rows(summary)))


def curves_as_csv(summary: Summary) -> str:
    """The curves: a line a point, a column a figure."""
    columns = summary.curves.model_dump()
    return _written((tuple(columns), *zip(*columns.values(), strict=True)))


def defused(cell: Any) -> Any:
    """Text that begins like a formula gets an apostrophe before it; numbers and missing readings stay."""
    if isinstance(cell, datetime):
        return cell.isoformat()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _written(rows: Iterable[Row]) -> str:
    text = StringIO()
    csv.writer(text).writerows([defused(cell) for cell in row] for row in rows)
    return text.getvalue()


def _rows(summary: Summary) -> Iterator[Row]:
    for name in ("profile", "mode", "provider", "host", "requested_by", "end_reason", "end_detail", "verdict"):
        yield "session", name, None, getattr(summary, name), "", ""
    yield "session", "requested", summary.requested_at, None, "", ""
    yield "session", "ended", summary.ended_at, None, "", ""
    yield "session", "duration", None, round(summary.duration_s, 1), "s", ""
    for name, value in summary.readiness.items():
        yield "readiness", name.removesuffix("_ms"), None, value, "ms", ""
    yield "steps", "memory gained", None, summary.memory_gained_bytes, "bytes", ""
    for step in summary.steps:
        yield "step", step.label, None, step.duration_ms, "ms", step.error or step.status
        yield "step memory", step.label, None, step.memory_delta_bytes, "bytes", ""
    if summary.answers:
        for name in ("end_of_turn", "recognised", "answer", "voice", "whole"):
            yield from _figures("answers", name, getattr(summary.answers, f"{name}_ms"), "ms")
    for turn in summary.turns:
        yield "turn", "first sound", turn.at, turn.first_sound_ms, "ms", "interrupted" if turn.interrupted else ""
    for name, unit in (
        ("cpu_percent", "% of one core"), ("uss_bytes", "bytes"), ("rss_bytes", "bytes"), ("steal_percent", "%"),
        ("iowait_percent", "%"), ("drift_ms", "ms"),
    ):  # fmt: skip
        yield from _figures("session", name, getattr(summary, name), unit)
    if summary.frames:
        for name in ("composed", "cached", "repeated", "seconds", "seconds_over_budget"):
            yield "frames", name, None, getattr(summary.frames, name), "", ""
        yield from _figures("frames", "frame time p95", summary.frames.frame_p95_ms, "ms")
    if summary.received:
        for name, unit in (("fps_median", ""), ("fps_least", ""), ("freezes", ""), ("freeze_ms", "ms")):
            yield "at visitors", name, None, getattr(summary.received, name), unit, ""
        yield from _figures("at visitors", "jitter", summary.received.jitter_ms, "ms")
        yield from _figures("at visitors", "lost", summary.received.lost_percent, "%")
    for switch in summary.switches:
        name = f"{switch.from_name or switch.from_mode} to {switch.to_name or switch.to_mode}"
        detail = ": ".join(each for each in (switch.outcome, switch.reason, switch.detail) if each)
        yield "switch", name, switch.at, switch.gap_ms, "ms", detail
        for when, spell in (("before", switch.before), ("after", switch.after)):
            yield f"switch {when}", f"{name}, CPU", switch.at, spell.cpu_cores, "cores", ""
            yield f"switch {when}", f"{name}, memory", switch.at, spell.uss_bytes, "bytes", ""
            yield f"switch {when}", f"{name}, frame time p95", switch.at, spell.frame_p95_ms, "ms", ""
            yield f"switch {when}", f"{name}, answer", switch.at, spell.answer_ms, "ms", ""
    for line in summary.hosted:
        for name in ("answered", "joined", "voice_delay"):
            yield from _figures(f"hosted avatar, {line.provider}", name, getattr(line, f"{name}_ms"), "ms")
        yield f"hosted avatar, {line.provider}", "away", None, line.away_s, "s", f"{line.absences} times"
    for absence in summary.absences:
        yield (
            "avatar away",
            absence.provider,
            absence.began_at,
            absence.away_s,
            "s",
            "back" if absence.came_back else "not back",
        )
        for cause in absence.causes:
            yield "avatar lost", cause.code, cause.at, cause.tries, "tries", f"{cause.provider}: {cause.sentence}"
        for stand_in in absence.stand_ins:
            yield (
                "stand-in",
                stand_in.provider,
                stand_in.at,
                stand_in.stood_s,
                "s",
                f"shown after {stand_in.took_ms:.0f} ms",
            )
    for alert in summary.alerts:
        yield "alert", alert.rule, alert.raised_at, alert.worst, "", alert.detail
    for total in summary.hitch_totals:
        yield "hitches", total.cause, None, total.count, "", f"{total.lost_ms:.0f} ms lost"
    for hitch in summary.hitches:
        yield "hitch", hitch.cause, hitch.at, hitch.took_ms, "ms", hitch.what or hitch.kind
    for visit in summary.visits:
        yield "visit", visit.name, visit.joined_at, visit.stay_s, "s", ""
        yield "visit first frame", visit.name, visit.joined_at, visit.first_frame_ms, "ms", ""
    for event in summary.events:
        yield "event", event.kind, event.at, None, "", event.text
    for suggestion in summary.suggestions:
        yield "suggestion", suggestion.key, None, None, "", f"{suggestion.title} {suggestion.why}"


def _figures(section: str, name: str, figures: Figures | None, unit: str) -> Iterator[Row]:
    if figures is not None:
        for part in ("median", "p95", "max"):
            yield section, f"{name} {part}", None, getattr(figures, part), unit, ""
