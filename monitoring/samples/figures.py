"""The figures of a second, in one shape for the live socket, the REST answers and the reports.

A reading that is missing is left out, never zero. Units stand in the names; `at` is the sample's own time.
"""

from datetime import timedelta
from typing import Any, Final

from monitoring.models import FrameSample, HostSample, SessionSample

FRAMES_FRESH_FOR: Final = timedelta(seconds=3)  # frame figures go with a second at most this much later
PROCESS_FIGURES: Final = (
    "cpu_percent",
    "rss_bytes",
    "pss_bytes",
    "uss_bytes",
    "threads",
    "fds",
    "major_faults_per_s",
)
FRAME_FIGURES: Final = (
    "composed",
    "cached",
    "repeated",
    "frame_p50_ms",
    "frame_p95_ms",
    "frame_max_ms",
    "budget_ms",
)
HOST_FIGURES: Final = (
    "cores",
    "user_percent",
    "system_percent",
    "iowait_percent",
    "steal_percent",
    "load_1m",
    "memory_total_bytes",
    "memory_used_bytes",
    "swap_used_bytes",
    "agent_pss_bytes",
    "quota_cores",
    "throttled_percent",
    "cpu_pressure_percent",
    "memory_pressure_percent",
    "io_pressure_percent",
    "received_bytes_per_s",
    "sent_bytes_per_s",
)


def process_figures(sample: SessionSample) -> dict[str, Any]:
    """CPU (percent of one core) and memory of a session's process tree."""
    return _known(sample, PROCESS_FIGURES)


def frame_figures(sample: FrameSample) -> dict[str, Any]:
    """What the renderer did in a second; `fps` is what it sent, new, cached and repeated frames together."""
    return {"fps": sample.composed + sample.cached + sample.repeated, **_known(sample, FRAME_FIGURES)}


def host_figures(sample: HostSample) -> dict[str, Any]:
    """CPU shares (percent of all cores) and memory of a host."""
    return _known(sample, HOST_FIGURES)


def _known(sample: SessionSample | FrameSample | HostSample, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(sample, name)) is not None}
