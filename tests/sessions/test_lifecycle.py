"""The state machine of a session."""

import subprocess
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from sessions import livekit, tasks
from sessions.actions import progress
from sessions.actions.lifecycle import end_session, finish_session, job_lost, start_session, stop_session
from sessions.actions.profiles import archive_profile, edit_profile
from sessions.actions.workers import (
    record_process_exited,
    record_worker_failed,
    record_worker_started,
    record_worker_starting,
)
from sessions.errors import Archived, CapacityReached, LiveKitError
from sessions.models import AgentWorker, AvatarProfile, AvatarSession, DeploymentMode, EndReason, State

Start = Callable[..., AvatarSession]


@pytest.fixture
def dispatches(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What LiveKit was asked to dispatch."""
    asked: list[dict[str, Any]] = []

    def create_dispatch(**order: Any) -> str:
        asked.append(order)
        return f"AD_{len(asked)}"

    monkeypatch.setattr(livekit, "create_dispatch", create_dispatch)
    monkeypatch.setattr(livekit, "dispatches_in", lambda room: {})
    return asked


@pytest.fixture
def on_air(session: AvatarSession, dispatches: list[dict[str, Any]]) -> AvatarSession:
    """A session that is READY with a job of pid 4711."""
    now = timezone.now()
    record_worker_started("atlas", 100, now)
    tasks.place_session(session.pk)
    code = str(session.code)
    progress.record_process_started(code, 1, "atlas", 4711, now)
    progress.record_connected(code, 1, now)
    progress.record_first_video(code, 1, now)
    progress.record_ready(code, 1, now)
    session.refresh_from_db()
    return session


def test_a_start_is_written_down_with_who_asked(session: AvatarSession) -> None:
    assert session.state == State.REQUESTED
    assert session.requested_by == "Amina"
    assert session.host == "atlas"
    assert [event.state for event in session.events.all()] == [State.REQUESTED]


def test_the_same_click_twice_starts_once(start: Start) -> None:
    first = start(request_key="click-1")
    assert start(request_key="click-1").pk == first.pk
    assert start(request_key="click-2").pk != first.pk


def test_a_start_beyond_the_hosts_limit_is_refused_and_changes_nothing(start: Start, settings: Any) -> None:
    settings.MAX_SESSIONS_PER_HOST = 1
    start()
    with pytest.raises(CapacityReached, match="atlas already runs its limit of 1"):
        start()
    assert AvatarSession.objects.count() == 1


def test_an_archived_profile_cannot_be_started(guide: AvatarProfile, balanced: DeploymentMode) -> None:
    archive_profile(guide)
    guide.refresh_from_db()
    with pytest.raises(Archived):
        start_session(profile=guide, mode=balanced, by="Amina")


def test_a_session_keeps_the_profile_version_that_it_started_with(session: AvatarSession, guide: AvatarProfile) -> None:
    edit_profile(guide, {"greeting": "Something new."}, by="Amina")
    session.refresh_from_db()
    assert session.profile_version.number == 1
    assert guide.current is not None
    assert guide.current.number == 2
    assert "Old Harbour" in session.as_job_spec().profile.greeting


def test_placing_a_session_orders_its_job_from_the_hosts_own_agent(
    session: AvatarSession, dispatches: list[dict[str, Any]]
) -> None:
    record_worker_started("atlas", 100, timezone.now())
    tasks.place_session(session.pk)
    tasks.place_session(session.pk)
    assert [order["agent_name"] for order in dispatches] == ["avatary-atlas"]
    assert str(session.code) in dispatches[0]["metadata"]
    session.refresh_from_db()
    assert session.state == State.STARTING
    assert session.dispatched_at is not None


def test_while_an_order_waits_for_its_next_try_nobody_else_orders(session: AvatarSession) -> None:
    record_worker_started("atlas", 100, timezone.now())
    away = LiveKitError("The media server does not answer.", retryable=True)
    with patch.object(livekit, "create_dispatch", side_effect=away) as create:
        tasks.place_session(session.pk)
        tasks.place_session(session.pk)
        AvatarSession.objects.update(state_changed_at=timezone.now() - timedelta(minutes=1))
        tasks.resume_stranded_sessions()
    assert create.call_count == 1


def test_an_order_whose_answer_was_lost_is_adopted_and_not_repeated(session: AvatarSession) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.STARTING, dispatch_id="claim-1")
    session.refresh_from_db()
    taken = {"AD_old": "of an earlier attempt", "AD_taken": session.as_job_spec().model_dump_json()}
    with (
        patch.object(livekit, "dispatches_in", return_value=taken),
        patch.object(livekit, "delete_dispatch") as delete,
        patch.object(livekit, "create_dispatch") as create,
    ):
        tasks.dispatch_session(session.pk, "claim-1", tries=1)
    session.refresh_from_db()
    assert session.dispatch_id == "AD_taken"
    delete.assert_called_once_with(session.room, "AD_old")
    create.assert_not_called()


def test_the_room_outlasts_its_session(session: AvatarSession, dispatches: list[dict[str, Any]]) -> None:
    record_worker_started("atlas", 100, timezone.now())
    tasks.place_session(session.pk)
    assert dispatches[0]["keep_room_s"] > session.max_duration_s


def test_the_job_order_carries_no_secret(session: AvatarSession, settings: Any) -> None:
    order = session.as_job_spec().model_dump_json()
    assert settings.LIVEKIT_API_SECRET not in order
    assert settings.SECRET_KEY not in order


def test_livekit_away_is_retried_by_the_modes_policy_and_then_ends_with_the_reason(session: AvatarSession) -> None:
    record_worker_started("atlas", 100, timezone.now())
    away = LiveKitError("The media server does not answer.", retryable=True)
    with patch.object(livekit, "create_dispatch", side_effect=away):
        tasks.place_session(session.pk)
        session.refresh_from_db()
        assert session.state == State.STARTING
        assert session.state_detail == "The media server does not answer. Retry 1 of 5 in 1.5 s."
        tasks.dispatch_session(session.pk, session.dispatch_id, tries=5)
    session.refresh_from_db()
    assert session.state == State.STOPPING
    assert session.end_reason == EndReason.FAILED
    assert "Gave up after 6 tries" in session.state_detail


def test_the_jobs_reports_become_the_readiness_of_the_session(on_air: AvatarSession) -> None:
    assert on_air.state == State.READY
    readiness = on_air.readiness_ms()
    assert readiness["first_audio_ms"] is None, "nobody has heard anything"
    assert all(value is not None for name, value in readiness.items() if name != "first_audio_ms")
    assert on_air.job_pid == 4711


def test_a_report_that_comes_twice_keeps_the_first_time(on_air: AvatarSession) -> None:
    before = on_air.ready_at
    progress.record_ready(str(on_air.code), 1, timezone.now() + timedelta(seconds=9))
    on_air.refresh_from_db()
    assert on_air.ready_at == before
    assert on_air.events.filter(state=State.READY).count() == 1


def test_two_operators_stopping_at_once_stop_it_once(on_air: AvatarSession) -> None:
    other_view = AvatarSession.objects.get(pk=on_air.pk)
    assert stop_session(on_air, by="Amina") is True
    assert stop_session(other_view, by="Clara") is False
    on_air.refresh_from_db()
    assert on_air.end_reason == EndReason.OPERATOR_STOPPED
    assert on_air.events.get(state=State.STOPPING).by == "Amina"


def test_a_stopped_session_ends_when_its_room_is_closed(on_air: AvatarSession) -> None:
    stop_session(on_air, by="Amina")
    with patch.object(livekit, "delete_room") as delete_room:
        tasks.close_room(on_air.pk)
    delete_room.assert_called_once_with(on_air.room)
    on_air.refresh_from_db()
    assert on_air.state == State.ENDED
    assert on_air.ended_at is not None


def test_a_lost_job_is_started_again_in_the_same_room_once(
    on_air: AvatarSession,
    dispatches: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    record_process_exited("atlas", 4711, "job", timezone.now())
    on_air.refresh_from_db()
    assert (on_air.state, on_air.attempt, on_air.job_pid) == (State.DEGRADED, 2, None)
    tasks.place_session(on_air.pk)
    assert [order["room"] for order in dispatches] == [on_air.room] * 2
    progress.record_process_started(str(on_air.code), 2, "atlas", 4712, timezone.now())
    progress.record_ready(str(on_air.code), 2, timezone.now())
    on_air.refresh_from_db()
    assert on_air.state == State.READY

    record_process_exited("atlas", 4712, "job", timezone.now())
    on_air.refresh_from_db()
    assert on_air.state == State.STOPPING
    assert on_air.end_reason == EndReason.AGENT_LOST


def test_news_of_an_earlier_attempt_changes_nothing(on_air: AvatarSession) -> None:
    assert job_lost(on_air, 1, "Lost.") is True
    assert job_lost(on_air, 1, "Lost.") is False
    progress.record_job_ended(str(on_air.code), 1, timezone.now(), None)
    on_air.refresh_from_db()
    assert on_air.attempt == 2


def test_a_job_that_ends_because_the_session_stops_is_no_loss(on_air: AvatarSession) -> None:
    stop_session(on_air, by="Amina")
    progress.record_job_ended(str(on_air.code), 1, timezone.now(), None)
    record_process_exited("atlas", 4711, "job", timezone.now())
    on_air.refresh_from_db()
    assert (on_air.state, on_air.attempt) == (State.STOPPING, 1)


def test_an_ended_session_cannot_be_ended_again(on_air: AvatarSession) -> None:
    end_session(on_air, EndReason.IDLE)
    assert finish_session(on_air) is True
    assert finish_session(on_air) is False
    assert end_session(on_air, EndReason.FAILED) is False
    assert on_air.end_reason == EndReason.IDLE


def test_a_start_that_the_queue_dropped_is_picked_up(session: AvatarSession) -> None:
    AvatarSession.objects.update(
        state_changed_at=timezone.now() - timedelta(seconds=30), attempt_at=timezone.now() - timedelta(seconds=30)
    )
    with patch.object(tasks, "enqueue") as enqueue:
        tasks.resume_stranded_sessions()
    enqueue.assert_called_once_with(tasks.place_session, session.pk)


AWAY = LiveKitError("The media server does not answer.", retryable=True)


@pytest.fixture
def ordered(session: AvatarSession) -> AvatarSession:
    """A session whose order is on its way to a host where no agent worker runs."""
    AvatarSession.objects.filter(pk=session.pk).update(state=State.STARTING, dispatch_id="claim-1")
    session.refresh_from_db()
    return session


def test_a_worker_that_does_not_come_up_ends_the_session_with_its_reason(ordered: AvatarSession) -> None:
    failure = subprocess.CompletedProcess([], 1, stdout="", stderr="LiveKit refused the worker's key.\n")
    with patch("subprocess.run", return_value=failure), patch.object(livekit, "is_reachable"):
        tasks.start_worker_then_dispatch(ordered.pk, "claim-1")
    ordered.refresh_from_db()
    assert ordered.end_reason == EndReason.FAILED
    assert ordered.state_detail == "LiveKit refused the worker's key."


def test_one_thread_waits_for_a_worker_to_come_up_and_all_share_what_comes_of_it(ordered: AvatarSession) -> None:
    assert record_worker_starting("atlas"), "another session's task is at it"
    with (
        patch("subprocess.run") as run,
        patch.object(livekit, "is_reachable"),
        patch.object(tasks.start_worker_then_dispatch, "apply_async") as again,
    ):
        tasks.start_worker_then_dispatch(ordered.pk, "claim-1")
        tasks.ensure_agent_worker("atlas")
        run.assert_not_called()
        order = again.call_args.kwargs
        assert (order["queue"], order["countdown"] < 1) == ("host.atlas", True)
        record_worker_failed("atlas", "The agent worker ended at once.")
        tasks.start_worker_then_dispatch(*order["args"])
    ordered.refresh_from_db()
    assert (ordered.end_reason, ordered.state_detail) == (EndReason.FAILED, "The agent worker ended at once.")


def test_a_start_that_was_cut_short_keeps_nobody_from_the_next(db: None) -> None:
    record_worker_starting("atlas")
    done = subprocess.CompletedProcess([], 0, stdout='{"pid": 100, "started": true}\n', stderr="")
    with patch("subprocess.run", return_value=done) as run:
        tasks.ensure_agent_worker("atlas")
        run.assert_not_called()
        tasks.ensure_agent_worker("atlas", is_first_order=True)
        run.assert_called_once()
    assert AgentWorker.objects.get().is_up


def test_a_worker_that_somebody_else_brought_up_takes_the_order(
    ordered: AvatarSession, dispatches: list[dict[str, Any]]
) -> None:
    record_worker_starting("atlas")
    record_worker_started("atlas", 100, timezone.now())
    tasks.start_worker_then_dispatch(ordered.pk, "claim-1", 0, True)
    assert len(dispatches) == 1


def test_while_livekit_is_away_no_thread_waits_for_a_worker_that_could_not_register(ordered: AvatarSession) -> None:
    with (
        patch("subprocess.run") as run,
        patch.object(livekit, "is_reachable", side_effect=AWAY),
        patch.object(tasks.start_worker_then_dispatch, "apply_async") as again,
    ):
        tasks.start_worker_then_dispatch(ordered.pk, "claim-1")
        ordered.refresh_from_db()
        assert ordered.state_detail == "The media server does not answer. Retry 1 of 5 in 1.5 s."
        assert again.call_args.kwargs == {
            "args": (ordered.pk, "claim-1", 1),
            "countdown": 1.5,
            "queue": "host.atlas",
        }
        tasks.start_worker_then_dispatch(ordered.pk, "claim-1", 5)
    run.assert_not_called()
    ordered.refresh_from_db()
    assert ordered.end_reason == EndReason.FAILED


def test_an_order_that_livekit_leaves_unanswered_holds_its_thread_for_seconds_only(ordered: AvatarSession) -> None:
    assert ordered.mode_version.settings.timeout_s > 10
    with patch.object(livekit, "create_dispatch", side_effect=AWAY) as create:
        tasks.dispatch_session(ordered.pk, "claim-1")
    assert create.call_args.kwargs["timeout_s"] <= 5
