"""What each kind of event leaves behind: one small function a kind.

A handler may write through the actions of the sessions app and collects everything else in the batch.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from pydantic import BaseModel

from monitoring.ingest.batch import Batch
from monitoring.ingest.host_rows import host_row
from monitoring.ingest.observations import (
    JobGone,
    LateFrames,
    ProviderFailed,
    Reading,
    SessionRef,
    StepSeen,
    TurnSeen,
    of_frames,
    of_host,
)
from monitoring.live.broadcast import OVERVIEW, host_topic, session_topic
from monitoring.models import FrameSample, MediaSample, ProviderReading, SessionSample, Turn, VisitSample, WorkflowStep
from monitoring.samples.figures import FRAME_FIGURES, frame_figures, host_figures, process_figures
from protocol import events
from sessions.actions import conversations, faces, progress, switches, workers
from sessions.models import SessionEvent, SwitchOutcome

# A starved job overruns every second; its history need not say so each time.
OVERRUN_PAUSE: Final = timedelta(seconds=10)
MIB: Final = 1024 * 1024
UNNAMED: Final = "unnamed"  # a step whose begin has not come

E = TypeVar("E", bound=BaseModel)
Handler = Callable[[Any, Batch], None]
HANDLERS: Final[dict[type[BaseModel], Handler]] = {}


def handles(kind: type[E]) -> Callable[[Callable[[E, Batch], None]], Callable[[E, Batch], None]]:
    """Registers the function for events of `kind`."""

    def register(handler: Callable[[E, Batch], None]) -> Callable[[E, Batch], None]:
        HANDLERS[kind] = handler
        return handler

    return register


def handle(event: events.TelemetryEvent, batch: Batch) -> None:
    """Apply one event. Raises `UnusableEvent` for an event of an unknown session."""
    if isinstance(event, events.JobEvent):
        batch.job_seen(batch.session(event.session), event.attempt)
    HANDLERS[type(event)](event, batch)


# -- a job's life ---------------------------------------------------------------------------------------------------


@handles(events.JobProcessStarted)
def job_process_started(event: events.JobProcessStarted, batch: Batch) -> None:
    progress.record_process_started(event.session, event.attempt, event.host, event.pid, batch.moment(event.at))
    batch.forget_jobs()


@handles(events.JobConnected)
def job_connected(event: events.JobConnected, batch: Batch) -> None:
    progress.record_connected(event.session, event.attempt, batch.moment(event.at))


@handles(events.FirstVideoPublished)
def first_video_published(event: events.FirstVideoPublished, batch: Batch) -> None:
    progress.record_first_video(event.session, event.attempt, batch.moment(event.at))


@handles(events.JobReady)
def job_ready(event: events.JobReady, batch: Batch) -> None:
    progress.record_ready(event.session, event.attempt, batch.moment(event.at))


@handles(events.GreetingStarted)
def greeting_started(event: events.GreetingStarted, batch: Batch) -> None:
    progress.record_greeted(event.session, event.identity, batch.moment(event.at))


@handles(events.TurnCompleted)
def turn_completed(event: events.TurnCompleted, batch: Batch) -> None:
    figures = event.model_dump(exclude={"source", "seq", "at", "session", "attempt", "kind", "identity"})
    session, at = batch.session(event.session), batch.moment(event.at)
    batch.add(Turn(session_id=session.pk, at=at, **figures))
    batch.changed.add(event.session)
    if event.first_sound_ms is not None:
        parts = ("end_of_turn_ms", "recognised_ms", "answer_ms", "voice_ms")
        parts_ms = {part: value for part in parts if (value := getattr(event, part)) is not None}
        batch.observed.append(TurnSeen(session, at, event.first_sound_ms, parts_ms))


@handles(events.JobEnded)
def job_ended(event: events.JobEnded, batch: Batch) -> None:
    progress.record_job_ended(event.session, event.attempt, batch.moment(event.at), event.error)
    batch.forget_jobs()
    batch.frames.pop(event.session, None)
    batch.observed.append(JobGone(batch.session(event.session)))


@handles(events.AnswersDegraded)
def answers_degraded(event: events.AnswersDegraded, batch: Batch) -> None:
    session, at = batch.session(event.session), batch.moment(event.at)
    progress.record_warning(event.session, at, event.detail)
    batch.observed.append(ProviderFailed(session, at, event.detail))


@handles(events.JobNotice)
def job_notice(event: events.JobNotice, batch: Batch) -> None:
    progress.record_warning(event.session, batch.moment(event.at), event.sentence)


# -- modes ----------------------------------------------------------------------------------------------------------


@handles(events.SwitchFinished)
def switch_finished(event: events.SwitchFinished, batch: Batch) -> None:
    switches.record_switch(
        event.switch, SwitchOutcome(event.outcome), batch.moment(event.at), took_ms=event.took_ms, detail=event.detail
    )
    batch.changed.add(event.session)


@handles(events.SwitchSeen)
def switch_seen(event: events.SwitchSeen, batch: Batch) -> None:
    switches.record_gap(event.switch, event.gap_ms)


# -- providers --------------------------------------------------------------------------------------------------------


@handles(events.AvatarLost)
def avatar_lost(event: events.AvatarLost, batch: Batch) -> None:
    faces.record_lost(event.session, batch.moment(event.at), event, is_late=batch.is_late)
    batch.observed.append(ProviderFailed(batch.session(event.session), batch.moment(event.at), event.sentence))


@handles(events.AvatarTakenOver)
def avatar_taken_over(event: events.AvatarTakenOver, batch: Batch) -> None:
    at = batch.moment(event.at)
    faces.record_taken_over(event.session, event.attempt, at, event.provider, event.took_ms, is_late=batch.is_late)


@handles(events.AvatarBack)
def avatar_back(event: events.AvatarBack, batch: Batch) -> None:
    faces.record_back(event.session, event.attempt, batch.moment(event.at), event.provider, event.away_ms)


@handles(events.ProviderConversation)
def provider_conversation(event: events.ProviderConversation, batch: Batch) -> None:
    session, at = batch.session(event.session).pk, batch.moment(event.at)
    if event.change == "opened":
        conversations.record_opened(session, event.provider, event.conversation, at, attempt=event.attempt)
    else:
        conversations.record_ended(session, event.provider, event.conversation, at)


@handles(events.ProviderMeasured)
def provider_measured(event: events.ProviderMeasured, batch: Batch) -> None:
    figures = event.model_dump(include={"provider", "answered_ms", "joined_ms", "voice_delay_ms"})
    batch.add(ProviderReading(session_id=batch.session(event.session).pk, at=batch.moment(event.at), **figures))
    if event.joined_ms is not None:  # figures of speeches are fetched with the turns
        batch.changed.add(event.session)


# -- steps ----------------------------------------------------------------------------------------------------------


@handles(events.StepStarted)
def step_started(event: events.StepStarted, batch: Batch) -> None:
    session, at = batch.session(event.session), batch.moment(event.at)
    begin = {
        **event.model_dump(include={"parent", "key", "label", "rss_before_bytes", "uss_before_bytes"}),
        "started_at": at,
    }
    if not (batch.is_late and _steps(session, event).filter(key=UNNAMED).update(**begin)):
        batch.observed.append(StepSeen(session, event.attempt, event.step, at, event.key, event.label))
        batch.add_step(WorkflowStep(session_id=session.pk, attempt=event.attempt, number=event.step, **begin))
    batch.changed.add(event.session)


@handles(events.StepFinished)
def step_finished(event: events.StepFinished, batch: Batch) -> None:
    outcome = {
        "status": event.status,
        "duration_ms": event.duration_ms,
        "rss_after_bytes": event.rss_after_bytes,
        "uss_after_bytes": event.uss_after_bytes,
        "metadata": event.metadata,
        "error": event.error or "",
    }
    session, ended_at = batch.session(event.session), batch.moment(event.at)
    if step := batch.new_step(session.pk, event.attempt, event.step):
        for name, value in outcome.items():
            setattr(step, name, value)
    elif not _steps(session, event).update(**outcome):  # its begin is late or lost
        started_at = ended_at - timedelta(milliseconds=event.duration_ms)
        label = _("Step %(n)d") % {"n": event.step}
        begin = {"number": event.step, "key": UNNAMED, "label": label, "started_at": started_at}
        batch.add_step(WorkflowStep(session_id=session.pk, attempt=event.attempt, **begin, **outcome))
    batch.observed.append(StepSeen(session, event.attempt, event.step, ended_at, duration_ms=event.duration_ms))
    batch.changed.add(event.session)


def _steps(session: SessionRef, event: events.StepStarted | events.StepFinished) -> QuerySet[WorkflowStep]:
    """The event's step, where it is written."""
    return WorkflowStep.objects.filter(session=session.pk, attempt=event.attempt, number=event.step)


# -- frames ---------------------------------------------------------------------------------------------------------


@handles(events.FrameStats)
def frame_stats(event: events.FrameStats, batch: Batch) -> None:
    figures = event.model_dump(include=set(FRAME_FIGURES))
    session = batch.session(event.session)
    row = FrameSample(session_id=session.pk, at=batch.moment(event.at), **figures)
    batch.add(row)
    batch.remember_frames(event.session, batch.received_at, frame_figures(row))
    batch.observed += of_frames(row, session)


@handles(events.FrameOverrun)
def frame_overrun(event: events.FrameOverrun, batch: Batch) -> None:
    session, at = batch.session(event.session), batch.moment(event.at)
    session_pk = session.pk
    batch.observed.append(LateFrames(session, at, event.took_ms, event.budget_ms, event.count))
    told = SessionEvent.objects.filter(session=session_pk, kind=SessionEvent.Kind.FRAMES, at__gt=at - OVERRUN_PAUSE)
    if told.exists():
        return
    text = _("Frame generation took %(took)d ms; its budget is %(budget)d ms (%(count)d frames).")
    SessionEvent.objects.create(
        session_id=session_pk,
        at=at,
        kind=SessionEvent.Kind.FRAMES,
        text=text % {"took": round(event.took_ms), "budget": round(event.budget_ms), "count": event.count},
    )
    batch.changed.add(event.session)


# -- visitors ---------------------------------------------------------------------------------------------------------


@handles(events.VisitorJoined)
def visitor_joined(event: events.VisitorJoined, batch: Batch) -> None:
    progress.record_visitor_joined(event.session, event.identity, batch.moment(event.at))


@handles(events.VisitorLeft)
def visitor_left(event: events.VisitorLeft, batch: Batch) -> None:
    progress.record_visitor_left(event.session, event.identity, batch.moment(event.at))


@handles(events.VisitProgress)
def visit_progress(event: events.VisitProgress, batch: Batch) -> None:
    milestones = event.model_dump(include={"token_ms", "connected_ms", "first_frame_ms", "first_sound_ms"})
    progress.record_visit_progress(event.session, event.identity, batch.moment(event.at), **milestones)


@handles(events.VisitQualitySeen)
def visit_quality_seen(event: events.VisitQualitySeen, batch: Batch) -> None:
    session, at = batch.session(event.session), batch.moment(event.at)
    figures = event.quality.model_dump()
    batch.add(VisitSample(session_id=session.pk, identity=event.identity, at=at, **figures))
    if event.quality.av_offset_ms is not None:
        batch.observed.append(Reading("drift", at, abs(event.quality.av_offset_ms), session=session))
    stamp = at.isoformat(timespec="milliseconds")
    batch.messages.append(
        (session_topic(session.code), {"at": stamp, "visit": {"identity": event.identity, **figures}})
    )


@handles(events.MediaStats)
def media_stats(event: events.MediaStats, batch: Batch) -> None:
    figures = event.model_dump(exclude={"source", "seq", "at", "session", "attempt", "kind"})
    session, at = batch.session(event.session), batch.moment(event.at)
    batch.add(MediaSample(session_id=session.pk, at=at, **figures))
    stamp = at.isoformat(timespec="milliseconds")
    batch.messages.append((session_topic(session.code), {"at": stamp, "media": figures}))


# -- hosts ------------------------------------------------------------------------------------------------------------


@handles(events.WorkerStarted)
def worker_started(event: events.WorkerStarted, batch: Batch) -> None:
    # By the clock of Redis: freshness is judged here, and the host's clock may be off.
    workers.record_worker_started(event.host, event.pid, batch.received_at, event.provider_keys)


@handles(events.ProcessExited)
def process_exited(event: events.ProcessExited, batch: Batch) -> None:
    workers.record_process_exited(event.host, event.pid, event.role, batch.moment(event.at))
    batch.forget_jobs()


@handles(events.HostSample)
def host_sample(event: events.HostSample, batch: Batch) -> None:
    at, cpu = batch.moment(event.at), event.cpu
    row = host_row(event, at)
    batch.add(row)
    batch.observed += of_host(row)
    batch.host_seen(event.host, next((each.pid for each in event.processes if each.role == "worker"), None))

    stamp = at.isoformat(timespec="milliseconds")
    lines = []
    for process in event.processes:
        if process.role == "worker" and process.uss_bytes is not None:
            batch.observed.append(Reading("worker_growth", at, process.uss_bytes / MIB, host=event.host))
        session = batch.job_of(event.host, process.pid) if process.role == "job" else None
        if session is None:
            continue
        figures_kept = process.model_dump(exclude={"pid", "role", "minor_faults_per_s"})
        sample = SessionSample(session_id=session.pk, at=at, **figures_kept)
        batch.add(sample)
        if process.uss_bytes is not None:
            batch.observed.append(Reading("memory_growth", at, process.uss_bytes / MIB, session=session))
        figures = {"at": stamp, **process_figures(sample), **batch.frames_of(session.code)}
        if cpu.steal_percent is not None:
            figures["steal_percent"] = cpu.steal_percent
        batch.messages.append((session_topic(session.code), figures))
        lines.append({"code": session.code, "cpu_percent": process.cpu_percent})

    host: dict[str, Any] = {"at": stamp, "host": event.host, **host_figures(row)}
    batch.messages.append((OVERVIEW, {"host": host, "sessions": lines}))
    whole = host | event.model_dump(mode="json", include={"processes"}, exclude_none=True)
    if cpu.per_core_busy_percent is not None:
        whole["per_core_busy_percent"] = cpu.per_core_busy_percent
    batch.messages.append((host_topic(event.host), whole))
