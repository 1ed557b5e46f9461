"""Samples as the charts in the browser take them: columns, times in seconds since 1970."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from monitoring.alerts.rules import RULES
from monitoring.models import Alert, HostSample, MediaSample, Turn, VisitSample, WorkflowStep
from monitoring.samples.figures import host_figures
from monitoring.samples.merged import are_samples_kept, merged
from monitoring.samples.queries import samples_of
from sessions.models import AvatarSession, SessionEvent, State

CPU_COLUMNS: Final = ("user_percent", "system_percent", "iowait_percent", "steal_percent")
HOST_COLUMNS: Final = (
    *CPU_COLUMNS,
    "memory_used_bytes",
    "cpu_pressure_percent",
    "memory_pressure_percent",
    "io_pressure_percent",
)
SESSION_COLUMNS: Final = (
    "cpu_percent",
    "uss_bytes",
    "pss_bytes",
    "frame_p50_ms",
    "frame_p95_ms",
    "frame_max_ms",
)
VISIT_COLUMNS: Final = (
    "identity",
    "av_offset_ms",
    "round_trip_ms",
    "fps",
    "freezes",
    "freeze_ms",
    "jitter_ms",
    "lost_percent",
)
MEDIA_COLUMNS: Final = (
    "encoded_fps",
    "encode_ms",
    "sent_kbps",
    "lost_percent",
    "limited_by",
    "queued_frames",
    "queued_sound_ms",
)
MARKED: Final = {
    SessionEvent.Kind.VISITOR_JOINED: "person",
    SessionEvent.Kind.FRAMES: "steal",
    SessionEvent.Kind.JOB: "ours",
    SessionEvent.Kind.MODE: "ours",
}
MARKED_STATES: Final = (State.READY, State.DEGRADED)
MAX_MARK_CHARS: Final = 28
MAX_POINTS: Final = 400


def host_chart_data(host: list[dict[str, Any]], marked: Iterable[dict[str, Any]], step_s: int) -> dict[str, Any]:
    """`{"memory_total_bytes", "step_s", "host": {"at": [], column: []}, "marks": [{"at", "label", "tone", "minor"}]}`.

    Null is a gap; a point stands for `step_s` seconds.
    """
    return {
        "memory_total_bytes": host[-1].get("memory_total_bytes") if host else None,
        "host": columns(host, HOST_COLUMNS),
        "marks": sorted(marked, key=lambda mark: mark["at"]),
        "step_s": step_s,
    }


def session_chart_data(
    host: list[dict[str, Any]],
    session: Iterable[dict[str, Any]],
    marked: Iterable[dict[str, Any]],
    step_s: int,
    visits: Iterable[dict[str, Any]],
    media: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    """As `host_chart_data`, with the host's CPU alone, and `cores`, `session`, `visits` and `media` (one in ten seconds)."""
    return {
        "cores": host[-1]["cores"] if host else None,
        "host": columns(host, CPU_COLUMNS),
        "session": columns(list(session), SESSION_COLUMNS),
        "visits": columns(list(visits), VISIT_COLUMNS),
        "media": columns(list(media), MEDIA_COLUMNS),
        "marks": sorted(marked, key=lambda mark: mark["at"]),
        "step_s": step_s,
    }


def columns(points: list[dict[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    """Points as columns; a figure that a point lacks is null."""
    return {
        "at": [_seconds(point["at"]) for point in points],
        **{name: [point.get(name) for point in points] for name in names},
    }


def marks(events: Iterable[SessionEvent]) -> list[dict[str, Any]]:
    """The events that a chart marks with a line and a word."""
    return [
        mark(event.at, _mark(event), MARKED.get(SessionEvent.Kind(event.kind), "ours"))
        for event in events
        if event.kind in MARKED or event.state in MARKED_STATES
    ]


def mark(at: datetime, label: str, tone: str, *, minor: bool = False) -> dict[str, Any]:
    """A moment on the time axis. `tone`: person, ours, steal or warn; a minor one is a tick without a word."""
    return {"at": _seconds(at), "label": label, "tone": tone, "minor": minor}


def alert_marks(alerts: Iterable[Alert]) -> list[dict[str, Any]]:
    """Where alerts were raised."""
    return [
        mark(alert.raised_at, str(RULES[alert.rule].label), "steal" if alert.rule == "steal" else "warn")
        for alert in alerts
        if alert.rule in RULES
    ]


def session_marks(session: AvatarSession, since: datetime | None = None) -> list[dict[str, Any]]:
    """All that is marked in a session's charts: its events and alerts, its host's alerts, and ticks for turns and steps."""
    span = (since or session.requested_at, session.ended_at or timezone.now())
    of_it = Q(session=session) | Q(session=None, host=session.host)
    alerts = Alert.objects.filter(of_it, raised_at__range=span)
    turns = Turn.objects.filter(session=session, at__range=span).values_list("at", flat=True)
    steps = WorkflowStep.objects.filter(session=session, started_at__range=span).values_list("started_at", "label")
    return [
        *marks(session.events.filter(at__range=span)),
        *alert_marks(alerts),
        *(mark(at, _("Answer"), "person", minor=True) for at in turns),
        *(mark(at, label, "ours", minor=True) for at, label in steps),
    ]


def _mark(event: SessionEvent) -> str:
    """A word or two: the events panel has the whole sentence."""
    if event.kind == SessionEvent.Kind.FRAMES:
        return _("Late frames")
    if event.kind == SessionEvent.Kind.STATE:
        return str(event.get_state_display())
    return Truncator(event.text).chars(MAX_MARK_CHARS)


def thinned(session: AvatarSession) -> dict[str, Any]:
    """A whole session in some `MAX_POINTS` points; where they stand for more than a second, with the busiest one of each."""
    span = (session.requested_at, session.ended_at or session.state_changed_at)
    if are_samples_kept(span[0]) and (span[1] - span[0]).total_seconds() < 2 * MAX_POINTS:
        rows = HostSample.objects.filter(host=session.host, at__range=span).order_by("at")
        host = [{"at": row.at, **host_figures(row)} for row in rows]
        step_s, points = 1, samples_of(session, limit=2 * MAX_POINTS)
    else:
        step_s, host, points = merged(session, *span, MAX_POINTS)
    visits = _thinned_visits(visit_points(session, span[0]))
    media = last_media(session, span[0])
    data = session_chart_data(host, points, session_marks(session), step_s, visits, media)
    data["host"] |= columns(host, ("busy_max_percent",))
    data["session"] |= columns(points, ("cpu_max_percent",))
    return data


def visit_points(session: AvatarSession, since: datetime) -> list[dict[str, Any]]:
    """How sound and picture arrived at visitors' browsers, in order."""
    rows = VisitSample.objects.filter(session=session, at__gt=since).order_by("at")
    return list(rows.values("at", *VISIT_COLUMNS))


def last_media(session: AvatarSession, since: datetime) -> list[dict[str, Any]]:
    """What the job sent last, as one point or none: figures beside the charts tell it."""
    rows = MediaSample.objects.filter(session=session, at__gt=since).order_by("-at")
    return list(rows.values("at", *MEDIA_COLUMNS)[:1])


def _thinned_visits(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of every n the one whose sound was furthest from its picture, with the freezes of all."""
    n = max(1, len(points) // MAX_POINTS)
    groups = [points[first : first + n] for first in range(0, len(points), n)]
    return [
        {
            **max(group, key=lambda point: abs(point["av_offset_ms"] or 0)),
            **{name: _sum(group, name) for name in ("freezes", "freeze_ms")},
        }
        for group in groups
    ]


def _sum(points: list[dict[str, Any]], name: str) -> float | None:
    known = [point[name] for point in points if point[name] is not None]
    return sum(known) if known else None


def _seconds(at: datetime) -> float:
    return round(at.timestamp(), 3)
