"""A whole session as few points, merged by the database: one of hours has ten thousands of seconds.

As in rollups CPU and memory are means over a point's time, steal and frame times the worst of it.
The busiest second is kept beside the mean; of rollups, which know of none, the busiest of their spans.
"""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

from django.conf import settings
from django.db.models import Aggregate, Avg, BigIntegerField, F, Max, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from monitoring.models import FrameSample, HostRollup, HostSample, SessionRollup, SessionSample
from monitoring.models.fields import HundredthsField
from sessions.models import AvatarSession

# What is made of each figure. Maxima come first: below it a name stands for what was made of it.
CPU: Final[dict[str, Aggregate]] = {
    "busy_max_percent": Max(F("user_percent") + F("system_percent"), output_field=HundredthsField()),
    **{name: Avg(name) for name in ("user_percent", "system_percent", "iowait_percent")},
    "cores": Max("cores"),
}
PROCESS: Final[dict[str, Aggregate]] = {
    "cpu_max_percent": Max("cpu_percent"),
    **{name: Avg(name) for name in ("cpu_percent", "uss_bytes", "pss_bytes")},
}
FRAMES: Final[dict[str, Aggregate]] = {
    "frame_p50_ms": Avg("frame_p50_ms"),
    **{name: Max(name) for name in ("frame_p95_ms", "frame_max_ms")},
}
Points = list[dict[str, Any]]


def merged(session: AvatarSession, begin: datetime, end: datetime, most: int) -> tuple[int, Points, Points]:
    """Seconds that a point stands for, and at most so many points of the host and of the session, in order."""
    for span_s in _spans(begin):
        step_s = span_s * max(1, ceil((end - begin).total_seconds() / (most * span_s)))
        span = (begin - timedelta(seconds=span_s - 1), end)
        host = HostRollup.objects.filter(host=session.host, at__range=span, span_s=span_s)
        own = SessionRollup.objects.filter(session=session, at__range=span, span_s=span_s)
        if span_s > 1:
            found = (
                _points(step_s, (host, CPU | {"steal_percent": Max("steal_max_percent")})),
                _points(step_s, (own, PROCESS | FRAMES)),
            )
        else:
            seconds = HostSample.objects.filter(host=session.host, at__range=span)
            of_it = {"session": session, "at__range": span}
            found = (
                _points(step_s, (seconds, CPU | {"steal_percent": Max("steal_percent")})),
                _points(
                    step_s,
                    (SessionSample.objects.filter(**of_it), PROCESS),
                    (FrameSample.objects.filter(**of_it), FRAMES),
                ),
            )
        if any(found):
            return step_s, *found
    return 1, [], []


def are_samples_kept(since: datetime) -> bool:
    """Whether every second from then on is still there."""
    return since >= timezone.now() - timedelta(hours=settings.KEEP_SAMPLES_H)


def _spans(begin: datetime) -> tuple[int, ...]:
    """What to read: the finest that is left of all the time since `begin`, and the rest where there is none of it."""
    if are_samples_kept(begin):
        return 1, 10, 60
    is_young = begin >= timezone.now() - timedelta(days=settings.KEEP_ROLLUPS_10S_DAYS)
    return (10, 60, 1) if is_young else (60, 10, 1)


def _points(step_s: int, *sources: tuple[QuerySet[Any], dict[str, Aggregate]]) -> Points:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for rows, figures in sources:
        place = Cast("at", BigIntegerField()) / (1_000 * step_s)
        for row in rows.order_by().values(place=place).annotate(**figures):
            found[row.pop("place")] |= {name: _short(value) for name, value in row.items() if value is not None}
    return [{"at": datetime.fromtimestamp(place * step_s, UTC), **found[place]} for place in sorted(found)]


def _short(value: float) -> float:
    return value if isinstance(value, int) else round(value, 2)
