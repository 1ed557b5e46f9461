"""The report of a session: how it went, in figures and words."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from statistics import fmean, median, quantiles
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import BaseModel, computed_field

from monitoring.models import HostSample, Report, WorkflowStep
from sessions.models import AvatarSession, EndReason
from sessions.models.avatar_session import milliseconds_between

CURVE_STEP_S: Final = 2.0
CURVE_POINTS: Final = 300
LONGEST_LISTS: Final = 3
STEAL_WORTH_SAYING_PERCENT: Final = 5.0
MAX_EVENTS: Final = 500


class Figures(BaseModel):
    """A reading over a whole session."""

    count: int
    median: float
    p95: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Figures | None":
        """The figures of the readings that are there; None without any."""
        known = [float(value) for value in values if value is not None]
        if not known:
            return None
        p95 = quantiles(known, n=20, method="inclusive")[-1] if len(known) > 1 else known[0]
        return cls(count=len(known), median=round(median(known), 2), p95=round(p95, 2), max=round(max(known), 2))


class StepLine(BaseModel):
    """A workflow step; `started_ms` counts from the request, a memory gain is USS where measured, else RSS."""

    attempt: int
    number: int
    parent: int | None
    key: str
    label: str
    status: str
    started_ms: float
    duration_ms: float | None
    memory_delta_bytes: int | None
    rss_before_bytes: int | None
    rss_after_bytes: int | None
    metadata: dict[str, Any]
    error: str


class VisitLine(BaseModel):
    """A visit with its chain, in milliseconds since the visitor's click."""

    name: str
    joined_at: datetime | None
    left_at: datetime | None
    stay_s: float | None
    was_greeted: bool
    token_ms: float | None
    connected_ms: float | None
    first_frame_ms: float | None
    first_sound_ms: float | None


class EventLine(BaseModel):
    at: datetime
    kind: str
    text: str
    state: str
    by: str


class FrameTotals(BaseModel):
    """What the renderer did; a second over budget is one whose slowest frame took longer than `budget_ms`."""

    composed: int
    cached: int
    repeated: int
    seconds: int
    seconds_over_budget: int
    budget_ms: float
    frame_p95_ms: Figures | None


class Curves(BaseModel):
    """At most `CURVE_POINTS` points; `at_s` counts from the request.

    Within a point CPU, memory and rate are means, the rest maxima.
    """

    at_s: list[float] = []
    cpu_percent: list[float | None] = []
    uss_bytes: list[float | None] = []
    rss_bytes: list[float | None] = []
    steal_percent: list[float | None] = []
    fps: list[float | None] = []
    frame_p95_ms: list[float | None] = []


class Summary(BaseModel):
    """A session, summed up. Stored as JSON in `Report.summary`; what is computed is stored too, and computed anew when read."""

    profile: str
    profile_version: int
    mode: str
    mode_version: int
    language: str
    host: str
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    end_reason: str
    end_detail: str
    duration_s: float
    on_air_s: float | None
    attempts: int
    readiness: dict[str, float | None]  # `AvatarSession.readiness_ms`
    steps: list[StepLine]
    visits: list[VisitLine]
    events: list[EventLine]
    cpu_percent: Figures | None  # of one core
    rss_bytes: Figures | None
    pss_bytes: Figures | None
    uss_bytes: Figures | None
    steal_percent: Figures | None
    iowait_percent: Figures | None
    frames: FrameTotals | None
    curves: Curves

    @computed_field  # type: ignore[prop-decorator]
    @property
    def slowest(self) -> list[StepLine]:
        """The steps that took longest, the longest first."""
        timed = [step for step in self.steps if step.duration_ms is not None]
        return sorted(timed, key=lambda step: -(step.duration_ms or 0))[:LONGEST_LISTS]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def memory_hungry(self) -> list[StepLine]:
        """The steps that gained most memory, the hungriest first."""
        gained = [step for step in self.steps if (step.memory_delta_bytes or 0) > 0]
        return sorted(gained, key=lambda step: -(step.memory_delta_bytes or 0))[:LONGEST_LISTS]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def steps_duration_ms(self) -> float:
        """From the first step's begin to the last step's end."""
        if not self.steps:
            return 0.0
        return max(step.started_ms + (step.duration_ms or 0) for step in self.steps) - self.steps[0].started_ms

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """How it went, in words, in the reader's language."""
        ready_ms = self.readiness.get("ready_ms")
        if ready_ms is None:
            why = self.end_detail or str(EndReason(self.end_reason).label if self.end_reason else "")
            return _("It never became ready. %(why)s") % {"why": why}
        parts = [_("Ready in %(s)s s.") % {"s": _seconds(ready_ms)}, self._about_visitors()]
        if self.attempts > 1:
            parts.append(
                ngettext("Started again once.", "Started again %(n)d times.", self.attempts - 1)
                % {"n": self.attempts - 1}
            )
        if self.frames and self.frames.seconds_over_budget:
            n = self.frames.seconds_over_budget
            parts.append(ngettext("%(n)d second with late frames.", "%(n)d seconds with late frames.", n) % {"n": n})
        if self.steal_percent and self.steal_percent.max >= STEAL_WORTH_SAYING_PERCENT:
            parts.append(_("CPU steal reached %(max).0f\u00a0%%.") % {"max": self.steal_percent.max})
        if self.end_reason in (EndReason.AGENT_LOST, EndReason.FAILED, EndReason.PROVIDER_FAILED):
            parts.append(self.end_detail or str(EndReason(self.end_reason).label))
        return " ".join(parts)

    def _about_visitors(self) -> str:
        came = [visit for visit in self.visits if visit.joined_at is not None]
        if not came:
            return _("Nobody came.")
        count = ngettext("%(n)d visitor", "%(n)d visitors", len(came)) % {"n": len(came)}
        frames = Figures.of(visit.first_frame_ms for visit in came)
        if frames is None:
            return _("%(visitors)s.") % {"visitors": count}
        return _("%(visitors)s, who saw the face %(s)s s after their click.") % {
            "visitors": count,
            "s": _seconds(frames.median),
        }


def summarize(session: AvatarSession) -> Summary:
    """Sum a session up from its rows, over or not."""
    end = session.ended_at or timezone.now()
    rows: Any = session  # monitoring's rows hang on the session by reverse relation
    samples = _readings(rows.samples, "at", "cpu_percent", "rss_bytes", "pss_bytes", "uss_bytes")
    frames = _readings(
        rows.frame_samples, "at", "composed", "cached", "repeated", "frame_p95_ms", "frame_max_ms", "budget_ms"
    )
    hosts = _readings(
        HostSample.objects.filter(host=session.host, at__range=(session.requested_at, end)),
        "at",
        "steal_percent",
        "iowait_percent",
    )
    return Summary(
        profile=session.profile_name,
        profile_version=session.profile_version.number,
        mode=session.mode_slug,
        mode_version=session.mode_version.number,
        language=session.language,
        host=session.host,
        requested_by=session.requested_by,
        requested_at=session.requested_at,
        ended_at=session.ended_at,
        end_reason=session.end_reason,
        end_detail=session.state_detail,
        duration_s=(end - session.requested_at).total_seconds(),
        on_air_s=None if session.ready_at is None else (end - session.ready_at).total_seconds(),
        attempts=session.attempt,
        readiness=session.readiness_ms(),
        steps=[_step_line(session, step) for step in rows.steps.all()],
        visits=[_visit_line(visit) for visit in rows.visits.all()],
        events=[
            EventLine(at=each.at, kind=each.kind, text=each.text, state=each.state, by=each.by)
            for each in rows.events.all()[:MAX_EVENTS]
        ],
        **{
            name: Figures.of(getattr(row, name) for row in samples)
            for name in ("cpu_percent", "rss_bytes", "pss_bytes", "uss_bytes")
        },
        **{name: Figures.of(getattr(row, name) for row in hosts) for name in ("steal_percent", "iowait_percent")},
        frames=_frame_totals(frames),
        curves=_curves(session.requested_at, end, samples, frames, hosts),
    )


def report_of(session: AvatarSession) -> Summary:
    """The kept report of a session, or what it would say now."""
    kept = Report.objects.filter(session=session).first()
    return summarize(session) if kept is None else Summary.model_validate(kept.summary)


def _readings(rows: Any, *columns: str) -> list[Any]:
    """Those columns of all rows in order, as named tuples: a long session has ten thousands."""
    return list(rows.values_list(*columns, named=True).iterator())


def _step_line(session: AvatarSession, step: WorkflowStep) -> StepLine:
    same = (
        "attempt",
        "number",
        "parent",
        "key",
        "label",
        "status",
        "duration_ms",
        "memory_delta_bytes",
        "metadata",
        "error",
    )
    return StepLine(
        **{name: getattr(step, name) for name in same},
        started_ms=milliseconds_between(session.requested_at, step.started_at) or 0.0,
        rss_before_bytes=step.rss_before_bytes,
        rss_after_bytes=step.rss_after_bytes,
    )


def _visit_line(visit: Any) -> VisitLine:
    stay_ms = milliseconds_between(visit.joined_at, visit.left_at) if visit.joined_at else None
    same = ("name", "joined_at", "left_at", "token_ms", "connected_ms", "first_frame_ms", "first_sound_ms")
    return VisitLine(
        **{name: getattr(visit, name) for name in same},
        was_greeted=visit.greeted_at is not None,
        stay_s=None if stay_ms is None else stay_ms / 1000,
    )


def _frame_totals(frames: Sequence[Any]) -> FrameTotals | None:
    if not frames:
        return None
    return FrameTotals(
        **{name: sum(getattr(row, name) for row in frames) for name in ("composed", "cached", "repeated")},
        seconds=len(frames),
        seconds_over_budget=sum((row.frame_max_ms or 0) > row.budget_ms for row in frames),
        budget_ms=frames[-1].budget_ms,
        frame_p95_ms=Figures.of(row.frame_p95_ms for row in frames),
    )


def _curves(
    start: datetime, end: datetime, samples: Sequence[Any], frames: Sequence[Any], hosts: Sequence[Any]
) -> Curves:
    """One point in two seconds, or fewer where a session was long: a reading that is a little late leaves no hole."""
    length_s = max(1.0, (end - start).total_seconds())
    step_s = max(CURVE_STEP_S, length_s / CURVE_POINTS)
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
        steal_percent=thin(((row.at, row.steal_percent) for row in hosts), max),
        fps=thin(((row.at, row.composed + row.cached + row.repeated) for row in frames), fmean),
        frame_p95_ms=thin(((row.at, row.frame_p95_ms) for row in frames), max),
    )


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f}"
