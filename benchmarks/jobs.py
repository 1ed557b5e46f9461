"""What whole jobs cost while they speak: one at 1080p30 with the TV off and on, and four at 720p25 at once.

A job's greeting is its speech: long enough to measure in. Visitors hear and decode on the same machine; their processor
time is not the jobs', but it is taken from them.
"""

import asyncio
import os
import statistics
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import psutil

from benchmarks.guest import Guest, until
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
GREETING: Final = " ".join(
    (
        "Welcome to the museum, where every ship has a story, and every pearl has had a diver.",
        "Before there were roads, people came here by sea, and the harbour was the door to the whole town.",
        "In the first hall you will find the boats, which were sewn together without a single nail.",
        "Behind them stand the tools of the divers: a nose clip, a basket, a stone, and a very long rope.",
        "The second hall tells of the merchants, who carried dates, horses, spices and letters over the water.",
        "Look for the map on the wall, where the captain has drawn each of his journeys in another colour.",
        "On the upper floor there is a garden with a view, and beside it a small cafe that opens at nine.",
        "Children like the workshop best, because they may tie knots there, and take them home.",
        "If you have a question about any of it, please ask me, and I will tell you what I know.",
    )
)
SECONDS: Final = 25  # of speech that are measured
SETTLE_S: Final = 3.0
TOGETHER: Final = 4
MIB: Final = 1024 * 1024
STAGGER_S: Final = 1.5


@dataclass
class _Talking:
    """A session that says its greeting to a guest; what it cost in each second."""

    stack: Stack
    code: str
    guest: Guest
    cpu: list[float] = field(default_factory=list)  # share of a core
    missing_percent: float = float("nan")  # of the pictures that are due in the time measured
    own_mib: float = float("nan")
    measured_from: datetime | None = None

    @classmethod
    async def begun(cls, stack: Stack, mode: str, profile: str) -> "_Talking":
        code = await asyncio.to_thread(stack.start_session, mode, profile=profile)
        await asyncio.to_thread(stack.wait_ready, code)
        guest = Guest(stack, await asyncio.to_thread(stack.new_link, code))
        await guest.join()
        await until(lambda: guest.video is not None, 15)
        await guest.report(first_frame_ms=1)
        if not await until(lambda: bool(guest.loud_at), 30):
            raise RuntimeError("the greeting was not heard")
        return cls(stack, code, guest)

    async def measure(self, seconds: int, fps: int) -> None:
        job = psutil.Process((await asyncio.to_thread(self.stack.session, self.code))["job_pid"])
        self.measured_from = datetime.now(UTC)
        began, received = time.monotonic(), await self._received()
        before = sum(job.cpu_times()[:2])
        for second in range(seconds):
            at = time.monotonic()
            await asyncio.sleep(max(began + second + 1 - at, 0.1))
            after = sum(job.cpu_times()[:2])
            self.cpu.append((after - before) / (time.monotonic() - at))
            before = after
        self.own_mib = job.memory_full_info().uss / MIB
        if self.guest.quiet_for(3):
            raise RuntimeError("the greeting was over before it was measured")
        due = fps * (time.monotonic() - began)
        self.missing_percent = 100 * max(0.0, 1 - (await self._received() - received) / due)

    async def end(self) -> None:
        await self.guest.leave()
        await asyncio.to_thread(self.stack.stop_session, self.code)

    async def _received(self) -> int:
        video = self.guest.video
        if video is None:
            raise RuntimeError("no picture was subscribed")
        stats = await video.get_stats()
        return sum(each.inbound_rtp.inbound.frames_received for each in stats if each.HasField("inbound_rtp"))


def full_hd(stack: Stack, repetitions: int) -> list[Row]:
    os.environ["AVATARY_HOME"] = str(stack.home)
    return asyncio.run(_full_hd(stack))


async def _full_hd(stack: Stack) -> list[Row]:
    rows: list[Row] = []
    for tv, label, target in (("none", "off", 0.8), ("harbour", "on", 1.0)):
        talking = await _Talking.begun(stack, "exhibition", speaking_profile(stack, tv))
        await asyncio.sleep(SETTLE_S)
        await talking.measure(SECONDS, 30)
        await talking.end()
        rows.append((f"job 1080p30 H.264, speaking, TV {label}", "core", talking.cpu, target, "median"))
        rows.append(("  of its pictures, not received", "percent", [talking.missing_percent], None, "median"))
        rows.append(("  reference 002: dedicated vCPUs", "core", [4.0, 8.0], None, "median"))
    return rows


def four(stack: Stack, repetitions: int) -> list[Row]:
    os.environ["AVATARY_HOME"] = str(stack.home)
    return asyncio.run(_four(stack))


async def _four(stack: Stack) -> list[Row]:
    profile = speaking_profile(stack, "none")
    talking: list[_Talking] = []
    own = psutil.Process()
    try:
        for _ in range(TOGETHER):
            talking.append(await _Talking.begun(stack, "balanced", profile))
            await asyncio.sleep(STAGGER_S)
        visitors_s = sum(own.cpu_times()[:2])
        await asyncio.gather(*(each.measure(SECONDS, 25) for each in talking))
        visitors_s = sum(own.cpu_times()[:2]) - visitors_s
    finally:
        for each in talking:
            await each.end()
    repeated = [_repeated(stack, each) for each in talking]
    together = [sum(second) for second in zip(*(each.cpu for each in talking), strict=True)]
    medians = [statistics.median(each.cpu) for each in talking]
    return [
        ("four talk at 720p25: pictures repeated, each", "", repeated, 0, "p95"),
        ("  pictures not received, each", "percent", [each.missing_percent for each in talking], 1, "p95"),
        ("  a job", "core", medians, None, "median"),
        ("  a job", "MB USS", [each.own_mib for each in talking], 130, "median"),
        ("  the four jobs", "core", together, None, "median"),
        ("  their visitors, on the same machine", "core", [visitors_s / SECONDS], None, "median"),
    ]


def speaking_profile(stack: Stack, tv: str) -> str:
    """Code of a new profile whose greeting is long enough to measure in."""
    settings = {"presenter": "omar", "scene": "museum-hall", "tv": tv}
    body = {"name": f"Speaker {uuid.uuid4().hex[:6]}", "greeting": GREETING, "provider_settings": settings}
    return str(stack.api("POST", "profiles", body)["code"])


def _repeated(stack: Stack, talked: _Talking) -> float:
    """Pictures that were not drawn in time while it was measured, by the job's own telemetry."""
    question = f"""
from datetime import datetime, timedelta
from monitoring.models import FrameSample
since = datetime.fromisoformat({str(talked.measured_from)!r})
samples = FrameSample.objects.filter(session__code={talked.code!r}, at__range=(since, since + timedelta(seconds={SECONDS})))
print(sum(samples.values_list("repeated", flat=True)))
"""
    return float(stack.manage("shell", "-c", question).splitlines()[-1])
