"""What the overview says of the last hour and the last day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db.models import Max, Prefetch, Q
from django.utils import timezone

from monitoring.models import HostSample
from monitoring.panels.sparklines import bucketed
from sessions.models import AvatarSession, SessionEvent, State, Visit
from sessions.models.avatar_session import milliseconds_between
from sessions.verdicts import TROUBLE

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MAX_LANES: Final = 8
STEAL_SHOWN_PERCENT: Final = 1.0


@dataclass(frozen=True)
class Piece:
    """A stretch of a lane; places in percent of the hour, as text."""

    x: str
    width: str
    tone: str


def lanes() -> list[dict[str, Any]]:
    """Each profile's sessions over the last hour, coloured by state, newest profile first."""
    now = timezone.now()
    start = now - HOUR
    found = AvatarSession.objects.filter(Q(ended_at=None) | Q(ended_at__gt=start)).select_related("profile_version")
    moves = Prefetch("events", SessionEvent.objects.filter(kind=SessionEvent.Kind.STATE), to_attr="moves")
    found = found.prefetch_related(moves).order_by("-requested_at")
    by_name: dict[str, list[Piece]] = {}
    for session in found:
        if session.profile_name not in by_name and len(by_name) == MAX_LANES:
            continue
        by_name.setdefault(session.profile_name, []).extend(_pieces(session, session.moves, start, now))
    return [{"name": name, "pieces": pieces} for name, pieces in by_name.items() if pieces]


def _pieces(session: AvatarSession, moves: list[SessionEvent], start: datetime, now: datetime) -> list[Piece]:
    pieces = []
    for place, (at, state) in enumerate((move.at, move.state) for move in moves):
        until = moves[place + 1].at if place + 1 < len(moves) else now
        tone = {State.REQUESTED: "starting", State.STOPPING: "ended"}.get(State(state), state)
        if state == State.ENDED:
            # Its end is a short mark: red where nobody chose it.
            tone, until = ("failed" if session.end_reason in TROUBLE else "ended"), at + timedelta(seconds=12)
        if until > start:
            pieces.append(_piece(max(at, start), min(until, now), start, tone))
    return pieces


def _piece(at: datetime, until: datetime, start: datetime, tone: str) -> Piece:
    x = 100 * ((at - start) / HOUR)
    return Piece(f"{x:.2f}%", f"{max(0.3, 100 * ((until - at) / HOUR)):.2f}%", tone)


def steal_lane() -> dict[str, Any]:
    """The worst steal of each half minute over the last hour, of any host: bars, the peak and when it was."""
    now = timezone.now()
    start = now - HOUR
    readings = HostSample.objects.filter(at__gt=start, steal_percent__gte=STEAL_SHOWN_PERCENT)
    values = bucketed(readings.values_list("at", "steal_percent"), start, HOUR, 120, max)
    top = max(25.0, *(value for value in values if value is not None), 0.0)
    bars = [
        {"x": f"{place / 1.2:.2f}%", "y": f"{100 - 100 * value / top:.1f}%", "height": f"{100 * value / top:.1f}%"}
        for place, value in enumerate(values)
        if value is not None
    ]
    peak = readings.order_by("-steal_percent").first()
    return {"bars": bars, "peak": peak}


def last_day() -> dict[str, Any]:
    """Figures of the last 24 hours; absent (None) where there is nothing to count."""
    since = timezone.now() - DAY
    found = AvatarSession.objects.filter(requested_at__gt=since)
    ready = [
        ready_ms
        for times in found.exclude(ready_at=None).values_list("requested_at", "ready_at")
        if (ready_ms := milliseconds_between(*times)) is not None
    ]
    visits = Visit.objects.filter(created_at__gt=since).exclude(joined_at=None)
    first_frames = [value for value in visits.values_list("first_frame_ms", flat=True) if value is not None]
    return {
        "sessions": found.count(),
        "failed": found.filter(state=State.ENDED, end_reason__in=TROUBLE).count(),
        "ready_ms": median(ready) if ready else None,
        "visitors": visits.count(),
        "first_frame_ms": median(first_frames) if first_frames else None,
        "slow_frames": SessionEvent.objects.filter(at__gt=since, kind=SessionEvent.Kind.FRAMES).count(),
        "steal_percent": HostSample.objects.filter(at__gt=since).aggregate(worst=Max("steal_percent"))["worst"],
    }
