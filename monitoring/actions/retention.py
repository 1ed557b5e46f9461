"""Letting go of what is old, in batches that hold nobody up."""

import time
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from monitoring.actions.removed import on_samples_deleted
from monitoring.models import (
    FrameSample,
    HostRollup,
    HostSample,
    MediaSample,
    ProviderReading,
    SessionRollup,
    SessionSample,
    VisitSample,
)

BATCH_ROWS: Final = 2_000
PAUSE_S: Final = 0.05  # between two batches, so that who else writes comes in between
FOR_S: Final = 20.0

SAMPLES: Final[tuple[type[models.Model], ...]] = (
    HostSample,
    SessionSample,
    FrameSample,
    MediaSample,
    VisitSample,
    ProviderReading,
)
ROLLUPS: Final[tuple[type[models.Model], ...]] = (HostRollup, SessionRollup)


def delete_old(now: datetime | None = None, for_s: float = FOR_S) -> int:
    """How many rows went. After `for_s` seconds the rest is left to the next call."""
    now = now or timezone.now()
    until_s = time.monotonic() + for_s
    gone = 0
    for model in SAMPLES:
        before = now - timedelta(hours=settings.KEEP_SAMPLES_H)
        while time.monotonic() < until_s and (count := _delete_samples(model, before)):
            gone += count
            time.sleep(PAUSE_S)
    kept = {10: settings.KEEP_ROLLUPS_10S_DAYS, 60: settings.KEEP_ROLLUPS_1MIN_DAYS}
    for model in ROLLUPS:
        for span_s, days in kept.items():
            before = now - timedelta(days=days)
            while time.monotonic() < until_s and (count := _delete_rollups(model, span_s, before)):
                gone += count
                time.sleep(PAUSE_S)
    return gone


def _delete_samples(model: type[models.Model], before: datetime) -> int:
    """Samples are written in the order of time: the first keys are the oldest, and no index of times is needed."""
    rows: Any = model._default_manager
    oldest = list(rows.order_by("pk").values_list("pk", "at")[:BATCH_ROWS])
    old = [pk for pk, at in oldest if at < before]
    if not old:
        return 0
    going = rows.filter(pk__in=old)
    with transaction.atomic():
        if model is VisitSample:
            on_samples_deleted(going)
        return int(going._raw_delete(rows.db))


def _delete_rollups(model: type[models.Model], span_s: int, before: datetime) -> int:
    rows: Any = model._default_manager
    old = list(rows.filter(span_s=span_s, at__lt=before).order_by("at").values_list("pk", flat=True)[:BATCH_ROWS])
    return rows.filter(pk__in=old)._raw_delete(rows.db) if old else 0
