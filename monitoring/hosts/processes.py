"""Every agent process of a host, as its page lists them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from monitoring.models import FrameSample
from monitoring.samples.queries import within
from sessions.models import AgentWorker, AvatarSession

FRAMES_FRESH_FOR: Final = timedelta(seconds=5)
LEAST_SCALE_BYTES: Final = 300 * 1024 * 1024


@dataclass(frozen=True)
class ProcessLine:
    """`figures` are those of a `protocol.readings.ProcessSample`; a job whose session is not known waits for one, or has
    just got it."""

    role: str
    pid: int | None
    session: AvatarSession | None
    figures: dict[str, Any]
    frames: FrameSample | None
    scale_bytes: int  # of the bar

    @property
    def own_percent(self) -> float:
        return 100 * (self.figures.get("uss_bytes") or 0) / self.scale_bytes

    @property
    def shared_percent(self) -> float:
        """Its part of what it shares with others."""
        return max(0.0, 100 * (self.figures.get("pss_bytes") or 0) / self.scale_bytes - self.own_percent)


def process_lines(
    worker: AgentWorker, processes: list[dict[str, Any]], sessions: Collection[AvatarSession]
) -> list[ProcessLine]:
    """Those that the host's sampler saw just now, then those of live sessions that it did not see, without figures."""
    of_session = {session.job_pid: session for session in sessions}
    seen = {process["pid"] for process in processes}
    scale_bytes = max([LEAST_SCALE_BYTES, *(process.get("pss_bytes") or 0 for process in processes)])
    found = [(each["role"], each["pid"], of_session.get(each["pid"]), each) for each in processes]
    if worker.pid and worker.pid not in seen:
        found.insert(0, ("worker", worker.pid, None, {}))
    found += [("job", session.job_pid, session, {}) for session in sessions if session.job_pid not in seen]
    return [
        ProcessLine(role, pid, session, figures, last_frames(session), scale_bytes)
        for role, pid, session, figures in found
    ]


def last_frames(session: AvatarSession | None) -> FrameSample | None:
    """Of its last seconds."""
    if session is None:
        return None
    return FrameSample.objects.filter(within(FRAMES_FRESH_FOR), session=session).order_by("-at").first()
