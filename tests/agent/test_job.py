"""Sessions on a real LiveKit server, as the control plane and a visitor see them."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from livekit import rtc

from agent.kernel import read_stat
from protocol.control import STAGE_ATTRIBUTE
from protocol.steps import StepKey
from tests.agent.conftest import GREETING, Host, Stream, eventually, make_spec
from tests.agent.visitor import Visitor
from tests.services import LiveKit

Start = Callable[..., Any]


async def test_a_session_gets_ready_with_nobody_in_the_room(start_session: Start) -> None:
    session = await start_session(greeting="Good morning, and good night.")  # which the host has not kept
    await session.wait_for("job_ready")

    kinds = [event.kind for event in session.events()]
    assert kinds[0] == "job_process_started"
    assert kinds.index("job_connected") < kinds.index("first_video_published") < kinds.index("job_ready")
    finished = {event.step: event for event in session.events("step_finished")}
    by_key = {e.key: finished[e.step] for e in session.events("step_started") if e.step in finished}
    assert {StepKey.CONNECTION, StepKey.CONFIGURATION, StepKey.AVATAR, StepKey.GREETING_SOUND} <= by_key.keys()
    assert all(event.status == "completed" for event in by_key.values())
    assert by_key[StepKey.VOICE_MODEL].metadata["shared"] is True
    numbers = [event.seq for event in session.events()]
    assert numbers == list(range(1, len(numbers) + 1))

    await session.end()
    assert session.events("job_ended")[0].error is None
    await eventually(lambda: read_stat(session.pid) is None, "the job process is gone")


async def test_a_visitor_sees_the_avatar_and_is_greeted_once(start_session: Start, livekit: LiveKit) -> None:
    session = await start_session()
    await session.wait_for("job_ready")
    dana = Visitor(livekit, session.spec.room)
    await dana.join()
    await eventually(lambda: dana.frames >= 5, "frames seen")
    assert dana.frame_size == (640, 360)
    assert dana.heard_s == 0
    agent = dana.agent
    assert agent is not None
    await eventually(lambda: agent.attributes.get(STAGE_ATTRIBUTE) == "ready", "stage shown")

    assert await dana.report(token_ms=90, connected_ms=400, first_frame_ms=700) == '{"outcome":"recorded"}'
    assert (await session.wait_for("greeting_started")).identity == dana.identity
    await eventually(lambda: dana.heard_s > 0.5, "greeting heard")
    await dana.report(first_sound_ms=900)
    await eventually(lambda: dana.captions == GREETING, "captions of the whole greeting")
    greeting = {event.step for event in session.events("step_started") if event.key == StepKey.FIRST_GREETING}
    await eventually(lambda: greeting <= {e.step for e in session.events("step_finished")}, "greeting delivered")

    await dana.leave()
    await session.wait_for("visitor_left")
    again = Visitor(livekit, session.spec.room, dana.identity)
    await again.join()
    await eventually(lambda: again.frames, "frames seen again")
    await again.report(first_frame_ms=500)
    emil = Visitor(livekit, session.spec.room)
    await emil.join()
    await eventually(lambda: emil.frames, "frames seen by the second visitor")
    await emil.report(first_frame_ms=600)  # a greeted visitor is present: no second greeting over the talk
    await eventually(lambda: len(session.events("visit_progress")) == 4, "reports recorded")
    assert len(session.events("greeting_started")) == 1
    await again.leave()
    await emil.leave()


async def test_a_visitor_whom_an_earlier_attempt_greeted_is_not_greeted_again(
    start_session: Start, livekit: LiveKit
) -> None:
    session = await start_session(attempt=2, greeted=["visitor-dana"])
    dana = Visitor(livekit, session.spec.room, "visitor-dana")
    await dana.join()
    await eventually(lambda: dana.frames, "frames seen")
    await dana.report(first_frame_ms=100)
    await session.wait_for("visit_progress")
    await session.wait_for("job_ready")
    assert not session.events("greeting_started")
    await dana.leave()


async def test_a_malformed_report_is_answered_with_an_error_and_the_job_goes_on(
    start_session: Start, livekit: LiveKit
) -> None:
    session = await start_session()
    await session.wait_for("job_ready")
    dana = Visitor(livekit, session.spec.room)
    await dana.join()
    agent = await eventually(lambda: dana.agent, "agent seen")
    with pytest.raises(rtc.RpcError, match="malformed"):
        await dana.room.local_participant.perform_rpc(
            destination_identity=agent.identity, method="avatary.visit_progress", payload='{"first_frame_ms": -1}'
        )
    await dana.report(first_frame_ms=1)
    await session.wait_for("greeting_started")
    await dana.leave()


async def test_a_greeting_that_no_voice_can_speak_still_has_its_captions(
    start_session: Start, livekit: LiveKit
) -> None:
    greeting = "欢迎来到博物馆"
    session = await start_session(greeting=greeting)
    await session.wait_for("job_ready")
    sound = next(e for e in session.events("step_finished") if "voiced" in e.metadata)
    assert sound.metadata["voiced"] is False
    dana = Visitor(livekit, session.spec.room)
    await dana.join()
    await eventually(lambda: dana.frames, "frames seen")
    await dana.report(first_frame_ms=1)
    await eventually(lambda: dana.captions == greeting, "captions")
    assert dana.heard_s == 0
    await dana.leave()


async def test_a_voice_that_the_host_does_not_have_ends_the_job_with_a_sentence(start_session: Start) -> None:
    profile = make_spec("atlas").profile.model_copy(update={"voice": "nobody"})
    session = await start_session(profile=profile)
    ended = await session.wait_for("job_ended")
    assert "no voice 'nobody'; it has cedar, heart" in ended.error
    assert not session.events("job_process_started")


async def test_a_dispatch_without_a_valid_spec_ends_with_a_sentence(host: Host) -> None:
    stream = Stream.from_now(host.valkey.url)
    await host.dispatch('{"session_code": "s-1", "attempt": 3, "room": 5}', "avatary-s-1")
    ended = await eventually(lambda: stream.of("s-1", "job_ended"), "the job ended")
    assert ended[0].attempt == 3
    assert "not a valid job spec" in ended[0].error
    assert "room" in ended[0].error


async def test_a_job_whose_provider_is_unknown_is_ready_with_the_still_picture_and_says_why(
    start_session: Start,
) -> None:
    session = await start_session(provider="nobody")
    lost = await session.wait_for("avatar_lost")
    assert (lost.code, lost.again_in_s) == ("not_set_up", None)
    assert "no avatar provider 'nobody'" in lost.sentence
    await session.wait_for("job_ready")
    await session.end()


async def test_a_job_outlives_redis_and_no_event_is_lost_or_out_of_order(start_session: Start, host: Host) -> None:
    session = await start_session()
    await session.wait_for("job_ready")
    before, pid = len(session.events()), session.pid
    host.valkey.stop()
    try:
        waits = f"telemetry of job:{session.spec.session_code}"
        await eventually(lambda: waits in host.log, "the job noticed that Redis is away")
        assert read_stat(pid) is not None
    finally:
        host.valkey.start()
    await eventually(lambda: len(session.events()) >= before + 2, "events that waited arrive")
    await session.end()
    seen = list(dict.fromkeys(event.seq for event in session.events()))
    assert seen == list(range(1, len(seen) + 1))


async def test_a_killed_job_leaves_the_worker_ready_for_the_next(start_session: Start) -> None:
    session = await start_session()
    await session.wait_for("job_ready")
    os.kill(session.pid, signal.SIGKILL)
    second = await start_session()
    await second.wait_for("job_ready")
    assert second.pid != session.pid
    assert not session.events("job_ended")


async def test_two_sessions_share_the_worker(start_session: Start) -> None:
    first, second = await start_session(), await start_session()
    await first.wait_for("job_ready")
    await second.wait_for("job_ready")
    assert first.pid != second.pid


async def test_two_sessions_share_the_models(start_session: Start) -> None:
    def loading(session: Any) -> Any:
        finished = session.events("step_finished")
        steps = {event.step: event.key for event in session.events("step_started")}
        return next((event for event in finished if steps[event.step] == StepKey.SPEECH_MODEL), None)

    first = await start_session()
    await eventually(lambda: loading(first), "the first session's models", 60)
    second = await start_session()
    step = await eventually(lambda: loading(second), "the second session's models", 60)
    assert step.metadata["shared"] is True
