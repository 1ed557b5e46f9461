"""What a session of a mode costs a host, from the sessions that ran there."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from monitoring.models import SessionDigest
from sessions.models import DeploymentMode

NEWEST: Final = 40  # sessions
ENOUGH: Final = 3  # sessions of the mode's present settings, to leave out those of earlier ones

Range = tuple[float, float]  # nine in ten sessions lie between


@dataclass(frozen=True)
class Cost:
    """Medians over `sessions` sessions. `cpu_cores` is a session's median second, `busy_cpu_cores` one of its busy seconds
    (its 95th percentile); both in whole cores. None is what those sessions never measured. `ranges` are by a figure's name, for
    those of which there are enough."""

    sessions: int
    is_of_present_settings: bool
    cpu_cores: float
    busy_cpu_cores: float
    uss_bytes: int | None
    voice_latency_ms: float | None
    ready_ms: float | None
    ranges: dict[str, Range]


def cost_of(mode: DeploymentMode, host: str, provider: str = "") -> Cost | None:
    """The cost of a session in `mode` on `host`; None where no session of that mode was measured there. With
    `provider`, of those alone whose face it drew.

    Sessions of the mode's present settings are taken where there are some, else of any; never those that changed their mode.
    """
    digests = SessionDigest.objects.filter(mode=mode, host=host, switched=False)
    if provider:
        digests = digests.filter(provider=provider)
    rows = list(
        digests.exclude(cpu_percent=None)
        .order_by("-requested_at")
        .values_list(
            "mode_version_id", "cpu_percent", "cpu_p95_percent", "uss_bytes", "answer_ms", "ready_ms", named=True
        )[:NEWEST]
    )
    if not rows:
        return None
    present = [row for row in rows if row.mode_version_id == mode.current_id]
    taken = present if len(present) >= min(ENOUGH, len(rows)) else rows
    cpu_cores = (_median(row.cpu_percent for row in taken) or 0.0) / 100
    busy = _median(row.cpu_p95_percent for row in taken)
    uss_bytes = _median(row.uss_bytes for row in taken)
    return Cost(
        sessions=len(taken),
        is_of_present_settings=taken is present,
        cpu_cores=cpu_cores,
        busy_cpu_cores=cpu_cores if busy is None else max(cpu_cores, busy / 100),
        uss_bytes=None if uss_bytes is None else round(uss_bytes),
        voice_latency_ms=_median(row.answer_ms for row in taken),
        ready_ms=_median(row.ready_ms for row in taken),
        ranges={
            name: found
            for name, values in (
                ("cpu_cores", [(row.cpu_percent or 0.0) / 100 for row in taken]),
                ("uss_bytes", [row.uss_bytes for row in taken]),
                ("voice_latency_ms", [row.answer_ms for row in taken]),
            )
            if (found := range_of(values)) is not None
        },
    )


def range_of(values: Iterable[float | None]) -> Range | None:
    """Between which nine in ten of the values lie; None for fewer than `ENOUGH`."""
    known = [value for value in values if value is not None]
    if len(known) < ENOUGH:
        return None
    ends = quantiles(known, n=20, method="inclusive")
    return ends[0], ends[-1]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
