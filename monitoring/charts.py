"""Samples as the charts in the browser take them: columns, times in seconds since 1970."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.utils.text import Truncator
from django.utils.translation import gettext as _

from monitoring.figures import host_figures
from monitoring.models import HostSample
from monitoring.queries import samples_of
from sessions.models import AvatarSession, SessionEvent, State

HOST_COLUMNS: Final = ("user_percent", "system_percent", "iowait_percent", "steal_percent", "memory_used_bytes")
SESSION_COLUMNS: Final = (
    "cpu_percent",
    "uss_bytes",
    "pss_bytes",
    "frame_p50_ms",
    "frame_p95_ms",
    "frame_max_ms",
    "budget_ms",
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
MAX_SECONDS: Final = 12 * 3600


def chart_data(
    host: list[dict[str, Any]], session: Iterable[dict[str, Any]] = (), events: Iterable[SessionEvent] = ()
) -> dict[str, Any]:
    """`{"cores", "host": {"at": [], column: []}, "session": {…}, "marks": [{"at", "label", "tone"}]}`; null is a gap."""
    return {
        "cores": host[-1]["cores"] if host else None,
        "memory_total_bytes": host[-1].get("memory_total_bytes") if host else None,
        "host": columns(host, HOST_COLUMNS),
        "session": columns(list(session), SESSION_COLUMNS),
        "marks": marks(events),
    }


def columns(points: list[dict[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    """Points as columns; a figure that a point lacks is null."""
    return {
        "at": [_seconds(point["at"]) for point in points],
        **{name: [point.get(name) for point in points] for name in names},
    }


def marks(events: Iterable[SessionEvent]) -> list[dict[str, Any]]:
    """The events that a chart marks with a line."""
    return [
        {"at": _seconds(event.at), "label": _mark(event), "tone": MARKED.get(SessionEvent.Kind(event.kind), "ours")}
        for event in events
        if event.kind in MARKED or event.state in MARKED_STATES
    ]


def _mark(event: SessionEvent) -> str:
    """A word or two: the events panel has the whole sentence."""
    if event.kind == SessionEvent.Kind.FRAMES:
        return _("Late frames")
    if event.kind == SessionEvent.Kind.STATE:
        return str(event.get_state_display())
    return Truncator(event.text).chars(MAX_MARK_CHARS)


def thinned(session: AvatarSession, events: Iterable[SessionEvent]) -> dict[str, Any]:
    """A whole session with at most `MAX_POINTS` points: every n-th second."""
    span = (session.requested_at, session.ended_at or session.state_changed_at)
    rows = list(HostSample.objects.filter(host=session.host, at__range=span).order_by("at")[:MAX_SECONDS])
    host = [{"at": row.at, **host_figures(row)} for row in rows[:: max(1, len(rows) // MAX_POINTS)]]
    points = samples_of(session, limit=MAX_SECONDS)
    return chart_data(host, points[:: max(1, len(points) // MAX_POINTS)], events)


def _seconds(at: datetime) -> float:
    return round(at.timestamp(), 3)
