"""What pages, REST and reports read of the samples and steps. Units stand in the names; a missing reading is left out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from monitoring.models import FrameSample, HostSample, SessionSample, WorkflowStep
from monitoring.samples.figures import FRAMES_FRESH_FOR, frame_figures, host_figures, process_figures
from sessions.models import AgentWorker, AvatarSession, DeploymentMode
from sessions.models.avatar_session import LIVE_STATES, milliseconds_between

STARVED_PERCENT: Final = 10.0
BUSY_PERCENT: Final = 90.0
BUSY_FOR: Final = 10  # samples
CLOCK_SLACK: Final = timedelta(seconds=5)
USUAL_STEPS_OF: Final = timedelta(days=14)
USUAL_STEPS_OF_SESSIONS: Final = 100
USUAL_STEPS_OF_ONE: Final = 5  # of one key, the newest
USUAL_WAITS_OF_SESSIONS: Final = 40
MILESTONES: Final = (
    "requested_at", "dispatched_at", "process_started_at", "connected_at", "first_video_at", "ready_at",
)  # fmt: skip
# What is waited for -> between which milestones. A later attempt counts from its begin, as the first does from the request.
WAITS: Final[dict[str, tuple[str, str]]] = {
    **{end.removesuffix("_at"): (begin, end) for begin, end in pairwise(MILESTONES)},
    "process_started_since_begin": ("requested_at", "process_started_at"),
    "ready_since_begin": ("requested_at", "ready_at"),
}


def samples_of(session: AvatarSession, since: datetime | None = None, limit: int = 600) -> list[dict[str, Any]]:
    """A session's seconds in order: `at`, CPU (percent of one core), memory, the host's steal, frame figures.

    With `since`, the first `limit` after it; without, the last `limit`. A job whose host has no sampler has frame figures only.
    """
    model = SessionSample if SessionSample.objects.filter(session=session).exists() else FrameSample
    found: Any = model._default_manager.filter(session=session)
    # Taken from the end and turned round, or taken from where the caller left off.
    rows = list(found.filter(at__gt=since).order_by("at")[:limit] if since else found.order_by("-at")[:limit])
    if since is None:
        rows.reverse()
    if not rows:
        return []
    span = (rows[0].at - FRAMES_FRESH_FOR, rows[-1].at)
    hosts = HostSample.objects.filter(host=session.host, at__range=span).exclude(steal_percent=None)
    steal = dict(hosts.values_list("at", "steal_percent"))
    frames = list(FrameSample.objects.filter(session=session, at__range=span).order_by("at"))
    points, last = [], 0
    for row in rows:
        while last + 1 < len(frames) and frames[last + 1].at <= row.at:
            last += 1
        point: dict[str, Any] = {"at": row.at}
        if isinstance(row, SessionSample):
            point |= process_figures(row)
        if frames and timedelta(0) <= row.at - frames[last].at < FRAMES_FRESH_FOR:
            point |= frame_figures(frames[last])
        if row.at in steal:
            point["steal_percent"] = steal[row.at]
        points.append(point)
    return points


def within(span: timedelta, now: datetime | None = None) -> Q:
    """Rows of the last `span`: those stored before a clock was set back lie ahead, and say nothing of now."""
    now = now or timezone.now()
    return Q(at__gt=now - span, at__lte=now + CLOCK_SLACK)


def recent_host_samples(host: str, seconds: int = 300) -> list[dict[str, Any]]:
    """A host's last seconds in order: `at`, CPU shares (percent of all cores), load, memory, `agent_pss_bytes`."""
    rows = HostSample.objects.filter(within(timedelta(seconds=seconds)), host=host)
    return [{"at": row.at, **host_figures(row)} for row in rows.order_by("at")]


def usual_durations_ms(session: AvatarSession) -> dict[str, float]:
    """How long a session's waits usually take in its mode, milliseconds: steps by key, milestones on its host by `WAITS`."""
    return {**_usual_waits_ms(session), **usual_step_durations_ms(session.mode_version.mode)}


def usual_step_durations_ms(mode: DeploymentMode) -> dict[str, float]:
    """Median duration of each step key over the mode's recent sessions, milliseconds; what one did often counts a few times."""
    recent = _recent_in(mode).order_by("-requested_at").values("pk")[:USUAL_STEPS_OF_SESSIONS]
    nth = Window(RowNumber(), partition_by=("session", "key"), order_by=F("started_at").desc())
    rows = (
        WorkflowStep.objects.filter(session__in=recent, status=WorkflowStep.Status.COMPLETED, duration_ms__isnull=False)
        .annotate(nth=nth)
        .filter(nth__lte=USUAL_STEPS_OF_ONE)
        .order_by()
    )
    return _medians(rows.values_list("key", "duration_ms"))


def _usual_waits_ms(session: AvatarSession) -> dict[str, float]:
    others = _recent_in(session.mode_version.mode).filter(host=session.host).exclude(pk=session.pk)
    found = []
    for times in others.order_by("-requested_at").values(*MILESTONES)[:USUAL_WAITS_OF_SESSIONS]:
        for key, (begin, end) in WAITS.items():
            took_ms = milliseconds_between(times[begin], times[end]) if times[begin] else None
            if took_ms is not None and took_ms >= 0:
                found.append((key, took_ms))
    return _medians(found)


def _recent_in(mode: DeploymentMode) -> QuerySet[AvatarSession]:
    since = timezone.now() - USUAL_STEPS_OF
    return AvatarSession.objects.filter(mode_version__mode=mode, requested_at__gt=since)


def _medians(durations: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    by_key: dict[str, list[float]] = {}
    for key, duration_ms in durations:
        by_key.setdefault(key, []).append(duration_ms or 0.0)
    return {key: median(values) for key, values in by_key.items()}


@dataclass(frozen=True)
class HostSummary:
    """A host as the overview shows it. `samples` are its last minute (`recent_host_samples`), `now` the last of them."""

    worker: AgentWorker
    live_sessions: int
    free_places: int
    samples: list[dict[str, Any]]

    @property
    def now(self) -> dict[str, Any]:
        return self.samples[-1] if self.samples else {}

    @property
    def is_reporting(self) -> bool:
        """True where the host's sampler was heard in the last few seconds."""
        seen_at = self.worker.host_seen_at
        return seen_at is not None and timezone.now() - seen_at < AgentWorker.FRESH_FOR

    @property
    def busy_percent(self) -> float | None:
        """CPU in use by anybody on this machine, percent of all cores; steal is not in it."""
        return _busy_percent(self.now)

    @property
    def condition(self) -> str:
        """`silent`: nobody knows; `adrift`: it reports of another time; `starved`: steal takes its CPU; `busy`: hardly any CPU is
        left; else `well`."""
        if not self.is_reporting:
            return "silent"
        if not self.samples:
            return "adrift"
        if (self.now.get("steal_percent") or 0) >= STARVED_PERCENT:
            return "starved"
        known = [busy for sample in self.samples[-BUSY_FOR:] if (busy := _busy_percent(sample)) is not None]
        return "busy" if known and fmean(known) >= BUSY_PERCENT else "well"


def _busy_percent(sample: dict[str, Any]) -> float | None:
    parts = [sample.get(f"{kind}_percent") for kind in ("user", "system")]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def host_summaries() -> list[HostSummary]:
    """All known hosts, by name."""
    live = list(AvatarSession.objects.filter(state__in=LIVE_STATES).values_list("host", flat=True))
    return [
        HostSummary(
            worker=worker,
            live_sessions=live.count(worker.host),
            free_places=max(0, settings.MAX_SESSIONS_PER_HOST - live.count(worker.host)),
            samples=recent_host_samples(worker.host, 60),
        )
        for worker in AgentWorker.objects.all()
    ]
