"""An avatar host on real servers: agent worker and sampler as separate processes, dispatches by LiveKit's API."""

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from livekit import api
from redis import Redis

from protocol.events import TelemetryEvent, decode_event
from protocol.jobspec import JobSpec, ProfileSpec, SessionLimits, agent_name_for, room_name_for
from protocol.modes import BUILT_IN_MODES
from protocol.streams import EVENT_FIELD, EVENTS_STREAM
from tests.services import LiveKit, Valkey, livekit, valkey

__all__ = ["livekit", "valkey"]

ROOT = Path(__file__).parent.parent.parent
GREETING = "Hello, and welcome! I am happy to meet you."
START_LIMIT_S = 60.0


async def eventually(condition: Callable[[], Any], what: str, limit_s: float = 60.0) -> Any:
    """The first true value of `condition()`; AssertionError naming `what` after `limit_s`."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while not (value := condition()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{what}: not within {limit_s} s")
        await asyncio.sleep(0.02)
    return value


@dataclass
class Stream:
    """The telemetry stream from a moment on."""

    redis_url: str
    events: list[Any] = field(default_factory=list)
    _after: str = "0"

    @classmethod
    def from_now(cls, redis_url: str) -> "Stream":
        with Redis.from_url(redis_url) as redis:
            last = redis.xrevrange(EVENTS_STREAM, count=1)
        return cls(redis_url, _after=last[0][0].decode() if last else "0")

    def read(self) -> list[TelemetryEvent]:
        """All events since the beginning of this view, in the stream's order."""
        with Redis.from_url(self.redis_url) as redis:
            for entry, fields in redis.xrange(EVENTS_STREAM, min=f"({self._after}"):
                self._after = entry.decode()
                self.events.append(decode_event(fields[EVENT_FIELD.encode()]))
        return self.events

    def of(self, session: str, kind: str | None = None) -> list[Any]:
        """Events of a session, of one kind if named."""
        own = [event for event in self.read() if getattr(event, "session", None) == session]
        return [event for event in own if kind is None or event.kind == kind]


@dataclass
class Host:
    """An avatar host with its state folder; its worker is started and ended by the command line."""

    home: Path
    name: str
    livekit: LiveKit
    valkey: Valkey

    @property
    def environment(self) -> dict[str, str]:
        own = {"AVATARY_HOME": str(self.home), "AVATARY_HOST": self.name, "REDIS_URL": self.valkey.url}
        return {**os.environ, **self.livekit.environment, **own}

    @property
    def log(self) -> str:
        path = self.home / "log" / "agent-worker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, *arguments: str, limit_s: float = 120.0) -> "subprocess.CompletedProcess[str]":
        """`python -m agent ...`"""
        return subprocess.run(
            [sys.executable, "-m", "agent", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    def start(self) -> dict[str, Any]:
        done = self.command("start", "--timeout", "100", limit_s=120)  # on a machine that does much else
        assert done.returncode == 0, f"{done.stderr}\n{self.log[-3000:]}"
        return dict(json.loads(done.stdout))

    async def dispatch(self, metadata: str, room: str) -> None:
        async with api.LiveKitAPI(self.livekit.url, self.livekit.api_key, self.livekit.api_secret) as livekit_api:
            await livekit_api.agent_dispatch.create_dispatch(
                api.CreateAgentDispatchRequest(agent_name=agent_name_for(self.name), room=room, metadata=metadata)
            )

    async def end(self, room: str) -> None:
        async with api.LiveKitAPI(self.livekit.url, self.livekit.api_key, self.livekit.api_secret) as livekit_api:
            await livekit_api.room.delete_room(api.DeleteRoomRequest(room=room))


def make_spec(host: str, **changes: Any) -> JobSpec:
    """A small, light session's order."""
    code = str(uuid.uuid4())
    profile = ProfileSpec(
        code=str(uuid.uuid4()),
        version=1,
        name="Guide",
        persona="A friendly guide.",
        greeting=changes.pop("greeting", GREETING),
        voice="heart",
        provider=changes.pop("provider", "builtin"),
        provider_settings={},
    )
    fields: dict[str, Any] = {
        "session_code": code,
        "room": room_name_for(code),
        "host": host,
        "attempt": 1,
        "language": "en",
        "profile": profile,
        "mode_slug": "constrained",
        "mode_version": 1,
        "mode": BUILT_IN_MODES["constrained"],
        "limits": SessionLimits(max_duration_s=600, idle_timeout_s=300),
    }
    return JobSpec(**{**fields, **changes})


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, livekit: LiveKit, valkey: Valkey) -> Iterator[Host]:
    """The host `atlas` with its agent worker running."""
    host = Host(tmp_path_factory.mktemp("atlas"), "atlas", livekit, valkey)
    try:
        host.start()
        yield host
    finally:  # one that came up too late runs on by itself
        host.command("stop")


@dataclass
class RunningSession:
    """A dispatched session and what its job reports."""

    host: Host
    spec: JobSpec
    stream: Stream

    @property
    def pid(self) -> int:
        return int(self.events("job_process_started")[0].pid)

    def events(self, kind: str | None = None) -> list[Any]:
        return self.stream.of(self.spec.session_code, kind)

    async def wait_for(self, kind: str, limit_s: float = START_LIMIT_S) -> Any:
        def arrived() -> Any:
            ended = self.events("job_ended")
            assert kind == "job_ended" or not ended, f"the job ended: {ended[0].error}\n{self.host.log[-3000:]}"
            return self.events(kind)

        return (await eventually(arrived, f"{kind} of session {self.spec.session_code}", limit_s))[-1]

    async def end(self) -> None:
        await self.host.end(self.spec.room)
        await self.wait_for("job_ended")


@pytest.fixture
async def start_session(host: Host) -> AsyncIterator[Callable[..., Any]]:
    """Dispatches a session to the host; ends those that still run afterwards."""
    running: list[RunningSession] = []

    async def start(**changes: Any) -> RunningSession:
        session = RunningSession(host, make_spec(host.name, **changes), Stream.from_now(host.valkey.url))
        await host.dispatch(session.spec.model_dump_json(), session.spec.room)
        running.append(session)
        return session

    yield start
    for session in running:
        if not session.events("job_ended"):
            try:
                await host.end(session.spec.room)
            except api.TwirpError as error:
                assert error.code == "not_found", error  # noqa: PT017
