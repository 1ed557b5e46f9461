"""A real Valkey, a stream to write to, and events as jobs and samplers write them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis import Redis

from monitoring.ingest.ingester import Ingester, connect
from monitoring.live.broadcast import Broadcaster
from monitoring.models import SessionDigest
from protocol import events, readings
from protocol.streams import EVENT_FIELD, EVENTS_STREAM
from sessions.models import AvatarSession, State
from tests.services import Valkey, livekit, valkey

__all__ = ["livekit", "valkey"]

Ended = Callable[..., SessionDigest]


@pytest.fixture
def redis(valkey: Valkey, settings: Settings) -> Iterator[Redis]:
    """An empty Redis that the whole project uses, Channels included."""
    settings.REDIS_URL = valkey.url
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [valkey.url]}}
    }
    client = connect(valkey.url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def live() -> Iterator[Broadcaster]:
    broadcaster = Broadcaster()
    yield broadcaster
    broadcaster.close()


@pytest.fixture
def ingester(redis: Redis, live: Broadcaster) -> Ingester:
    return Ingester(redis, live)


class Writer:
    """One source: stamps its events and numbers them from 1."""

    def __init__(self, redis: Redis, source: str, **common: Any) -> None:
        self.redis, self.source, self.common, self.seq = redis, source, common, 0
        self.at = datetime.now(UTC)

    def make(self, kind: type[Any], **fields: Any) -> Any:
        self.seq += 1
        self.at += timedelta(milliseconds=1)
        return kind(**{"source": self.source, "seq": self.seq, "at": self.at, **self.common, **fields})

    def write(self, kind: type[Any], **fields: Any) -> Any:
        event = self.make(kind, **fields)
        self.send(event)
        return event

    def send(self, event: Any) -> None:
        self.send_raw(events.encode_event(event))

    def send_raw(self, payload: bytes) -> None:
        self.redis.xadd(EVENTS_STREAM, {EVENT_FIELD: payload})

    def host_sample(self, *pids: int, **fields: Any) -> Any:
        """A second of the host, with a job process for each of `pids`."""
        processes = [
            readings.ProcessSample(pid=pid, role="job", cpu_percent=38.5, rss_bytes=200, pss_bytes=150, uss_bytes=118)
            for pid in pids
        ]
        cpu = readings.CpuSample(cores=2, user_percent=30, system_percent=5, iowait_percent=1, steal_percent=0.4)
        memory = readings.MemorySample(total_bytes=16_000, available_bytes=9_000)
        return self.write(
            events.HostSample,
            **{"host": "atlas", "cpu": cpu, "memory": memory, "processes": processes, "agent_pss_bytes": 343, **fields},
        )


@pytest.fixture
def on_air(session: AvatarSession) -> AvatarSession:
    """A session that was dispatched; its job has yet to report."""
    AvatarSession.objects.filter(pk=session.pk).update(state=State.STARTING, dispatch_id="d1")
    session.refresh_from_db()
    return session


@pytest.fixture
def job(redis: Redis, on_air: AvatarSession) -> Writer:
    """The job that serves `on_air`, pid 4711."""
    return Writer(redis, "job:1", session=str(on_air.code), attempt=1)


@pytest.fixture
def sampler(redis: Redis) -> Writer:
    return Writer(redis, "sampler:atlas")


@pytest.fixture
def begin(job: Writer) -> Callable[[], None]:
    """The job reports all of its start."""

    def begin() -> None:
        job.write(events.JobProcessStarted, host="atlas", pid=4711, job_id="j1")
        job.write(events.JobConnected)
        job.write(events.FirstVideoPublished, width=1280, height=720, fps=25, codec="h264")
        job.write(events.JobReady)

    return begin


@pytest.fixture
def ended(start: Callable[..., AvatarSession]) -> Ended:
    """The digest of a session that ran for a minute on atlas, in balanced unless another mode is given."""

    def ended(*, ago: timedelta = timedelta(0), mode: Any = None, **figures: Any) -> SessionDigest:
        session = start(**({"mode": mode} if mode else {}))
        at = timezone.now() - ago
        over = {"state": State.ENDED, "requested_at": at, "ended_at": at + timedelta(minutes=1)}
        AvatarSession.objects.filter(pk=session.pk).update(**over)
        common = {
            "host": "atlas", "provider": "builtin", "is_failure": False, "switched": False, "duration_s": 60, "visitors": 1,
            "answers": 4, "answer_ms": 700, "answer_p95_ms": 1_100, "ready_ms": 900, "cpu_percent": 30,
            "cpu_p95_percent": 60, "uss_bytes": 118_000_000, "steal_percent": 0.2, "frames_over_percent": 0.4,
        }  # fmt: skip
        return SessionDigest.objects.create(
            session=session,
            requested_at=at,
            profile=session.profile_version.profile,
            mode=session.mode_version.mode,
            mode_version=session.mode_version,
            **{**common, **figures},
        )

    return ended
