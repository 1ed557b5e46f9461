"""Events come out of the stream once each, whatever happens on the way."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from monitoring.actions import ingest as ingest_module
from monitoring.ingest import handlers
from monitoring.ingest.ingester import LEASE_KEY, Ingester, connect
from monitoring.live import newest
from monitoring.live.broadcast import Broadcaster
from monitoring.models import (
    EventSource,
    FrameSample,
    HostSample,
    MediaSample,
    SessionSample,
    SetAsideEvent,
    Turn,
    VisitSample,
    WorkflowStep,
)
from operators.models import Operator
from protocol import events, readings
from protocol.control import VisitQuality
from protocol.streams import EVENT_FIELD, EVENTS_STREAM, INGEST_GROUP, MAX_EVENT_BYTES
from sessions.models import AgentWorker, AvatarSession, SessionEvent, State
from tests.full_disk import limit_pages
from tests.monitoring.conftest import Writer
from tests.services import Valkey, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

STATS = {"composed": 20, "cached": 5, "repeated": 0, "frame_p95_ms": 12.5, "budget_ms": 40}


def drain(ingester: Ingester) -> None:
    """Ingest until nothing is left in the stream."""
    while ingester.ingest_once(block_ms=10).events or ingester._redis.xlen(EVENTS_STREAM):
        pass


def count_of_pending(redis: Redis) -> Any:
    return redis.xpending(EVENTS_STREAM, INGEST_GROUP)["pending"]


def test_a_jobs_start_reaches_its_session(
    ingester: Ingester, on_air: AvatarSession, begin: Callable[[], None], redis: Redis
) -> None:
    begin()
    drain(ingester)
    on_air.refresh_from_db()
    assert on_air.state == State.READY
    assert on_air.job_pid == 4711
    assert None not in {on_air.process_started_at, on_air.connected_at, on_air.first_video_at, on_air.ready_at}
    assert redis.xlen(EVENTS_STREAM) == 0
    assert count_of_pending(redis) == 0


def test_replayed_events_are_counted_and_written_once(ingester: Ingester, job: Writer) -> None:
    stats = job.write(events.FrameStats, **STATS)
    job.send(stats)
    drain(ingester)
    job.send(stats)
    drain(ingester)
    assert FrameSample.objects.count() == 1
    source = EventSource.objects.get(name="job:1")
    assert (source.last_seq, source.replayed, source.missed) == (1, 2, 0)


def test_a_turn_is_kept_with_its_times_and_without_its_words(
    ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    job.write(
        events.TurnCompleted,
        identity="visitor-dana",
        language="ar",
        words=4,
        end_of_turn_ms=420,
        recognised_ms=260,
        first_sound_ms=610,
    )
    drain(ingester)
    turn = Turn.objects.get(session=on_air)
    assert (turn.language, turn.words, turn.typed, turn.interrupted) == ("ar", 4, False, False)
    assert (turn.end_of_turn_ms, turn.recognised_ms, turn.first_sound_ms, turn.voice_ms) == (420, 260, 610, None)


def test_how_sound_and_picture_travel_is_kept(ingester: Ingester, job: Writer, on_air: AvatarSession) -> None:
    quality = VisitQuality(fps=24.0, freezes=1, freeze_ms=240, round_trip_ms=38, av_offset_ms=-14)
    job.write(events.VisitQualitySeen, identity="visitor-dana", quality=quality)
    job.write(events.MediaStats, encoded_fps=25, sent_kbps=1400, limited_by="cpu", queued_frames=3, queued_sound_ms=80)
    drain(ingester)
    seen = VisitSample.objects.get(session=on_air)
    assert (seen.identity, seen.fps, seen.freezes, seen.av_offset_ms, seen.jitter_ms) == (
        "visitor-dana",
        24,
        1,
        -14,
        None,
    )
    sent = MediaSample.objects.get(session=on_air)
    assert (sent.encoded_fps, sent.limited_by, sent.queued_frames, sent.round_trip_ms) == (25, "cpu", 3, None)


def test_numbers_that_never_came_are_counted_as_missed(ingester: Ingester, job: Writer) -> None:
    job.write(events.FrameStats, **STATS)
    job.seq = 5
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    assert EventSource.objects.get(name="job:1").missed == 4


def test_events_that_come_out_of_order_are_taken_in_order(
    ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    start = [
        job.make(events.JobProcessStarted, host="atlas", pid=4711, job_id="j1"),
        job.make(events.JobConnected),
        job.make(events.StepStarted, step=1, key="k", label="Step"),
        job.make(events.StepFinished, step=1, status="completed", duration_ms=5),
        job.make(events.FirstVideoPublished, width=1280, height=720, fps=25, codec="h264"),
        job.make(events.JobReady),
    ]
    for event in (start[3], start[5], start[0], start[4], start[2], start[1]):
        job.send(event)
    drain(ingester)
    on_air.refresh_from_db()
    assert (on_air.state, on_air.job_pid, WorkflowStep.objects.get().status) == (State.READY, 4711, "completed")
    source = EventSource.objects.get(name="job:1")
    assert (source.last_seq, source.missed, source.replayed, source.set_aside) == (6, 0, 0, 0)


def test_one_that_was_overtaken_by_a_whole_batch_is_taken_once(ingester: Ingester, job: Writer) -> None:
    first, late, last = (job.make(events.FrameStats, **STATS) for _ in range(3))
    for batch in ((first, last), (late, late), (late,)):
        for event in batch:
            job.send(event)
        drain(ingester)
    assert FrameSample.objects.count() == 3
    source = EventSource.objects.get(name="job:1")
    assert (source.last_seq, source.missed, source.replayed, source.gaps) == (3, 1, 2, [])


def test_the_begin_of_a_step_that_comes_after_its_end_names_it(
    ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    begin = job.make(events.StepStarted, step=1, key="k", label="Warm up", uss_before_bytes=5)
    for event in (job.make(events.StepFinished, step=1, status="completed", duration_ms=400), begin):
        job.send(event)
        drain(ingester)
        step = WorkflowStep.objects.get()
        assert (step.status, step.duration_ms) == ("completed", 400)
    assert (step.key, step.label, step.started_at, step.uss_before_bytes) == ("k", "Warm up", begin.at, 5)


def test_a_step_whose_begin_is_lost_is_kept_by_its_number(ingester: Ingester, job: Writer) -> None:
    job.write(events.StepFinished, step=4, status="failed", duration_ms=400, error="no model")
    drain(ingester)
    step = WorkflowStep.objects.get()
    assert (step.label, step.status, step.error) == ("Step 4", "failed", "no model")


def test_a_malformed_event_is_set_aside_and_the_rest_goes_through(
    ingester: Ingester, job: Writer, on_air: AvatarSession, redis: Redis
) -> None:
    job.write(events.FrameStats, **STATS)
    job.send_raw(b"not json")
    job.send_raw(b'{"kind": "job_ready", "source": "x"}')
    job.send_raw(b'{"kind": "\xff\x00"}')
    job.send_raw(b'"' + b"x" * MAX_EVENT_BYTES + b'"')
    redis.xadd(EVENTS_STREAM, {"other": "field"})
    stranger = Writer(redis, "job:2", session="2b0d7b3d-3f14-4f2b-9d9c-0f4d5a0c1e2f", attempt=1)
    stranger.write(events.JobReady)
    Writer(redis, "job:3", session="x' or 1=1", attempt=1).write(events.JobReady)
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    assert FrameSample.objects.filter(session=on_air).count() == 2
    assert SetAsideEvent.objects.count() == 7
    assert EventSource.objects.get(name="").set_aside == 5
    assert EventSource.objects.get(name="job:2").set_aside == 1
    assert "there is no session" in SetAsideEvent.objects.get(payload__contains="job:2").reason


def test_of_ten_thousand_malformed_events_none_costs_a_good_one(
    ingester: Ingester, job: Writer, on_air: AvatarSession, redis: Redis
) -> None:
    with redis.pipeline(transaction=False) as pipeline:
        for number in range(10_000):
            pipeline.xadd(EVENTS_STREAM, {"event": b'{"kind": "frame_stats", "seq": -1}'})
            if number % 200 == 0:
                pipeline.xadd(EVENTS_STREAM, {"event": events.encode_event(job.make(events.FrameStats, **STATS))})
        pipeline.execute()
    while redis.xlen(EVENTS_STREAM):
        ingester.ingest_once(block_ms=10)
    assert FrameSample.objects.filter(session=on_air).count() == 50
    assert EventSource.objects.get(name="").set_aside == 10_000
    assert EventSource.objects.get(name="job:1").missed == 0


def test_an_event_that_breaks_its_handler_is_set_aside_and_the_rest_goes_through(
    ingester: Ingester, job: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(event: events.JobConnected, batch: Any) -> None:
        SessionEvent.objects.create(session_id=batch.session(event.session).pk, kind="job", text="half", at=event.at)
        batch.add(FrameSample(session_id=batch.session(event.session).pk, at=event.at, **STATS))
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setitem(cast(Any, handlers.HANDLERS), events.JobConnected, broken)
    job.write(events.FrameStats, **STATS)
    job.write(events.JobConnected)
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    assert FrameSample.objects.count() == 2
    assert SetAsideEvent.objects.get().reason == "ZeroDivisionError: a mistake of ours"
    assert not SessionEvent.objects.filter(text="half").exists()
    assert EventSource.objects.get(name="job:1").last_seq == 3


def test_a_value_that_the_database_refuses_is_set_aside(ingester: Ingester, job: Writer) -> None:
    job.write(events.FrameStats, **STATS)
    job.write(events.StepStarted, step=1, key="x", label="x", rss_before_bytes=2**70)
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    assert FrameSample.objects.count() == 2
    assert SetAsideEvent.objects.count() == 1


def test_a_number_beyond_the_databases_is_set_aside_and_the_rest_goes_through(ingester: Ingester, job: Writer) -> None:
    job.write(events.FrameStats, **STATS)
    payload = events.encode_event(job.make(events.FrameStats, **STATS))
    job.send_raw(payload.replace(b'"seq":2', b'"seq":%d' % 2**63))
    job.send_raw(payload.replace(b'"source":"job:1"', rb'"source":"job\u0000"'))
    job.send_raw(payload.replace(b'"seq":2', rb'"a\u0000b":1,"seq":2'))
    job.send_raw(payload)
    drain(ingester)
    assert FrameSample.objects.count() == 2
    assert SetAsideEvent.objects.count() == 3
    assert not any("\x00" in aside.reason + aside.payload for aside in SetAsideEvent.objects.all())
    assert (EventSource.objects.get(name="job:1").last_seq, EventSource.objects.count()) == (2, 2)


def test_an_entry_whose_id_is_no_time_is_set_aside_and_the_rest_goes_through(redis: Redis, job: Writer) -> None:
    payloads = [events.encode_event(job.make(events.FrameStats, **STATS)) for _ in range(2)]
    ids = (f"{2**64 - 1}-0", "1795000000000-0")
    done = ingest_module.ingest(
        [(entry_id, {b"event": payload}) for entry_id, payload in zip(ids, payloads, strict=True)], {}
    )
    assert (done.events, done.set_aside) == (1, 1)
    assert FrameSample.objects.count() == 1


def test_an_event_that_cannot_even_be_counted_is_set_aside_and_the_rest_goes_through(
    ingester: Ingester, job: Writer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = ingest_module._lock_sources

    def refuse(names: set[str]) -> dict[str, EventSource]:
        if "job:bad" in names:
            raise OverflowError("too large")
        return lock(names)

    monkeypatch.setattr(ingest_module, "_lock_sources", refuse)
    for _ in range(3):
        job.write(events.FrameStats, **STATS)
    Writer(redis, "job:bad", **job.common).write(events.FrameStats, **STATS)
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    assert FrameSample.objects.count() == 4
    assert SetAsideEvent.objects.get().reason == "OverflowError: too large"
    assert redis.xlen(EVENTS_STREAM) == 0


def test_a_host_that_no_live_topic_can_be_named_after_is_refused(ingester: Ingester, sampler: Writer) -> None:
    payload = events.encode_event(sampler.host_sample())
    sampler.send_raw(payload.replace(b'"host":"atlas"', b'"host":"at las"').replace(b'"seq":1', b'"seq":2'))
    drain(ingester)
    assert (HostSample.objects.count(), SetAsideEvent.objects.count()) == (1, 1)


def test_set_aside_events_are_counted_but_only_the_last_are_kept(
    ingester: Ingester, job: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "KEPT_SET_ASIDE", 3)
    for number in range(8):
        job.send_raw(b"broken %d" % number)
    drain(ingester)
    assert [aside.payload for aside in SetAsideEvent.objects.order_by("pk")] == ["broken 5", "broken 6", "broken 7"]
    assert EventSource.objects.get(name="").set_aside == 8


def test_an_ingester_that_dies_before_it_commits_loses_nothing_and_doubles_nothing(
    ingester: Ingester, job: Writer, redis: Redis, monkeypatch: pytest.MonkeyPatch, live: Broadcaster
) -> None:
    job.write(events.FrameStats, **STATS)
    with monkeypatch.context() as patch:
        patch.setattr("monitoring.ingest.ingester.ingest", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            drain(ingester)
    assert count_of_pending(redis) == 1
    job.write(events.FrameStats, **STATS)
    drain(Ingester(redis, live))
    assert FrameSample.objects.count() == 2
    assert EventSource.objects.get(name="job:1").missed == 0


def test_an_ingester_that_dies_between_commit_and_acknowledgement_doubles_nothing(
    ingester: Ingester, job: Writer, redis: Redis, monkeypatch: pytest.MonkeyPatch, live: Broadcaster
) -> None:
    job.write(events.FrameStats, **STATS)
    job.send_raw(b"broken")
    with monkeypatch.context() as patch:
        patch.setattr(ingester, "_acknowledge", lambda *_: (_ for _ in ()).throw(RedisError("gone")))
        with pytest.raises(RedisError):
            drain(ingester)
    assert FrameSample.objects.count() == 1
    drain(Ingester(redis, live))
    assert FrameSample.objects.count() == 1
    assert SetAsideEvent.objects.count() == 1
    assert EventSource.objects.get(name="").set_aside == 1
    assert EventSource.objects.get(name="job:1").replayed == 1
    assert redis.xlen(EVENTS_STREAM) == 0


def test_while_the_database_is_away_events_wait_in_the_stream(
    ingester: Ingester, job: Writer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.write(events.FrameStats, **STATS)
    with monkeypatch.context() as patch:
        locked = OperationalError("database is locked")
        patch.setattr("monitoring.ingest.batch.Batch.flush", lambda _: (_ for _ in ()).throw(locked))
        for _ in range(2):
            with pytest.raises(OperationalError):
                drain(ingester)
    assert redis.xlen(EVENTS_STREAM) == 1
    drain(ingester)
    assert FrameSample.objects.count() == 1
    assert SetAsideEvent.objects.count() == 0


def test_a_restart_of_redis_neither_loses_nor_doubles_an_event(
    redis: Redis, valkey: Valkey, live: Broadcaster, job: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the loop around Redis runs in a thread; what it would write is collected here."""
    written: list[int] = []

    def collect(entries: Any, _: Any) -> ingest_module.Ingested:
        written.extend(events.decode_event(fields[b"event"]).seq for _, fields in entries if fields)
        return ingest_module.Ingested(events=len(entries))

    monkeypatch.setattr("monitoring.ingest.ingester.ingest", collect)
    monkeypatch.setattr("monitoring.ingest.ingester.close_old_connections", lambda: None)
    stop = threading.Event()
    thread = threading.Thread(target=Ingester(connect(valkey.url), live).run, args=(stop,))
    thread.start()
    try:
        for _ in range(3):
            job.write(events.JobConnected)
        wait_until(lambda: len(written) == 3, "the first three")
        valkey.stop()
        valkey.start()
        for _ in range(3):
            job.write(events.JobConnected)
        wait_until(lambda: len(set(written)) == 6, "the other three")
        wait_until(lambda: connect(valkey.url).xlen(EVENTS_STREAM) == 0, "the stream is empty")
    finally:
        stop.set()
        thread.join(5)
    assert written == [1, 2, 3, 4, 5, 6]


def test_a_redis_that_comes_back_empty_gets_its_group_again(ingester: Ingester, job: Writer, redis: Redis) -> None:
    job.write(events.FrameStats, **STATS)
    drain(ingester)
    redis.flushall()
    job.write(events.FrameStats, **STATS)
    with pytest.raises(RedisError):
        drain(ingester)
    drain(ingester)
    assert FrameSample.objects.count() == 2


def test_only_one_ingester_is_active_at_a_time(redis: Redis, live: Broadcaster) -> None:
    first, second = Ingester(redis, live), Ingester(redis, live)
    assert first.hold_lease()
    assert first.hold_lease()
    assert not second.hold_lease()
    first.release_lease()
    assert second.hold_lease()


def test_an_ingester_that_wins_the_lease_back_begins_with_what_was_read_and_not_acknowledged(
    ingester: Ingester, redis: Redis, live: Broadcaster, job: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ingester.hold_lease()
    ingester.ingest_once(block_ms=1)
    redis.delete(LEASE_KEY)
    other = Ingester(redis, live)
    assert other.hold_lease()
    assert not ingester.hold_lease()
    job.write(events.FrameStats, **STATS)
    with monkeypatch.context() as patch:
        patch.setattr(other, "_acknowledge", lambda *_: (_ for _ in ()).throw(RedisError("gone")))
        other.ingest_once(block_ms=1)  # its own pending list, which is empty
        with pytest.raises(RedisError):
            other.ingest_once(block_ms=1)
    other.release_lease()
    assert ingester.hold_lease()
    ingester.ingest_once(block_ms=1)
    assert count_of_pending(redis) == 0


def test_a_step_is_there_while_it_runs_and_after(ingester: Ingester, job: Writer, on_air: AvatarSession) -> None:
    start = {"step": 1, "key": "starting_avatar_session", "label": "Starting Avatar Session", "rss_before_bytes": 100}
    job.write(events.StepStarted, **start)
    drain(ingester)
    step = WorkflowStep.objects.get()
    assert (step.status, step.duration_ms) == ("running", None)
    end = {"step": 1, "status": "completed", "duration_ms": 310.5, "rss_after_bytes": 164, "metadata": {"fps": 25}}
    job.write(events.StepFinished, **end)
    drain(ingester)
    step.refresh_from_db()
    assert (step.status, step.duration_ms, step.memory_delta_bytes, step.metadata) == (
        "completed",
        310.5,
        64,
        {"fps": 25},
    )


def test_a_step_that_begins_and_fails_within_a_batch_is_whole(ingester: Ingester, job: Writer) -> None:
    job.write(events.StepStarted, step=1, key="k", label="Outer")
    job.write(events.StepStarted, step=2, parent=1, key="k", label="Inner")
    job.write(events.StepFinished, step=2, status="failed", duration_ms=5, error="no such voice")
    drain(ingester)
    outer, inner = WorkflowStep.objects.all()
    assert (outer.status, inner.status, inner.parent, inner.error) == ("running", "failed", 1, "no such voice")


def test_a_hosts_second_is_shared_out_to_the_sessions_whose_jobs_it_shows(
    ingester: Ingester, sampler: Writer, on_air: AvatarSession, begin: Callable[[], None]
) -> None:
    begin()
    sampler.host_sample(4711, 4712)
    drain(ingester)
    sample = SessionSample.objects.get()
    assert (sample.session, sample.uss_bytes, sample.cpu_percent) == (on_air, 118, 38.5)
    host = HostSample.objects.get()
    assert (host.steal_percent, host.memory_used_bytes, host.agent_pss_bytes) == (0.4, 7_000, 343)
    worker = AgentWorker.objects.get(host="atlas")
    assert worker.host_seen_at is not None
    assert worker.last_seen_at is None


def test_a_page_that_opens_sees_every_process_of_the_host_and_how_busy_its_cores_are(
    ingester: Ingester, sampler: Writer, on_air: AvatarSession, begin: Callable[[], None], as_amina: Client
) -> None:
    begin()
    seen: tuple[tuple[int, readings.Role], ...] = ((4700, "worker"), (4705, "models"), (4711, "job"), (4712, "job"))
    processes = [readings.ProcessSample(pid=pid, role=role, cpu_percent=2, pss_bytes=2**20) for pid, role in seen]
    cpu = readings.CpuSample(cores=2, user_percent=30, system_percent=5, per_core_busy_percent=[61, 9])
    sampler.at = timezone.now()
    sampler.host_sample(cpu=cpu, processes=processes)
    drain(ingester)
    page = as_amina.get("/hosts/atlas/").content.decode()
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "worker 4700 all of atlas 2.0" in words
    assert "models 4705 all of atlas 2.0" in words
    assert f"job 4711 {on_air.profile_name} 2.0" in words
    assert "job 4712 no session told yet 2.0" in words
    assert "core 0 61" in words
    assert "core 1 9" in words


def test_a_second_that_was_read_late_is_not_shown_as_the_newest(
    ingester: Ingester, sampler: Writer, redis: Redis, on_air: AvatarSession
) -> None:
    cache.clear()
    came_ms = 1000 * (timezone.now() - timedelta(seconds=30)).timestamp()
    late = events.encode_event(sampler.host_sample(4711))
    redis.delete(EVENTS_STREAM)
    redis.xadd(EVENTS_STREAM, {EVENT_FIELD: late}, id=f"{came_ms:.0f}-0")
    drain(ingester)
    assert HostSample.objects.exists()
    assert newest.newest_of("atlas") == {}
    sampler.host_sample(4711)
    drain(ingester)
    assert newest.newest_of("atlas")


def test_the_processes_of_a_host_whose_clock_is_a_little_behind_are_shown(
    ingester: Ingester, sampler: Writer, on_air: AvatarSession
) -> None:
    cache.clear()
    sampler.at = timezone.now() - timedelta(seconds=7)
    sampler.host_sample(4711)
    drain(ingester)
    assert [each["pid"] for each in newest.newest_of("atlas")["processes"]] == [4711]


def test_a_hosts_clock_that_is_off_neither_hides_its_host_nor_moves_times_into_the_future(
    ingester: Ingester, sampler: Writer, job: Writer, on_air: AvatarSession
) -> None:
    job.at = timezone.now() + timedelta(hours=3)
    job.write(events.JobProcessStarted, host="atlas", pid=4711, job_id="j1")
    sampler.at = timezone.now() - timedelta(hours=3)
    sampler.host_sample(4711)
    drain(ingester)
    on_air.refresh_from_db()
    now = timezone.now()
    assert on_air.process_started_at is not None
    assert on_air.job_seen_at is not None
    assert on_air.process_started_at <= now
    assert now - on_air.job_seen_at < timedelta(seconds=30)
    seen_at = AgentWorker.objects.get(host="atlas").host_seen_at
    assert seen_at is not None
    assert now - seen_at < timedelta(seconds=30)


def test_a_host_of_another_time_is_not_called_well(
    ingester: Ingester, sampler: Writer, on_air: AvatarSession, as_amina: Client
) -> None:
    sampler.at = timezone.now() - timedelta(hours=3)
    sampler.host_sample(4711)
    drain(ingester)
    page = as_amina.get("/hosts/atlas/").content.decode()
    assert "atlas reports figures of another time" in page
    assert "is well" not in page
    assert "Clock is off" in as_amina.get("/").content.decode()


def test_a_killed_job_is_placed_again_as_soon_as_its_host_reports_it(
    ingester: Ingester, sampler: Writer, on_air: AvatarSession, begin: Callable[[], None]
) -> None:
    begin()
    sampler.write(events.ProcessExited, host="atlas", pid=4711, role="job")
    drain(ingester)
    on_air.refresh_from_db()
    assert (on_air.state, on_air.attempt) == (State.DEGRADED, 2)


def test_a_provider_that_is_lost_degrades_the_session_until_it_is_back(
    ingester: Ingester, job: Writer, on_air: AvatarSession, begin: Callable[[], None]
) -> None:
    begin()
    refused = {"provider": "tavus", "code": "rate_limited", "sentence": "Tavus refused the start: too many (429)."}
    job.write(events.AvatarLost, **refused, tries=1, again_in_s=7)
    job.write(events.AvatarTakenOver, provider="still", took_ms=412.4)
    job.write(events.AvatarLost, **refused, tries=2)
    job.write(events.AvatarTakenOver, provider="builtin", took_ms=900)
    drain(ingester)
    on_air.refresh_from_db()
    assert (on_air.state, on_air.state_detail) == (
        State.DEGRADED,
        "The voice goes on; the built-in avatar is shown since (900 ms).",
    )
    job.write(events.AvatarBack, provider="tavus", away_ms=8_640)
    drain(ingester)
    on_air.refresh_from_db()
    assert on_air.state == State.READY
    assert [event.text for event in on_air.events.all()][-5:] == [
        "Tavus refused the start: too many (429). [rate_limited] Tried again in 7 s.",
        "The voice goes on; the still picture is shown since (412 ms).",
        "Tavus refused the start: too many (429). [rate_limited] Not tried again.",
        "The voice goes on; the built-in avatar is shown since (900 ms).",
        "Tavus is back after 8.6 s",
    ]


def test_a_loss_that_is_told_after_the_return_leaves_the_session_ready_and_is_kept(
    ingester: Ingester, job: Writer, on_air: AvatarSession, begin: Callable[[], None]
) -> None:
    begin()
    job.at -= timedelta(seconds=10)
    lost = job.make(events.AvatarLost, provider="tavus", code="rate_limited", sentence="Too many.", tries=1)
    stood_in = job.make(events.AvatarTakenOver, provider="still", took_ms=412.4)
    job.at += timedelta(seconds=8)
    for event in (job.make(events.AvatarBack, provider="tavus", away_ms=8_640), stood_in, lost):
        job.send(event)
        drain(ingester)
        on_air.refresh_from_db()
        assert on_air.state == State.READY
    absence = on_air.absences.get()
    assert absence.back_at == absence.began_at + timedelta(seconds=8.64)
    assert [each["sentence"] for each in absence.causes_json] == ["Too many."]
    assert [each["provider"] for each in absence.stand_ins_json] == ["still"]


def test_overruns_that_go_on_and_on_are_told_once_in_a_while(
    ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    for _ in range(5):
        job.write(events.FrameOverrun, took_ms=61.2, budget_ms=40, count=3)
    drain(ingester)
    told = SessionEvent.objects.get(session=on_air, kind=SessionEvent.Kind.FRAMES)
    assert told.text == "Frame generation took 61 ms; its budget is 40 ms (3 frames)."


class Relief(threading.Event):
    """The disk's space comes back while the ingester waits; it ends with an empty stream."""

    def __init__(self, redis: Redis, browser: Client) -> None:
        super().__init__()
        self.redis, self.browser, self.pages = redis, browser, list[str]()

    def wait(self, timeout: float | None = None) -> bool:
        self.pages.append(self.browser.get("/hosts/").content.decode())
        limit_pages("1073741823")
        return False

    def is_set(self) -> bool:
        return self.redis.xlen(EVENTS_STREAM) == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite can be told how large its file may be")
def test_a_full_disk_loses_no_event_and_pages_say_so(
    ingester: Ingester, on_air: AvatarSession, job: Writer, redis: Redis, client: Client, amina: Operator
) -> None:
    client.force_login(amina)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # earlier tests left room in it
    limit_pages("1")  # the limit is never smaller than the file is
    for _ in range(2_000):
        job.write(events.FrameStats, **STATS)
    relief = Relief(redis, client)
    ingester.run(relief)
    assert "The disk of the database is full" in relief.pages[0]
    assert "Free space there" in relief.pages[0]
    assert FrameSample.objects.count() == 2_000
    assert "is full" not in client.get("/hosts/").content.decode()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        assert cursor.fetchone() == ("ok",)
