"""The last seconds, hours or the day of a host or a session, at the resolution that is right for them."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from monitoring.models import HostRollup, SessionRollup
from monitoring.samples.queries import recent_host_samples, samples_of
from sessions.models import AvatarSession

SECOND: Final = 1
WINDOWS: Final[dict[int, int]] = {300: SECOND, 900: SECOND, 3600: 10, 86_400: 60}  # seconds back -> seconds a point
HOST_FIELDS: Final = [f.name for f in HostRollup._meta.fields if f.name not in ("id", "host", "span_s")]
SESSION_FIELDS: Final = [f.name for f in SessionRollup._meta.fields if f.name not in ("id", "session", "span_s")]


def step_of(seconds: int) -> int:
    """Seconds that a point of this window stands for. Raises `KeyError` for a window that there is not."""
    return WINDOWS[seconds]


def host_window(host: str, seconds: int) -> list[dict[str, Any]]:
    """Points of a host in order."""
    if WINDOWS[seconds] == SECOND:
        return recent_host_samples(host, seconds)
    rows = HostRollup.objects.filter(host=host, span_s=WINDOWS[seconds], at__gt=_since(seconds)).order_by("at")
    return [_known(row) for row in rows.values(*HOST_FIELDS)]


def session_window(session: AvatarSession, seconds: int) -> list[dict[str, Any]]:
    """Points of a session in order."""
    if WINDOWS[seconds] == SECOND:
        return samples_of(session, since=_since(seconds), limit=2 * seconds)
    rows = SessionRollup.objects.filter(session=session, span_s=WINDOWS[seconds], at__gt=_since(seconds)).order_by("at")
    return [_known(row) for row in rows.values(*SESSION_FIELDS)]


def _since(seconds: int) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
