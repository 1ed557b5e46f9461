"""What handlers notice in events beside the rows that they leave: for the watches over alerts and hitches, after the commit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from monitoring.models import FrameSample, HostSample


@dataclass(frozen=True)
class SessionRef:
    """The little of a session's row that ingesting needs."""

    pk: int
    code: str


@dataclass(frozen=True)
class Reading:
    """A figure of an alert rule for a host, or for a session: then its host is looked up where it matters."""

    rule: str
    at: datetime
    value: float
    host: str = ""
    session: SessionRef | None = None
    detail: str = ""

    @property
    def subject(self) -> str:
        return f"host:{self.host}" if self.session is None else f"session:{self.session.code}"


@dataclass(frozen=True)
class StepSeen:
    """A workflow step began, or ended after `duration_ms`."""

    session: SessionRef
    attempt: int
    number: int
    at: datetime
    key: str = ""
    label: str = ""
    duration_ms: float | None = None


@dataclass(frozen=True)
class LateFrames:
    """Frames of the second before `at` that took longer than their budget."""

    session: SessionRef
    at: datetime
    took_ms: float
    budget_ms: float
    count: int


@dataclass(frozen=True)
class TurnSeen:
    """An answer was heard `first_sound_ms` after the question's end; `parts_ms`: what that time went into."""

    session: SessionRef
    at: datetime
    first_sound_ms: float
    parts_ms: dict[str, float]


@dataclass(frozen=True)
class ProviderFailed:
    """A provider of voices, answers or pictures failed a session; `detail` is a sentence."""

    session: SessionRef
    at: datetime
    detail: str


@dataclass(frozen=True)
class JobGone:
    """A job ended or was lost: nothing more comes of what it had begun."""

    session: SessionRef


Observation = Reading | StepSeen | LateFrames | TurnSeen | ProviderFailed | JobGone


def of_host(row: HostSample) -> Iterator[Reading]:
    """Readings of a second of a host."""
    if row.steal_percent is not None:
        yield Reading("steal", row.at, row.steal_percent, row.host)
    if row.throttled_percent is not None:
        yield Reading("throttling", row.at, row.throttled_percent, row.host)
    if row.memory_total_bytes and row.memory_used_bytes is not None:
        yield Reading("memory", row.at, 100 * row.memory_used_bytes / row.memory_total_bytes, row.host)
    if row.disk_total_bytes and row.disk_free_bytes is not None:
        yield Reading("disk", row.at, 100 * row.disk_free_bytes / row.disk_total_bytes, row.host)


def of_frames(row: FrameSample, session: SessionRef) -> Iterator[Reading]:
    """Readings of a second of a renderer."""
    if row.frame_p95_ms is not None and row.budget_ms:
        yield Reading("frame_overruns", row.at, 100 * row.frame_p95_ms / row.budget_ms, session=session)
