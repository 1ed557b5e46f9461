"""What a report reads of a session's seconds: its samples, or rollups where the samples of its beginning are gone already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, F, When
from django.utils import timezone

from monitoring.models import HostRollup, HostSample, SessionRollup
from sessions.models import AvatarSession


@dataclass(frozen=True)
class Readings:
    """Rows in order, each of `span_s` seconds, as named tuples: a long session has ten thousands.

    `samples`: at, cpu_percent, rss_bytes, pss_bytes, uss_bytes. `frames`: at, fps, frame_p95_ms, frame_max_ms, budget_ms,
    seconds_over_budget, and composed, cached, repeated where `has_counts`. `hosts`: at, cores, user_percent, system_percent,
    iowait_percent, steal (percent; of a rollup the worst second).
    """

    span_s: int
    samples: Sequence[Any]
    frames: Sequence[Any]
    hosts: Sequence[Any]
    has_counts: bool


def readings_of(session: AvatarSession, end: datetime) -> Readings:
    """All of the session until `end`."""
    now, begun = timezone.now(), session.requested_at
    if begun >= now - timedelta(hours=settings.KEEP_SAMPLES_H):
        return _samples(session, end)
    is_young = begun >= now - timedelta(days=settings.KEEP_ROLLUPS_10S_DAYS)
    rolled = _rollups(session, end, 10 if is_young else 60)
    return rolled if rolled.samples or rolled.hosts else _samples(session, end)


def _samples(session: AvatarSession, end: datetime) -> Readings:
    rows: Any = session  # monitoring's rows hang on the session by reverse relation
    frames = rows.frame_samples.annotate(
        fps=F("composed") + F("cached") + F("repeated"),
        seconds_over_budget=Case(When(frame_max_ms__gt=F("budget_ms"), then=1), default=0),
    )
    hosts = HostSample.objects.filter(host=session.host, at__range=(session.requested_at, end)).annotate(
        steal=F("steal_percent")
    )
    return Readings(
        1,
        _listed(rows.samples, "at", "cpu_percent", "rss_bytes", "pss_bytes", "uss_bytes"),
        _listed(
            frames, "at", "fps", "composed", "cached", "repeated", "frame_p95_ms", "frame_max_ms", "budget_ms",
            "seconds_over_budget",
        ),
        _listed(hosts, "at", "cores", "user_percent", "system_percent", "iowait_percent", "steal"),
        has_counts=True,
    )  # fmt: skip


def _rollups(session: AvatarSession, end: datetime, span_s: int) -> Readings:
    begun = session.requested_at - timedelta(seconds=span_s)
    own = SessionRollup.objects.filter(session=session, span_s=span_s)
    hosts = HostRollup.objects.filter(host=session.host, span_s=span_s, at__range=(begun, end))
    return Readings(
        span_s,
        _listed(own, "at", "cpu_percent", "rss_bytes", "pss_bytes", "uss_bytes"),
        _listed(
            own.exclude(budget_ms=None),
            "at", "fps", "frame_p95_ms", "frame_max_ms", "budget_ms", "seconds_over_budget",
        ),
        _listed(
            hosts.annotate(steal=F("steal_max_percent")),
            "at", "cores", "user_percent", "system_percent", "iowait_percent", "steal",
        ),
        has_counts=False,
    )  # fmt: skip


def _listed(rows: Any, *columns: str) -> list[Any]:
    return list(rows.order_by("at").values_list(*columns, named=True).iterator())
