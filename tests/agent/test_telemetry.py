"""Events on their way to Redis."""

from collections.abc import AsyncIterator

import pytest
from redis import Redis

from agent.telemetry import Outbox, Telemetry
from protocol.events import HostSample, JobEnded, ProcessExited, decode_event
from protocol.readings import CpuSample
from protocol.streams import EVENT_FIELD, EVENTS_STREAM
from tests.agent.conftest import eventually
from tests.services import Valkey, free_port


def events_of(valkey: Valkey, source: str) -> list[object]:
    with Redis.from_url(valkey.url) as redis:
        entries = redis.xrange(EVENTS_STREAM)
    decoded = [decode_event(fields[EVENT_FIELD.encode()]) for _, fields in entries]
    return [event for event in decoded if event.source == source]


def emit_exit(telemetry: Telemetry, pid: int) -> None:
    telemetry.emit(ProcessExited, host="atlas", pid=pid, role="job")


def emit_sample(telemetry: Telemetry) -> None:
    telemetry.emit(HostSample, host="atlas", cpu=CpuSample(cores=2))


@pytest.fixture
async def telemetry(valkey: Valkey) -> AsyncIterator[Telemetry]:
    telemetry = Telemetry(f"test:{free_port()}", valkey.url)
    telemetry.start()
    yield telemetry
    await telemetry.aclose(0.1)


async def test_events_arrive_in_order_counted_from_one(telemetry: Telemetry, valkey: Valkey) -> None:
    for pid in range(1, 451):
        emit_exit(telemetry, pid)
    await telemetry.aclose()
    arrived = events_of(valkey, telemetry.source)
    assert [event.pid for event in arrived] == list(range(1, 451))  # type: ignore[attr-defined]
    assert [event.seq for event in arrived] == list(range(1, 451))  # type: ignore[attr-defined]


async def test_redis_restarting_loses_and_reorders_nothing(telemetry: Telemetry, valkey: Valkey) -> None:
    emit_exit(telemetry, 1)
    await eventually(lambda: len(events_of(valkey, telemetry.source)) == 1, "first event")
    valkey.stop()
    for pid in range(2, 50):
        emit_exit(telemetry, pid)
    valkey.start()
    await eventually(lambda: len(events_of(valkey, telemetry.source)) >= 49, "events that waited")
    assert [event.pid for event in events_of(valkey, telemetry.source)] == list(range(1, 50))  # type: ignore[attr-defined]


async def test_a_redis_that_is_full_takes_a_batch_as_a_whole_or_not_at_all(
    telemetry: Telemetry, valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(valkey.url) as redis:
        room_bytes = 100_000  # for a part of the batch
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] + room_bytes)
        try:
            for pid in range(1, 201):
                telemetry.emit(JobEnded, session="s", attempt=1, error=f"{pid} " + "e" * 1_000)
            await eventually(lambda: "waits" in caplog.text, "Redis refused")
        finally:
            redis.config_set("maxmemory", 0)
    await telemetry.aclose(10)
    # Had a part of it been taken, that part would be there twice, or what was refused would come behind it.
    assert [event.seq for event in events_of(valkey, telemetry.source)] == list(range(1, 201))  # type: ignore[attr-defined]


async def test_closing_without_redis_takes_no_longer_than_its_limit() -> None:
    telemetry = Telemetry("test:away", f"redis://127.0.0.1:{free_port()}/0")
    telemetry.start()
    emit_exit(telemetry, 1)
    await telemetry.aclose(0.1)


async def test_what_had_to_be_dropped_leaves_no_gap_in_the_count(valkey: Valkey) -> None:
    telemetry = Telemetry(f"test:{free_port()}", valkey.url, capacity=10)
    for pid in range(1, 6):
        emit_exit(telemetry, pid)
        for _ in range(5):
            emit_sample(telemetry)
    telemetry.start()
    await telemetry.aclose()
    arrived = events_of(valkey, telemetry.source)
    assert telemetry.dropped == 20
    assert [event.seq for event in arrived] == list(range(1, 11))  # type: ignore[attr-defined]
    assert [event.pid for event in arrived if isinstance(event, ProcessExited)] == [1, 2, 3, 4, 5]


async def test_a_field_that_the_event_does_not_have_is_refused(telemetry: Telemetry) -> None:
    with pytest.raises(ValueError, match="colour"):
        telemetry.emit(ProcessExited, host="atlas", pid=1, role="job", colour="red")


async def test_an_event_that_is_too_large_is_dropped_and_the_others_go_on(telemetry: Telemetry, valkey: Valkey) -> None:
    telemetry.emit(JobEnded, session="s", attempt=1, error="e" * 70_000)
    emit_exit(telemetry, 2)
    await telemetry.aclose()
    assert telemetry.dropped == 1
    assert [event.seq for event in events_of(valkey, telemetry.source)] == [1]  # type: ignore[attr-defined]


def test_a_full_outbox_without_samples_drops_its_oldest_event() -> None:
    outbox = Outbox(2)
    for name in ("a", "b", "c"):
        outbox.put(name)
    assert outbox.take(5) == ["b", "c"]
    assert outbox.dropped == 1
