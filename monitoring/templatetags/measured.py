"""What monitoring adds to the pages of sessions, as tags: the sessions app itself never imports monitoring."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django import template
from django.utils import timezone

from monitoring.hosts.capacity import Capacity, capacity_in, room_on
from monitoring.models import HostSample, SessionDigest, SessionSample, Turn, WorkflowStep
from monitoring.panels import last_day as day
from monitoring.panels.sparklines import Spark, bars, bucketed, spark
from monitoring.panels.step_notes import note_of
from monitoring.panels.waterfall import Waterfall, waterfall
from monitoring.reports.absences import absence_lines
from monitoring.reports.hosted import HostedLine, hosted_lines
from monitoring.samples.queries import HostSummary, host_summaries, usual_durations_ms, within
from sessions.install import install
from sessions.models import AgentWorker, AvatarSession, DeploymentMode

register = template.Library()

HOUR: Final = timedelta(hours=1)
FIVE_MINUTES: Final = timedelta(minutes=5)
STEAL_TOP_PERCENT: Final = 25.0
RECENT_STARTS: Final = 40
LAST_ANSWERS: Final = 16
SLOW_ANSWER_MS: Final = 1_000.0
ANSWERS_TOP_MS: Final = 1_800.0


@register.simple_tag
def chain(session: AvatarSession, usual_ms: Mapping[str, float] | None = None) -> Waterfall:
    """The session's readiness chain, beside what its steps take usually, or did when its report was made."""
    return waterfall(session, usual_ms)


@register.simple_tag
def usual_durations(session: AvatarSession) -> dict[str, float]:
    """How long each step and milestone of the session usually takes in its mode, milliseconds, by key."""
    return usual_durations_ms(session)


@register.simple_tag
def step_notes(session: AvatarSession, steps: Iterable[WorkflowStep]) -> dict[int, str]:
    """What the job noted of each step, in words, by the step's key in the database."""
    names = dict(session.visits.values_list("identity", "name"))
    return {step.pk: note_of(step, names) for step in steps}


@register.simple_tag
def hosted_avatars(session: AvatarSession) -> list[HostedLine]:
    """How its hosted avatars did, so far or altogether."""
    return hosted_lines(session, absence_lines(session, session.ended_at or timezone.now()))


@register.filter
def of_key(values: dict[Any, Any], key: Any) -> Any:
    """`{{ usual|of_key:step.key }}`"""
    return values.get(key)


@register.inclusion_tag("monitoring/host_strip.html")
def host_strip() -> dict[str, Any]:
    """Every known host: how it is, CPU, steal and memory over the last hour, room in words."""
    return {"hosts": [host_figures_of(summary) for summary in host_summaries()]}


def host_figures_of(summary: HostSummary) -> dict[str, Any]:
    """A host's summary with its sparklines of the last hour."""
    start = timezone.now() - HOUR
    rows = list(
        HostSample.objects.filter(within(HOUR), host=summary.worker.host).values_list(
            "at", "user_percent", "system_percent", "steal_percent", "memory_used_bytes", "memory_total_bytes"
        )
    )
    total = next((row[5] for row in reversed(rows) if row[5]), 1)
    busy = [(at, None if user is None or system is None else user + system) for at, user, system, *_ in rows]
    steal = [(row[0], row[3]) for row in rows]
    memory = [(row[0], row[4]) for row in rows]
    return {
        "summary": summary,
        "now": summary.now,
        "cpu": _drawn(busy, start, HOUR, 100),
        "steal": _drawn(steal, start, HOUR, STEAL_TOP_PERCENT, max),
        "memory": _drawn(memory, start, HOUR, total),
        "capacity": _known_capacity(summary.worker.host),
    }


def _known_capacity(host: str) -> Capacity | None:
    """How many more fit in the default mode; None where only the limit of sessions is known."""
    mode = DeploymentMode.objects.filter(slug=install().default_mode, archived_at=None).exclude(current=None).first()
    capacity = capacity_in(mode, room_on(host)) if mode is not None else None
    return capacity if capacity is not None and (capacity.is_measured or capacity.is_beyond) else None


@register.inclusion_tag("monitoring/session_cpu.html")
def session_cpu(session: AvatarSession) -> dict[str, Any]:
    """A session's share of its host over the last five minutes, percent of all cores; none now where its job fell silent."""
    start = timezone.now() - FIVE_MINUTES
    cores = _cores_of(session.host)
    rows = (
        SessionSample.objects.filter(within(FIVE_MINUTES), session=session)
        .order_by("at")
        .values_list("at", "cpu_percent")
    )
    shares = [(at, None if value is None else value / cores) for at, value in rows]
    known = [value for _, value in shares if value is not None]
    top = max(30.0, *known) if known else 30.0
    return {
        "session": session,
        "cores": cores,
        "spark": _drawn(shares, start, FIVE_MINUTES, top, count=60),
        "now": shares[-1][1] if shares and timezone.now() - shares[-1][0] < AgentWorker.FRESH_FOR else None,
    }


@register.inclusion_tag("monitoring/session_answers.html")
def session_answers(session: AvatarSession) -> dict[str, Any]:
    """How long the last answers of a session took to be heard, oldest first, beside a line at a second."""
    found = Turn.objects.filter(session=session).exclude(first_sound_ms=None).order_by("-at")
    last_ms = [value for value in found.values_list("first_sound_ms", flat=True)[:LAST_ANSWERS] if value is not None]
    drawn, limit_y = bars(last_ms[::-1], SLOW_ANSWER_MS, ANSWERS_TOP_MS)
    return {"bars": drawn, "limit_y": limit_y, "last_s": last_ms[0] / 1000 if last_ms else None}


@register.simple_tag
def mode_figures(mode: DeploymentMode) -> dict[str, float | None]:
    """What the mode was measured at: median start to READY, and CPU of all cores of its host, over recent sessions."""
    recent = SessionDigest.objects.filter(mode=mode, switched=False).exclude(ready_ms=None).order_by("-requested_at")
    rows = list(recent.values_list("ready_ms", "cpu_percent", "host")[:RECENT_STARTS])
    cpu = [value for _, value, _ in rows if value is not None]
    return {
        "ready_ms": median(ready_ms for ready_ms, _, _ in rows if ready_ms is not None) if rows else None,
        "cpu_percent": median(cpu) / _cores_of(rows[0][2]) if cpu else None,
    }


@register.simple_tag
def last_hour() -> dict[str, Any]:
    """Lanes of the last hour, and steal."""
    return {"lanes": day.lanes(), "steal": day.steal_lane()}


@register.simple_tag
def last_day() -> dict[str, Any]:
    """Figures of the last 24 hours."""
    return day.last_day()


def _cores_of(host: str) -> int:
    last = HostSample.objects.filter(host=host).order_by("-at").values_list("cores", flat=True).first()
    return last or 1


def _drawn(
    readings: Sequence[tuple[datetime, float | None]],
    start: datetime,
    span: timedelta,
    top: float,
    combine: Any = None,
    count: int = 120,
) -> Spark:
    values = bucketed(readings, start, span, count, combine) if combine else bucketed(readings, start, span, count)
    return spark(values, top)
