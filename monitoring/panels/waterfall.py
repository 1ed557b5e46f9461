"""A session's start as rows of a waterfall: what took how long, what is waited for; below, what came after READY."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.models import WorkflowStep
from monitoring.samples.queries import usual_durations_ms
from sessions.models import AvatarSession, SessionEvent, State

Status = Literal["done", "now", "later", "failed", "ready"]
Since = Callable[[datetime | None], float | None]  # milliseconds from the attempt's begin; None before it


@dataclass
class Row:
    """One step. Times in milliseconds since the attempt began; places on the drawing in percent, as text."""

    label: str
    status: Status
    start_ms: float = 0.0
    end_ms: float = 0.0
    usual_ms: float | None = None
    since: datetime | None = None  # of a step that runs
    memory_delta_bytes: int | None = None
    is_mark: bool = False  # a moment, not a duration
    is_slowest: bool = False
    x: str = "0%"
    width: str = "0%"
    usual_x: str = ""

    @property
    def took_ms(self) -> float:
        return self.end_ms if self.is_mark else self.end_ms - self.start_ms


@dataclass(frozen=True)
class Waterfall:
    """All rows, and what the heading says of them. `after` began after READY: the newest of each kind."""

    rows: list[Row]
    after: list[Row]
    ready_ms: float | None
    slowest: Row | None
    waiting: Row | None

    @property
    def has_usual(self) -> bool:
        return any(row.usual_x for row in self.rows + self.after)

    @property
    def has_memory(self) -> bool:
        return any(row.memory_delta_bytes is not None for row in self.rows + self.after)

    @property
    def slowest_percent(self) -> int:
        return round(100 * self.slowest.took_ms / self.ready_ms) if self.slowest and self.ready_ms else 0


def waterfall(session: AvatarSession, usual_ms: Mapping[str, float] | None = None) -> Waterfall:
    """The chain of the session's present attempt. `usual_ms`: what its waits usually take, by key; by default now.

    The session keeps the milestones of its first attempt: a later one has its steps and its own READY, from the history.
    """
    began = session.attempt_at if session.attempt > 1 else session.requested_at
    over = session.ended_at or (None if session.is_live else session.state_changed_at)

    def since(at: datetime | None) -> float | None:
        return None if at is None or at < began else (at - began).total_seconds() * 1000

    ready_at = session.ready_at if session.attempt == 1 else _ready_again_at(session)
    if usual_ms is None:
        usual_ms = usual_durations_ms(session)
    rows = _milestones(session, since, began, over, usual_ms) if session.attempt == 1 else []
    steps = _steps(session, since, over, usual_ms)
    ready_ms = since(ready_at)
    until_ms = inf if ready_ms is None else ready_ms
    rows += [step for step in steps if step.start_ms <= until_ms]
    after = [step for step in steps if step.start_ms > until_ms]
    if session.attempt == 1:
        rows.append(_mark(_("First video frame published"), since(session.first_video_at), "done"))
    rows.append(_mark(_("READY"), ready_ms, "ready"))
    spans = [row for row in rows if not row.is_mark and row.status == "done"]
    slowest = max(spans, key=lambda row: row.took_ms, default=None) if ready_ms is not None else None
    if slowest is not None:
        slowest.is_slowest = True
    waiting = next((row for row in reversed(rows + after) if row.status == "now"), None)
    after = _moved_together(_newest_of_each(after))
    _place(after, least_ms=_place(rows))
    return Waterfall(rows, after, ready_ms, slowest, waiting)


def _milestones(
    session: AvatarSession, since: Since, began: datetime, over: datetime | None, usual_ms: Mapping[str, float]
) -> list[Row]:
    rows: list[Row] = []
    last, last_at = 0.0, began
    for label, at, key in (
        (_("Dispatched"), session.dispatched_at, "dispatched"),
        (_("Process started"), session.process_started_at, "process_started"),
    ):
        end, usual = since(at), usual_ms.get(key)
        if end is not None:
            rows.append(Row(label, "done", last, max(last, end), usual))
            last, last_at = max(last, end), at or began
        elif rows and rows[-1].status != "done":
            rows.append(Row(label, "later"))
        elif over is not None:
            rows.append(Row(label, "failed", last, since(over) or last, usual))
        else:
            rows.append(Row(label, "now", last, since(timezone.now()) or last, usual, since=last_at))
    return rows


def _ready_again_at(session: AvatarSession) -> datetime | None:
    """When a later attempt got READY."""
    moves = session.events.filter(kind=SessionEvent.Kind.STATE, state=State.READY)
    at = moves.filter(at__gte=session.attempt_at).values_list("at", flat=True).first()
    # A host's clock may be behind ours: a session that is READY got so when its attempt began, at the earliest.
    return session.attempt_at if at is None and session.state == State.READY else at


def _steps(session: AvatarSession, since: Since, over: datetime | None, usual_ms: Mapping[str, float]) -> list[Row]:
    """The outermost steps."""
    rows = []
    for step in WorkflowStep.objects.filter(session=session, attempt=session.attempt, parent=None).order_by("number"):
        start = since(step.started_at)
        if start is None:
            continue
        runs = step.status == WorkflowStep.Status.RUNNING
        so_far = max(start, since(over or timezone.now()) or start)
        end = so_far if step.duration_ms is None else start + step.duration_ms
        status: Status = "failed" if step.status == WorkflowStep.Status.FAILED or (runs and over) else "done"
        if runs and over is None:
            status = "now"
        running_since = step.started_at if status == "now" else None
        rows.append(Row(step.label, status, start, end, usual_ms.get(step.key), running_since, step.memory_delta_bytes))
    return rows


def _newest_of_each(rows: list[Row]) -> list[Row]:
    """Each visitor is greeted anew: of steps with one name the last stands for all."""
    newest = {row.label: row for row in rows}
    return sorted(newest.values(), key=lambda row: row.start_ms)


def _moved_together(rows: list[Row]) -> list[Row]:
    """The same rows without the time in which none of them ran: minutes may pass until somebody is greeted."""
    paused_ms = busy_until_ms = 0.0
    moved = []
    for row in rows:
        paused_ms += max(0.0, row.start_ms - busy_until_ms)
        busy_until_ms = max(busy_until_ms, row.end_ms)
        moved.append(replace(row, start_ms=row.start_ms - paused_ms, end_ms=row.end_ms - paused_ms))
    return moved


def _mark(label: str, at_ms: float | None, status: Status) -> Row:
    return Row(label, "later" if at_ms is None else status, at_ms or 0.0, at_ms or 0.0, is_mark=True)


def _place(rows: list[Row], least_ms: float = 1.0) -> float:
    """Where each row lies on the common axis; the axis, whose length is returned, ends a little behind the last of them."""
    ends = [row.end_ms for row in rows] + [row.start_ms + (row.usual_ms or 0) for row in rows if row.status == "now"]
    whole = max(least_ms, max(ends, default=0.0) * 1.04)
    for row in rows:
        row.x = f"{100 * row.start_ms / whole:.2f}%"
        row.width = f"{max(0.4, 100 * (row.end_ms - row.start_ms) / whole):.2f}%"
        usual_end = row.start_ms + (row.usual_ms or 0)
        if row.usual_ms is not None and usual_end <= whole:
            row.usual_x = f"{100 * usual_end / whole:.2f}%"
    return whole
