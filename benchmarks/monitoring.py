"""Live monitoring under load: 200 operators' sockets at once, and 2,000 events a second into the ingester."""

import asyncio
import json
import threading
import time
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from redis import Redis

from benchmarks.live import signed_in
from protocol.events import FrameStats, encode_event
from protocol.streams import EVENT_FIELD, EVENTS_STREAM
from tests.services import wait_until
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
SOCKETS: Final = 200
SESSIONS: Final = 50
EVENTS_PER_S: Final = 2_000
FOR_S: Final = 20
MAKE_SESSIONS: Final = f"""
from django.utils import timezone
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, State
profile, mode, now = AvatarProfile.objects.first(), DeploymentMode.objects.get(slug="balanced"), timezone.now()
for _ in range({SESSIONS}):
    print(AvatarSession.objects.create(profile_version=profile.current, mode_version=mode.current, language="en", host="atlas",
        max_duration_s=3600, idle_timeout_s=900, requested_by="load", state=State.ENDED, state_changed_at=now, attempt_at=now,
        requested_at=now, ended_at=now).code)
"""


class Crowd:
    """Sockets of operators who look on. `received_ms`: of each sample at each socket, the time since it was taken."""

    def __init__(self, origin: str, topics: str, cookies: dict[str, str]) -> None:
        self.received_ms: list[float] = []
        self.listening = 0
        self._origin = origin
        self._address = f"{origin}/ws/live/?topics={topics}"
        self._cookies = cookies
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def open(self) -> None:
        self._thread.start()
        wait_until(lambda: self.listening == SOCKETS, "all sockets listening", 60, 0.1)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    async def _run(self) -> None:
        # As headers: a jar keeps no cookies of addresses that are numbers.
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookie, "Origin": self._origin}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as client:
            sockets = [asyncio.create_task(self._look_on(client)) for _ in range(SOCKETS)]
            await self._stop.wait()
            for socket in sockets:
                socket.cancel()
            await asyncio.gather(*sockets, return_exceptions=True)

    async def _look_on(self, client: aiohttp.ClientSession) -> None:
        async with client.ws_connect(self._address) as socket:
            async for message in socket:
                told = json.loads(message.data)
                if told["type"] == "listening":
                    self.listening += 1
                at = told.get("data", {}).get("at")
                if at:
                    taken = datetime.fromisoformat(at)
                    self.received_ms.append((datetime.now(UTC) - taken).total_seconds() * 1000)


def crowd(stack: Stack, repetitions: int) -> list[Row]:
    """A browser paints a host's samples while 200 further sockets get them too."""
    with signed_in(stack) as page:
        page.goto(f"{stack.url}/hosts/atlas/")
        cookies = {each["name"]: each["value"] for each in page.context.cookies()}
        sockets = Crowd(stack.url, "host:atlas", cookies)
        try:
            sockets.open()
            page.reload()
            wait_until(
                lambda: page.evaluate("window.avataryPaint.length") >= repetitions + 2, "samples painted", 120, 1
            )
            painted = [paint["painted_ms"] for paint in page.evaluate("window.avataryPaint")[2:]]
        finally:
            sockets.close()
    return [
        (f"sample painted, with {SOCKETS} sockets", "ms", painted, 150, "p95"),
        ("sample at each of them", "ms", sockets.received_ms, 150, "p95"),
    ]


def events(stack: Stack, repetitions: int) -> list[Row]:
    """How old the oldest event is that was not taken yet, four times a second, while 50 sessions write."""
    codes = stack.manage("shell", "-v", "0", "-c", MAKE_SESSIONS).split()
    redis = Redis.from_url(stack.settings["REDIS_URL"])
    lag_ms: list[float] = []
    sent, began, looked_s = 0, time.monotonic(), 0.0
    while (passed_s := time.monotonic() - began) < FOR_S:
        with redis.pipeline(transaction=False) as pipeline:
            while sent < passed_s * EVENTS_PER_S:
                code, number = codes[sent % SESSIONS], sent // SESSIONS + 1
                stats = FrameStats(source=f"job:{code}", seq=number, at=datetime.now(UTC), session=code, attempt=1,
                    composed=20, cached=5, repeated=0, frame_p95_ms=4.2, frame_max_ms=8.1, budget_ms=40)  # fmt: skip
                pipeline.xadd(EVENTS_STREAM, {EVENT_FIELD: encode_event(stats)})
                sent += 1
            pipeline.execute()
        if passed_s - looked_s >= 0.25:
            looked_s = passed_s
            oldest: Any = redis.xrange(EVENTS_STREAM, count=1)
            lag_ms.append(time.time() * 1000 - int(oldest[0][0].split(b"-")[0]) if oldest else 0.0)
        time.sleep(0.02)
    return [(f"ingester's lag at {EVENTS_PER_S} events/s", "ms", lag_ms, 1000, "p95")]
