"""A report as text, in the form of the field report on start-up (durations in seconds, memory in MB)."""

from collections.abc import Iterable
from typing import Final

from monitoring.models import HitchCause
from monitoring.reports.absences import text_of as absence_text
from monitoring.reports.lines import AlertLine, Figures, StepLine
from monitoring.reports.summaries import Summary
from monitoring.switching.switches import text_of

WIDTH: Final = 80
MARKS: Final = {"completed": "✅", "failed": "❌", "running": "⏳"}


def as_text(summary: Summary) -> str:
    """The whole report, ending with a line break."""
    done = sum(step.status == "completed" for step in summary.steps)
    lines = [
        "=" * WIDTH,
        "🔍 WORKFLOW PERFORMANCE REPORT",
        "=" * WIDTH,
        "",
        summary.verdict,
        f"{summary.profile} · {summary.mode} · {summary.host} · {summary.requested_at:%Y-%m-%d %H:%M:%S %Z}",
        "",
        f"⏱️  Total Duration: {summary.steps_duration_ms / 1000:.2f}s",
        f"💾 Total Memory: {_mb(summary.memory_gained_bytes) or 'not measured'}",
        f"📊 Steps Completed: {done}/{len(summary.steps)}",
        *_section("📈 ALL STEPS", (_step(step) for step in summary.steps)),
        *_section("🐌 SLOWEST STEPS", (f"{step.label}: {_seconds(step)}" for step in summary.slowest)),
        *_section(
            "💾 MEMORY INTENSIVE STEPS",
            (f"{step.label}: {_mb(step.memory_delta_bytes)}" for step in summary.memory_hungry),
        ),
        *_section("🔀 SWITCHES (before > after)", (text_of(switch) for switch in summary.switches)),
        *_section("☁️  HOSTED AVATARS", (f"{line.who}: {line.words}" for line in summary.hosted)),
        *_section("🫥 AVATAR LOST", (line for each in summary.absences for line in absence_text(each))),
        *_section("🔔 ALERTS (worst)", (_alert(each) for each in summary.alerts)),
        *_section("🧮 WHOLE SESSION (median / p95 / max)", _figures(summary)),
        *_section("🎯 HITCHES BY CAUSE", _causes(summary)),
        *_section("💡 WHAT TO DO", (f"{each.title} {each.why}" for each in summary.suggestions)),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [f"{number}. {line}" for number, line in enumerate(lines, 1)] or ["none"]
    return ["", "-" * WIDTH, f"{title}:", "-" * WIDTH, *body]


def _step(step: StepLine) -> str:
    error = f" ({step.error})" if step.error else ""
    return f"{MARKS[step.status]} {step.label}: {_seconds(step)} {_mb(step.memory_delta_bytes)}{error}"


def _alert(alert: AlertLine) -> str:
    lasted = f"{(alert.cleared_at - alert.raised_at).total_seconds():.0f}s" if alert.cleared_at else "open"
    words = " ".join(
        filter(None, ("of the host" if alert.of_host else "", alert.detail, f"“{alert.note}”" if alert.note else ""))
    )
    return f"{alert.raised_at:%H:%M:%S} {alert.label} ({alert.severity}): {alert.worst:.1f}, {lasted} {words}".rstrip()


def _seconds(step: StepLine) -> str:
    return "running" if step.duration_ms is None else f"{step.duration_ms / 1000:.2f}s"


def _mb(gained_bytes: int | None) -> str:
    return "" if gained_bytes is None else f"{gained_bytes / 1e6:+.1f}MB"


def _figures(summary: Summary) -> Iterable[str]:
    whole_ms = summary.answers.whole_ms if summary.answers else None
    frame_p95_ms = summary.frames.frame_p95_ms if summary.frames else None
    received = summary.received
    rows: list[tuple[str, Figures | None, float, str]] = [
        ("Answer", whole_ms, 1_000, "s"),
        ("CPU of one core", summary.cpu_percent, 1, "%"),
        ("Steal", summary.steal_percent, 1, "%"),
        ("Own memory (USS)", summary.uss_bytes, 1e6, "MB"),
        ("Resident memory (RSS)", summary.rss_bytes, 1e6, "MB"),
        ("Frame time, p95 of a second", frame_p95_ms, 1, "ms"),
        ("Sound against lips, at visitors", summary.drift_ms, 1, "ms"),
        ("Jitter at visitors", received.jitter_ms if received else None, 1, "ms"),
        ("Lost on the way to visitors", received.lost_percent if received else None, 1, "%"),
    ]
    for name, figures, unit, word in rows:
        if figures is not None:
            median, p95, most = (value / unit for value in (figures.median, figures.p95, figures.max))
            digits = 2 if word == "s" else 1
            yield f"{name}: {median:.{digits}f} / {p95:.{digits}f} / {most:.{digits}f} {word}"
    if received and received.fps_median is not None:
        yield f"Frames a second at visitors: {received.fps_median:.1f}, at least {received.fps_least:.1f}"
    if received and received.freezes is not None:
        yield f"Freezes at visitors: {received.freezes}, {(received.freeze_ms or 0) / 1000:.2f} s altogether"


def _causes(summary: Summary) -> Iterable[str]:
    return (f"{HitchCause(total.cause).label}: {total.count}" for total in summary.hitch_totals)
