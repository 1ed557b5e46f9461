"""The report of a session: its rows, summed up."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from heapq import nlargest
from statistics import fmean, median
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from monitoring.models import Alert, Report, SessionDigest, WorkflowStep
from monitoring.reports.absences import absence_lines
from monitoring.reports.hosted import hosted_lines
from monitoring.reports.lines import (
    AlertLine,
    Answers,
    Curves,
    EventLine,
    Figures,
    FrameTotals,
    HitchLine,
    HitchTotal,
    Received,
    StepLine,
    TurnLine,
    VisitLine,
)
from monitoring.reports.readings import Readings, readings_of
from monitoring.reports.summaries import Summary
from monitoring.samples.queries import usual_step_durations_ms
from monitoring.switching.switches import switch_lines
from sessions.models import AvatarSession
from sessions.models.avatar_session import milliseconds_between

CURVE_STEP_S: Final = 2.0
CURVE_POINTS: Final = 300
MAX_EVENTS: Final = 500
MAX_TURNS: Final = 500
MAX_HITCHES: Final = 500
MAX_ALERTS: Final = 100
FRAME_COUNTS: Final = ("composed", "cached", "repeated")
SEEN: Final = ("av_offset_ms", "fps", "freezes", "freeze_ms", "jitter_ms", "lost_percent")  # at visitors' browsers
USUAL_OF: Final = 40  # earlier sessions


def summarize(session: AvatarSession) -> Summary:
    """Sum a session up from its rows, over or not."""
    end = session.ended_at or timezone.now()
    rows: Any = session  # monitoring's rows hang on the session by reverse relation
    found = readings_of(session, end)
    hosts = found.hosts
    turns = list(rows.turns.all())
    seen = list(rows.visit_samples.values_list(*SEEN, named=True))
    away = absence_lines(session, end)
    hitches = [HitchLine.model_validate(each, from_attributes=True) for each in rows.hitches.all()]
    usual = usual_step_durations_ms(session.mode_version.mode)
    return Summary(
        profile=session.profile_name,
        profile_version=session.profile_version.number,
        provider=session.profile_version.provider,
        mode=session.mode_slug,
        mode_version=session.mode_version.number,
        language=session.language,
        host=session.host,
        cores=hosts[-1].cores if hosts else None,
        requested_by=session.requested_by,
        requested_at=session.requested_at,
        ended_at=session.ended_at,
        end_reason=session.end_reason,
        end_detail=session.state_detail,
        duration_s=(end - session.requested_at).total_seconds(),
        on_air_s=None if session.ready_at is None else (end - session.ready_at).total_seconds(),
        attempts=session.attempt,
        readiness=session.readiness_ms(),
        usual_ready_ms=_usual_ready_ms(session),
        steps=[_step_line(session, step, usual.get(step.key)) for step in rows.steps.all()],
        visits=[_visit_line(visit) for visit in rows.visits.all()],
        events=[
            EventLine(at=each.at, kind=each.kind, text=each.text, state=each.state, by=each.by)
            for each in rows.events.all()[:MAX_EVENTS]
        ],
        turns=[TurnLine.model_validate(turn, from_attributes=True) for turn in turns[:MAX_TURNS]],
        answers=_answers(turns),
        switches=switch_lines(session),
        absences=away,
        hosted=hosted_lines(session, away),
        alerts=_alerts(session, end),
        hitches=sorted(nlargest(MAX_HITCHES, hitches, key=lambda hitch: hitch.lost_ms), key=lambda hitch: hitch.at),
        hitch_totals=HitchTotal.of(hitches),
        drift_ms=Figures.of(abs(each.av_offset_ms) for each in seen if each.av_offset_ms is not None),
        received=Received.of(seen),
        **{
            name: Figures.of(getattr(row, name) for row in found.samples)
            for name in ("cpu_percent", "rss_bytes", "pss_bytes", "uss_bytes")
        },
        steal_percent=Figures.of(row.steal for row in hosts),
        iowait_percent=Figures.of(row.iowait_percent for row in hosts),
        frames=_frame_totals(found),
        curves=_curves(session.requested_at, end, found),
    )


def report_of(session: AvatarSession) -> Summary:
    """The kept report of a session, or what it would say now."""
    kept = Report.objects.filter(session=session).first()
    return summarize(session) if kept is None else Summary.model_validate(kept.summary)


def _usual_ready_ms(session: AvatarSession) -> float | None:
    earlier = SessionDigest.objects.filter(
        mode=session.mode_version.mode, host=session.host, requested_at__lt=session.requested_at
    ).exclude(ready_ms=None)
    known = list(earlier.order_by("-requested_at").values_list("ready_ms", flat=True)[:USUAL_OF])
    return round(median(value for value in known if value is not None), 1) if known else None


def _step_line(session: AvatarSession, step: WorkflowStep, usual_ms: float | None) -> StepLine:
    same = (
        "attempt",
        "number",
        "parent",
        "key",
        "label",
        "status",
        "duration_ms",
        "memory_delta_bytes",
        "rss_before_bytes",
        "rss_after_bytes",
        "uss_before_bytes",
        "uss_after_bytes",
        "metadata",
        "error",
    )
    return StepLine(
        **{name: getattr(step, name) for name in same},
        started_ms=milliseconds_between(session.requested_at, step.started_at) or 0.0,
        usual_ms=usual_ms,
    )


def _visit_line(visit: Any) -> VisitLine:
    stay_ms = milliseconds_between(visit.joined_at, visit.left_at) if visit.joined_at else None
    same = ("name", "joined_at", "left_at", "token_ms", "connected_ms", "first_frame_ms", "first_sound_ms")
    return VisitLine(
        **{name: getattr(visit, name) for name in same},
        was_greeted=visit.greeted_at is not None,
        stay_s=None if stay_ms is None else stay_ms / 1000,
    )


def _alerts(session: AvatarSession, end: datetime) -> list[AlertLine]:
    """Those of the session, and those of its host that were open while it ran."""
    of_host = Q(session=None, host=session.host, raised_at__lte=end)
    while_it_ran = of_host & (Q(cleared_at=None) | Q(cleared_at__gte=session.requested_at))
    found = Alert.objects.filter(Q(session=session) | while_it_ran).order_by("raised_at")[:MAX_ALERTS]
    same = ("rule", "severity", "raised_at", "cleared_at", "value", "worst", "detail", "note")
    return [
        AlertLine(of_host=each.session_id is None, **{name: getattr(each, name) for name in same}) for each in found
    ]


def _answers(turns: Sequence[Any]) -> Answers | None:
    if not turns:
        return None
    spoken = [turn for turn in turns if not turn.typed]
    return Answers(
        turns=len(turns),
        unanswered=sum(turn.first_sound_ms is None for turn in turns),
        interrupted=sum(turn.interrupted for turn in turns),
        end_of_turn_ms=Figures.of(turn.end_of_turn_ms for turn in spoken),
        recognised_ms=Figures.of(turn.recognised_ms for turn in spoken),
        answer_ms=Figures.of(turn.answer_ms for turn in turns),
        voice_ms=Figures.of(turn.voice_ms for turn in turns),
        whole_ms=Figures.of(turn.first_sound_ms for turn in turns),
    )


def _frame_totals(found: Readings) -> FrameTotals | None:
    frames = found.frames
    if not frames:
        return None
    counts = {name: sum(getattr(row, name) for row in frames) for name in FRAME_COUNTS} if found.has_counts else {}
    return FrameTotals(
        **counts,
        seconds=len(frames) * found.span_s,
        seconds_over_budget=sum(row.seconds_over_budget for row in frames),
        budget_ms=frames[-1].budget_ms,
        frame_p95_ms=Figures.of(row.frame_p95_ms for row in frames),
    )


def _curves(start: datetime, end: datetime, found: Readings) -> Curves:
    """One point in two seconds, or fewer where a session was long: a reading that is a little late leaves no hole."""
    samples, frames, hosts = found.samples, found.frames, found.hosts
    length_s = max(1.0, (end - start).total_seconds())
    step_s = max(CURVE_STEP_S, float(found.span_s), length_s / CURVE_POINTS)
    points = min(CURVE_POINTS, int(length_s / step_s) + 1)

    def thin(
        readings: Iterable[tuple[datetime, float | None]], merge: Callable[[Sequence[float]], float]
    ) -> list[float | None]:
        buckets: list[list[float]] = [[] for _ in range(points)]
        for at, value in readings:
            if value is not None:
                place = int((at - start).total_seconds() / step_s)
                buckets[min(max(place, 0), points - 1)].append(value)
        return [round(merge(bucket), 2) if bucket else None for bucket in buckets]

    return Curves(
        at_s=[round(index * step_s, 1) for index in range(points)],
        cpu_percent=thin(((row.at, row.cpu_percent) for row in samples), fmean),
        uss_bytes=thin(((row.at, row.uss_bytes) for row in samples), fmean),
        rss_bytes=thin(((row.at, row.rss_bytes) for row in samples), fmean),
        user_percent=thin(((row.at, row.user_percent) for row in hosts), fmean),
        system_percent=thin(((row.at, row.system_percent) for row in hosts), fmean),
        iowait_percent=thin(((row.at, row.iowait_percent) for row in hosts), fmean),
        steal_percent=thin(((row.at, row.steal) for row in hosts), max),
        fps=thin(((row.at, row.fps) for row in frames), fmean),
        frame_p95_ms=thin(((row.at, row.frame_p95_ms) for row in frames), max),
    )
