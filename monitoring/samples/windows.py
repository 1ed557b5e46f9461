"""The last seconds, hours or the day of a host or a session, at the resolution that is right for them."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from monitoring.models import HostRollup, SessionRollup
from monitoring.samples.queries import recent_host_samples, samples_of, within
from sessions.models import AvatarSession

SECOND: Final = 1
WINDOWS: Final[dict[int, int]] = {300: SECOND, 900: SECOND, 3600: 10, 86_400: 60}  # seconds back -> seconds a point
HOST_FIELDS: Final = [f.name for f in HostRollup._meta.fields if f.name not in ("id", "host", "span_s")]
SESSION_FIELDS: Final = [f.name for f in SessionRollup._meta.fields if f.name not in ("id", "session", "span_s")]


def step_of(seconds: int) -> int:
    """Seconds that a point of this window stands for. Raises `KeyError` for a window that there is not."""
    return WINDOWS[seconds]


def host_window(host: str, seconds: int) -> list[dict[str, Any]]:
    """Points of a host in order. Of steal the worst second of each point: a mean over a minute hides it."""
    if WINDOWS[seconds] == SECOND:
        return recent_host_samples(host, seconds)
    recent = within(timedelta(seconds=seconds))
    rows = HostRollup.objects.filter(recent, host=host, span_s=WINDOWS[seconds]).order_by("at")
    return [_known({**row, "steal_percent": row["steal_max_percent"]}) for row in rows.values(*HOST_FIELDS)]


def session_window(session: AvatarSession, seconds: int) -> list[dict[str, Any]]:
    """Points of a session in order."""
    if WINDOWS[seconds] == SECOND:
        return samples_of(session, since=timezone.now() - timedelta(seconds=seconds), limit=2 * seconds)
    recent = within(timedelta(seconds=seconds))
    rows = SessionRollup.objects.filter(recent, session=session, span_s=WINDOWS[seconds]).order_by("at")
    return [_known(row) for row in rows.values(*SESSION_FIELDS)]


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
