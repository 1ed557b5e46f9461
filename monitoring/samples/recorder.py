"""Makes the rollups, in the monitor process.

Which spans are to be summed up is told by the rows that came since the last look, by their keys and not by their times. So
samples that waited for Redis are summed up too, and a span that gained some later is made anew.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

from django.db import InterfaceError, OperationalError, close_old_connections, models
from django.db.models import Max
from django.utils import timezone

from monitoring.models import FrameSample, HostRollup, HostSample, SessionRollup, SessionSample
from monitoring.samples.rollups import (
    FRAME_COLUMNS,
    FRAMES,
    HOST,
    HOST_COLUMNS,
    PROCESS,
    PROCESS_COLUMNS,
    SPANS_S,
    bucket_of,
    frames_summed,
    summed,
)

logger = logging.getLogger(__name__)

EVERY_S: Final = 5.0
SETTLED_AFTER: Final = timedelta(seconds=3)  # a span's last samples are written by then
AT_ONCE: Final = 20_000  # rows
LOOK_BACK: Final = timedelta(hours=24)

Span = tuple[str, Any, int, datetime]  # "host" or "session", which, seconds, begin


class Recorder:
    """`record` sums up what is due. Which rows it has seen is found again from the rollups after a restart."""

    def __init__(self) -> None:
        self._seen: dict[type[models.Model], int] | None = None
        self._due: set[Span] = set()

    def run(self, stop: Event) -> None:
        """Record until `stop` is set; a database that is away is waited for."""
        while not stop.wait(EVERY_S):
            try:
                self.record(timezone.now())
            except (OperationalError, InterfaceError) as error:
                logger.warning("rollups wait for the database: %s", error)
                self._seen = None
                close_old_connections()

    def record(self, now: datetime) -> int:
        """Make the rollups whose time is over; how many."""
        self._look(now)
        due = {span for span in self._due if span[3] + timedelta(seconds=span[2]) + SETTLED_AFTER <= now}
        rows = [*self._of_hosts(due), *self._of_sessions(due)]
        self._due -= due
        return len(rows)

    def _look(self, now: datetime) -> None:
        if self._seen is None:
            self._seen = self._where_it_ended(now)
        for model, kind, column in (
            (HostSample, "host", "host"),
            (SessionSample, "session", "session_id"),
            (FrameSample, "session", "session_id"),
        ):
            found: Any = model
            new = found.objects.filter(pk__gt=self._seen[model]).order_by("pk").values_list("pk", column, "at")
            for pk, which, at in new[:AT_ONCE]:
                self._seen[model] = pk
                self._due.update((kind, which, span_s, bucket_of(at, span_s)) for span_s in SPANS_S)

    def _where_it_ended(self, now: datetime) -> dict[type[models.Model], int]:
        """For each kind of sample, the key before the first one that may be missing in the rollups."""
        longest = timedelta(seconds=max(SPANS_S))
        known = HostRollup.objects.filter(span_s=max(SPANS_S)).aggregate(at=Max("at"))["at"]
        since = max(now - LOOK_BACK, known - longest if known is not None else now - LOOK_BACK)
        found: dict[type[models.Model], int] = {}
        for model in (HostSample, SessionSample, FrameSample):
            rows: Any = model
            newest = rows.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            first = rows.objects.filter(at__gte=since).order_by("pk").values_list("pk", flat=True).first()
            found[model] = newest if first is None else first - 1
        return found

    def _of_hosts(self, due: set[Span]) -> list[HostRollup]:
        rows = []
        for host, begins in _by_subject(due, "host").items():
            samples = HostSample.objects.filter(host=host, at__range=_range(begins))
            for (span_s, at), found in _bucketed(samples, HOST_COLUMNS, begins).items():
                rows.append(HostRollup(host=host, span_s=span_s, at=at, **summed(found, HOST)))
        return HostRollup.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["host", "span_s", "at"], update_fields=list(HOST)
        )

    def _of_sessions(self, due: set[Span]) -> list[SessionRollup]:
        rows = []
        for session, begins in _by_subject(due, "session").items():
            span = {"session": session, "at__range": _range(begins)}
            process = _bucketed(SessionSample.objects.filter(**span), PROCESS_COLUMNS, begins)
            frames = _bucketed(FrameSample.objects.filter(**span), FRAME_COLUMNS, begins)
            for span_s, at in process.keys() | frames.keys():
                figures = summed(process.get((span_s, at), []), PROCESS) | frames_summed(frames.get((span_s, at), []))
                rows.append(SessionRollup(session_id=session, span_s=span_s, at=at, **figures))
        return SessionRollup.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["session", "span_s", "at"],
            update_fields=[*PROCESS, *FRAMES, "fps", "seconds_over_budget"],
        )


def _by_subject(due: set[Span], kind: str) -> dict[Any, set[tuple[int, datetime]]]:
    found: dict[Any, set[tuple[int, datetime]]] = defaultdict(set)
    for each, which, span_s, at in due:
        if each == kind:
            found[which].add((span_s, at))
    return found


def _range(begins: set[tuple[int, datetime]]) -> tuple[datetime, datetime]:
    return min(at for _, at in begins), max(at + timedelta(seconds=span_s) for span_s, at in begins)


def _bucketed(
    samples: Any, columns: Iterable[str], begins: set[tuple[int, datetime]]
) -> dict[tuple[int, datetime], list[Any]]:
    """The samples of each span that is asked for, in order."""
    found: dict[tuple[int, datetime], list[Any]] = defaultdict(list)
    for sample in samples.order_by("at").values_list("at", *columns, named=True):
        for span_s in SPANS_S:
            key = (span_s, bucket_of(sample.at, span_s))
            if key in begins:
                found[key].append(sample)
    return found
