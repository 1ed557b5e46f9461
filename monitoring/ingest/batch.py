"""What a batch of events adds up to: rows that are written together, messages that go out after the commit."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from monitoring.ingest.observations import Observation, SessionRef
from monitoring.models import WorkflowStep
from monitoring.samples.figures import FRAMES_FRESH_FOR
from sessions.actions.workers import record_host_seen
from sessions.models import AvatarSession
from sessions.models.avatar_session import LIVE_STATES


class UnusableEvent(Exception):
    """An event that is well-formed but can't be used. `str()` says why. Raised before anything is written."""


@dataclass
class Batch:
    """Collects what the handlers make of events until `flush` writes it. Lives inside one transaction."""

    sessions: dict[str, SessionRef]
    frames: dict[str, tuple[datetime, dict[str, Any]]]  # code -> last frame figures; outlives the batch
    received_at: datetime = datetime.min  # of the event in hand, by the clock of Redis
    is_late: bool = False  # a batch with later events of its writer was written before it
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # samples: topic, data
    changed: set[str] = field(default_factory=set)  # codes of sessions whose page is out of date
    observed: list[Observation] = field(default_factory=list)  # for alerts and hitches, in the order of events
    _rows: dict[type[models.Model], list[models.Model]] = field(default_factory=dict)
    _steps: dict[tuple[int, int, int], WorkflowStep] = field(default_factory=dict)
    _jobs_seen: dict[tuple[int, int], datetime] = field(default_factory=dict)
    hosts_seen: dict[str, tuple[int | None, datetime]] = field(default_factory=dict)
    _jobs: dict[tuple[str, int | None], SessionRef] | None = None

    @classmethod
    def for_codes(cls, codes: Iterable[str], frames: dict[str, tuple[datetime, dict[str, Any]]]) -> "Batch":
        """A batch that knows the sessions of `codes`, those that exist."""
        asked = {code for code in codes if _is_uuid(code)}
        known = AvatarSession.objects.filter(code__in=asked).only("code") if asked else ()
        return cls({str(row.code): SessionRef(row.pk, str(row.code)) for row in known}, frames)

    def session(self, code: str) -> SessionRef:
        """The session of an event. Raises `UnusableEvent` where there is none."""
        try:
            return self.sessions[code]
        except KeyError:
            raise UnusableEvent(f"there is no session {code}") from None

    def moment(self, at: datetime) -> datetime:
        """An event's own time, but never later than we got it: a host's clock may run ahead."""
        return min(at, self.received_at)

    def add(self, row: models.Model) -> None:
        self._rows.setdefault(type(row), []).append(row)

    def add_step(self, step: WorkflowStep) -> None:
        self._steps[step.session_id, step.attempt, step.number] = step

    def new_step(self, session_pk: int, attempt: int, number: int) -> WorkflowStep | None:
        """A step that began in this batch and is not written yet."""
        return self._steps.get((session_pk, attempt, number))

    def job_seen(self, session: SessionRef, attempt: int) -> None:
        self._jobs_seen[session.pk, attempt] = self.received_at

    def host_seen(self, host: str, worker_pid: int | None) -> None:
        self.hosts_seen[host] = (worker_pid, self.received_at)

    def job_of(self, host: str, pid: int) -> SessionRef | None:
        """The live session whose job is this process."""
        if self._jobs is None:
            live = AvatarSession.objects.filter(state__in=LIVE_STATES).exclude(job_pid=None)
            rows = live.values_list("host", "job_pid", "pk", "code")
            self._jobs = {(host, job_pid): SessionRef(pk, str(code)) for host, job_pid, pk, code in rows}
        return self._jobs.get((host, pid))

    def forget_jobs(self) -> None:
        """A job started or is gone: look again which process serves which session."""
        self._jobs = None

    def remember_frames(self, code: str, at: datetime, figures: dict[str, Any]) -> None:
        self.frames[code] = (at, figures)

    def frames_of(self, code: str) -> dict[str, Any]:
        """The session's frame figures, where they are of the last seconds."""
        at, figures = self.frames.get(code, (None, {}))
        return figures if at is not None and self.received_at - at < FRAMES_FRESH_FOR else {}

    def flush(self) -> None:
        """Write what was collected."""
        for model, rows in self._rows.items():
            model._default_manager.bulk_create(rows)
        # A step that an earlier life of the job announced under the same number stays as it was.
        WorkflowStep.objects.bulk_create(self._steps.values(), ignore_conflicts=True)
        # Jobs that were heard in the same second share one update: fifty of them report four times a second.
        heard: dict[tuple[int, datetime], list[tuple[datetime, int]]] = {}
        for (pk, attempt), at in self._jobs_seen.items():
            heard.setdefault((attempt, at.replace(microsecond=0)), []).append((at, pk))
        for (attempt, _), jobs in heard.items():
            at = max(at for at, _ in jobs)
            older = Q(job_seen_at=None) | Q(job_seen_at__lt=at)
            AvatarSession.objects.filter(older, pk__in=[pk for _, pk in jobs], attempt=attempt).update(job_seen_at=at)
        for host, (worker_pid, at) in self.hosts_seen.items():
            record_host_seen(host, worker_pid, at)


def _is_uuid(code: str) -> bool:
    try:
        return str(uuid.UUID(code)) == code
    except ValueError:
        return False
