"""`GET /metrics`: how sessions, hosts and telemetry are, for Prometheus, in its own units: seconds, bytes, ratios.

Read from the database at each scrape, so that every web process answers the same.
"""

from collections.abc import Iterator
from datetime import timedelta
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db.models import Count, Max, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from monitoring.actions.removed import all_totals, freezes_of
from monitoring.models import (
    Alert,
    EventSource,
    FrameSample,
    HostSample,
    MediaSample,
    SessionSample,
    Turn,
    VisitSample,
)
from monitoring.samples.queries import within
from operators.access import require
from operators.models import ApiToken, Role
from sessions.models import AgentWorker, AvatarSession, Visit
from sessions.models.avatar_session import LIVE_STATES, milliseconds_between

if TYPE_CHECKING:
    from prometheus_client.core import Metric

RECENT: Final = timedelta(minutes=5)
FRESH: Final = timedelta(seconds=10)
TRAVEL_FRESH: Final = timedelta(seconds=25)  # told every ten seconds
BYTES_PER_KBIT: Final = 125
OF_SESSION: Final = ("session", "profile", "mode", "host")
CPU_KINDS: Final = ("user", "system", "iowait", "steal")
PRESSURES: Final = ("cpu", "memory", "io")
Labels = tuple[str, str, str, str]


@login_not_required
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For bearers of an API token, as the REST API: 401 without a known one."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    token = ApiToken.find(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        refusal = HttpResponse(
            "This needs an API token: Authorization: Bearer …\n", status=401, content_type="text/plain"
        )
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    require(token, Role.VIEWER)
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

    registry = CollectorRegistry()
    registry.register(Collector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Collector:
    """Everything that is exported, a function a subject."""

    def collect(self) -> "Iterator[Metric]":
        yield from _totals()
        yield from _sessions()
        yield from _hosts()
        live = _live_sessions()
        yield from _jobs(live)
        yield from _sent(live)
        yield from _received(live)
        yield from _answers()
        yield from _telemetry()


def _gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(f"avatary_{name}", text, labels=labels)


def _counter(name: str, text: str, labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(f"avatary_{name}", text, labels=labels)


def _totals() -> "Iterator[Metric]":
    """Since the installation began, also of sessions that were deleted."""
    counters = {
        "sessions_started": _counter("sessions_started", "Sessions that were asked for."),
        "sessions_ended": _counter("sessions_ended", "Sessions that are over, by why.", ("reason",)),
        "hitches": _counter("hitches", "Late frames, slow answers and slow steps, by cause.", ("kind", "cause")),
        "turns": _counter("turns", "Questions of visitors."),
    }
    for (name, labels), count in all_totals().items():
        counters[name].add_metric(labels, count)
    yield from counters.values()


def _sessions() -> "Iterator[Metric]":
    live = _gauge("sessions", "Live sessions by state and mode.", ("state", "mode", "host"))
    found = AvatarSession.objects.filter(state__in=LIVE_STATES).order_by()
    for state, mode, host, n in found.values_list("state", "mode_version__mode__slug", "host").annotate(n=Count("pk")):
        live.add_metric((state, mode, host), n)
    yield live
    visitors = _gauge("visitors", "Visitors who are in a room.")
    visitors.add_metric(
        (), Visit.objects.filter(left_at=None, session__state__in=LIVE_STATES).exclude(joined_at=None).count()
    )
    yield visitors
    alerts = _gauge("alerts", "Open alerts.", ("rule", "severity"))
    for rule, severity, n in (
        Alert.objects.filter(cleared_at=None).order_by().values_list("rule", "severity").annotate(n=Count("pk"))
    ):
        alerts.add_metric((rule, severity), n)
    yield alerts


def _hosts() -> "Iterator[Metric]":
    cpu = _gauge("host_cpu_ratio", "Share of all cores in the last second.", ("host", "kind"))
    cores = _gauge("host_cores", "Cores of the host.", ("host",))
    throttled = _gauge("host_cpu_throttled_ratio", "Part of the quota's periods in which it ran out.", ("host",))
    pressure = _gauge("host_pressure_ratio", "Part of the last second in which something waited.", ("host", "resource"))
    memory = _gauge("host_memory_bytes", "Memory that is used, and that may be used.", ("host", "kind"))
    swap = _gauge("host_swap_used_bytes", "Swap that is in use.", ("host",))
    load = _gauge("host_load1", "Processes that ran or waited to, mean of the last minute.", ("host",))
    network = _gauge(
        "host_network_bytes_per_second", "Traffic in the last second, loopback left out.", ("host", "direction")
    )
    agent = _gauge("host_agent_pss_bytes", "Proportional memory of all agent processes.", ("host",))
    disk = _gauge("host_disk_bytes", "The disk of the state folder.", ("host", "kind"))
    seen = _gauge("host_last_sample_timestamp_seconds", "When the host was heard last.", ("host",))
    for worker in AgentWorker.objects.exclude(host_seen_at=None):
        host = worker.host
        if worker.host_seen_at is not None:
            seen.add_metric((host,), worker.host_seen_at.timestamp())
        recent = HostSample.objects.filter(within(FRESH), host=host).order_by("-at")
        row = recent.first()
        if row is None:
            continue
        cores.add_metric((host,), row.cores)
        for kind in CPU_KINDS:
            _add(cpu, (host, kind), getattr(row, f"{kind}_percent"), 0.01)
        for resource in PRESSURES:
            _add(pressure, (host, resource), getattr(row, f"{resource}_pressure_percent"), 0.01)
        _add(throttled, (host,), row.throttled_percent, 0.01)
        _add(memory, (host, "used"), row.memory_used_bytes)
        _add(memory, (host, "limit"), row.memory_total_bytes)
        _add(swap, (host,), row.swap_used_bytes)
        _add(load, (host,), row.load_1m)
        for direction in ("received", "sent"):
            _add(network, (host, direction), getattr(row, f"{direction}_bytes_per_s"))
        _add(agent, (host,), row.agent_pss_bytes)
        with_disk = next((each for each in recent[:15] if each.disk_free_bytes is not None), None)
        if with_disk is not None:
            _add(disk, (host, "free"), with_disk.disk_free_bytes)
            _add(disk, (host, "total"), with_disk.disk_total_bytes)
    yield from (cpu, cores, load, throttled, pressure, memory, swap, agent, network, disk, seen)


def _live_sessions() -> dict[int, Labels]:
    """By their keys in the database."""
    live = AvatarSession.objects.filter(state__in=LIVE_STATES).select_related("profile_version", "mode_version__mode")
    return {each.pk: (str(each.code), each.profile_name, each.mode_slug, each.host) for each in live}


def _jobs(live: dict[int, Labels]) -> "Iterator[Metric]":
    cpu = _gauge("session_cpu_cores", "Cores that the session's process uses.", OF_SESSION)
    memory = _gauge("session_memory_bytes", "Memory of the session's process.", (*OF_SESSION, "kind"))
    rate = _gauge("session_frames_per_second", "Frames that were sent in the last second.", OF_SESSION)
    frame = _gauge("session_frame_seconds", "Time to make a frame, 95th percentile.", OF_SESSION)
    for session, of_it in live.items():
        sample = SessionSample.objects.filter(within(FRESH), session=session).order_by("-at").first()
        if sample is not None:
            _add(cpu, of_it, sample.cpu_percent, 0.01)
            for kind in ("rss", "pss", "uss"):
                _add(memory, (*of_it, kind), getattr(sample, f"{kind}_bytes"))
        frames = FrameSample.objects.filter(within(FRESH), session=session).order_by("-at").first()
        if frames is not None:
            _add(rate, of_it, frames.composed + frames.cached + frames.repeated)
            _add(frame, of_it, frames.frame_p95_ms, 0.001)
    yield from (cpu, memory, rate, frame)


def _sent(live: dict[int, Labels]) -> "Iterator[Metric]":
    """As LiveKit counts it at the job, over ten seconds."""
    rate = _gauge("session_sent_bytes_per_second", "Sound and picture that the job sends.", OF_SESSION)
    encoded = _gauge("session_encoded_frames_per_second", "Frames that left the encoder.", OF_SESSION)
    encode = _gauge("session_encode_seconds", "Time to encode a frame, mean.", OF_SESSION)
    lost = _gauge("session_sent_lost_ratio", "Packets that did not reach the server.", OF_SESSION)
    jitter = _gauge("session_sent_jitter_seconds", "Jitter on the way to the server.", OF_SESSION)
    round_trip = _gauge("session_round_trip_seconds", "From the job to the server and back.", OF_SESSION)
    fresh = MediaSample.objects.filter(within(TRAVEL_FRESH), session__in=live).order_by("at")
    for session, row in {row.session_id: row for row in fresh}.items():
        of_it = live[session]
        _add(rate, of_it, row.sent_kbps, BYTES_PER_KBIT)
        _add(encoded, of_it, row.encoded_fps)
        _add(encode, of_it, row.encode_ms, 0.001)
        _add(lost, of_it, row.lost_percent, 0.01)
        _add(jitter, of_it, row.jitter_ms, 0.001)
        _add(round_trip, of_it, row.round_trip_ms, 0.001)
    yield from (rate, encoded, encode, lost, jitter, round_trip)


def _received(live: dict[int, Labels]) -> "Iterator[Metric]":
    """As visitors' browsers tell it: of several visitors the worst, so that nobody becomes a label."""
    rate = _gauge("visitor_frames_per_second", "Frames that were shown, fewest of a session's visitors.", OF_SESSION)
    jitter = _gauge("visitor_jitter_seconds", "Jitter, most of a session's visitors.", OF_SESSION)
    lost = _gauge("visitor_lost_ratio", "Packets that were lost, most of a session's visitors.", OF_SESSION)
    freezes = _counter("visitor_freezes", "Pictures that stood still, of all visitors of a live session.", OF_SESSION)
    frozen = _counter("visitor_freeze_seconds", "How long they stood still together.", OF_SESSION)
    told = VisitSample.objects.filter(within(TRAVEL_FRESH), session__in=live).order_by().values_list("session")
    for session, fps, jitter_ms, lost_percent in told.annotate(Min("fps"), Max("jitter_ms"), Max("lost_percent")):
        _add(rate, live[session], fps)
        _add(jitter, live[session], jitter_ms, 0.001)
        _add(lost, live[session], lost_percent, 0.01)
    for session, (count, freeze_ms) in freezes_of(live).items():
        _add(freezes, live[session], count)
        _add(frozen, live[session], freeze_ms, 0.001)
    yield from (rate, jitter, lost, freezes, frozen)


def _answers() -> "Iterator[Metric]":
    since = timezone.now() - RECENT
    heard = Turn.objects.filter(at__gt=since).exclude(first_sound_ms=None).values_list("first_sound_ms", flat=True)
    answer = _gauge(
        "answer_seconds", "From a question's end to the answer's first sound, last 5 minutes.", ("quantile",)
    )
    _add_quantiles(answer, [value for value in heard if value is not None])
    yield answer
    starts = AvatarSession.objects.filter(ready_at__gt=since).values_list("requested_at", "ready_at")
    ready = _gauge("ready_seconds", "From the request to READY, last 5 minutes.", ("quantile",))
    _add_quantiles(ready, [value for times in starts if (value := milliseconds_between(*times)) is not None])
    yield ready
    seen = Visit.objects.filter(joined_at__gt=since).exclude(first_frame_ms=None)
    frame = _gauge("first_frame_seconds", "From the click on Talk to the first picture, last 5 minutes.", ("quantile",))
    _add_quantiles(frame, [value for value in seen.values_list("first_frame_ms", flat=True) if value is not None])
    yield frame


def _telemetry() -> "Iterator[Metric]":
    sums = EventSource.objects.aggregate(
        events=Sum("last_seq"), replayed=Sum("replayed"), missed=Sum("missed"), set_aside=Sum("set_aside")
    )
    texts = {
        "events": "Telemetry events that were taken.",
        "replayed": "Telemetry events that came again.",
        "missed": "Telemetry events that did not come in their turn.",
        "set_aside": "Telemetry events that could not be used.",
    }
    for name, text in texts.items():
        counter = _counter("telemetry_events" if name == "events" else f"telemetry_{name}", text)
        counter.add_metric((), sums[name] or 0)
        yield counter


def _add(family: Any, labels: tuple[str, ...], value: float | None, times: float = 1) -> None:
    """A reading that is missing is absent, never zero."""
    if value is not None:
        family.add_metric(labels, value * times)


def _add_quantiles(family: Any, milliseconds: list[float]) -> None:
    if not milliseconds:
        return
    p95 = quantiles(milliseconds, n=20, method="inclusive")[-1] if len(milliseconds) > 1 else milliseconds[0]
    _add(family, ("0.5",), median(milliseconds), 0.001)
    _add(family, ("0.95",), p95, 0.001)
