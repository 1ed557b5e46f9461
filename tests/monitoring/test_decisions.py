"""What the watcher decides, for rows and a clock that the test makes up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitoring.watching.decisions import (
    AskLiveKit,
    CloseRoom,
    Decision,
    DispatchAgain,
    End,
    GiveUp,
    PlaceAgain,
    decide,
    worker_is_gone,
)
from protocol.modes import BUILT_IN_MODES
from sessions.models import AgentWorker, AvatarSession, EndReason, ModeVersion, State
from sessions.models.profiles import settings_as_json

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STABLE = BUILT_IN_MODES["stable"]  # 5 retries, 2 s apart, 30 s each


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def session(**fields: Any) -> AvatarSession:
    """A session on air for 100 s, with its job heard a second ago and a visitor in the room."""
    return AvatarSession(
        **{
            "mode_version": ModeVersion(settings_json=settings_as_json(STABLE)),
            "host": "atlas",
            "state": State.READY,
            "state_changed_at": ago(99),
            "requested_at": ago(100),
            "attempt_at": ago(100),
            "dispatch_id": "d1",
            "job_pid": 4711,
            "ready_at": ago(99),
            "job_seen_at": ago(1),
            "empty_since": None,
            "max_duration_s": 3600,
            "idle_timeout_s": 900,
            **fields,
        }
    )


def decision(was_visited: bool = True, **fields: Any) -> Decision | None:
    return decide(session(**fields), NOW, was_visited=was_visited)


def starting(**fields: Any) -> AvatarSession:
    """Dispatched; no process yet."""
    return session(**{"state": State.STARTING, "job_pid": None, "ready_at": None, "job_seen_at": None, **fields})


def test_a_session_that_is_well_is_left_alone() -> None:
    assert decision() is None
    assert decision(state=State.DEGRADED) is None
    assert decision(empty_since=ago(899)) is None


def test_a_session_ends_at_its_time_limit() -> None:
    assert decision(max_duration_s=101) is None
    end = decision(max_duration_s=100)
    assert isinstance(end, End)
    assert end.reason == EndReason.MAX_DURATION


def test_a_session_that_nobody_joined_ends_as_idle() -> None:
    end = decision(empty_since=ago(901), requested_at=ago(901), was_visited=False)
    assert isinstance(end, End)
    assert end.reason == EndReason.IDLE


def test_a_session_whose_visitors_are_gone_for_long_ends_because_they_left() -> None:
    end = decision(empty_since=ago(901), requested_at=ago(2000))
    assert isinstance(end, End)
    assert end.reason == EndReason.VISITOR_LEFT


def test_a_silent_job_is_not_lost_before_livekit_was_asked() -> None:
    assert decision(job_seen_at=ago(4)) is None
    assert decision(job_seen_at=ago(6)) == AskLiveKit()


def test_a_job_that_is_still_loading_may_be_silent_as_long_as_the_mode_is_patient() -> None:
    assert decide(starting(job_pid=4711, job_seen_at=ago(29)), NOW, was_visited=False) is None
    assert decide(starting(job_pid=4711, job_seen_at=ago(31)), NOW, was_visited=False) == AskLiveKit()


def test_a_session_that_waits_for_its_new_job_is_not_asked_after() -> None:
    assert decision(state=State.DEGRADED, job_pid=None, job_seen_at=None, attempt_at=ago(3)) is None


@pytest.mark.parametrize(
    ("waited_s", "expected"), [(31, None), (33, DispatchAgain), (191, DispatchAgain), (193, GiveUp)]
)
def test_a_dispatch_that_nobody_took_is_made_again_until_the_retries_are_used_up(
    waited_s: float, expected: type[Any] | None
) -> None:
    since_last = min(waited_s, 33)
    found = decide(
        starting(requested_at=ago(200), state_changed_at=ago(waited_s), attempt_at=ago(since_last)),
        NOW,
        was_visited=False,
    )
    assert (found and type(found)) == expected


def test_giving_up_names_what_was_waited_for() -> None:
    found = decide(starting(state_changed_at=ago(193), attempt_at=ago(33)), NOW, was_visited=False)
    assert isinstance(found, GiveUp)
    assert found.detail == "No agent worker of atlas took the session: waited 193 s for a process, in 6 tries."


def test_a_session_whose_order_was_lost_with_the_queue_is_placed_again() -> None:
    assert (
        decide(starting(dispatch_id="", attempt_at=ago(19), state_changed_at=ago(50)), NOW, was_visited=False) is None
    )
    for state in (State.REQUESTED, State.STARTING, State.DEGRADED):
        lost = starting(state=state, dispatch_id="", attempt_at=ago(21), state_changed_at=ago(21))
        assert decide(lost, NOW, was_visited=False) == PlaceAgain()


@pytest.mark.parametrize(("waited_s", "expected"), [(36, None), (39, None), (41, DispatchAgain)])
def test_an_order_that_is_in_somebodys_hands_gets_longer_before_it_is_made_again(
    waited_s: float, expected: type[Any] | None
) -> None:
    held = starting(dispatch_id="claim-1", attempt_at=ago(waited_s), state_changed_at=ago(waited_s))
    found = decide(held, NOW, was_visited=False)
    assert (found and type(found)) == expected


def test_an_order_that_nobody_carried_out_blames_no_agent_worker() -> None:
    found = decide(
        starting(dispatch_id="claim-1", attempt_at=ago(41), state_changed_at=ago(41)), NOW, was_visited=False
    )
    assert found == DispatchAgain("The order for atlas was not carried out within 40 s; it is given once more.")


@pytest.mark.parametrize(("dispatch_id", "since_last_s"), [("", 91), ("", 21), ("claim-1", 33)])
@pytest.mark.parametrize("state", [State.REQUESTED, State.STARTING, State.DEGRADED])
def test_a_start_whose_order_nobody_takes_ends_and_names_the_queue(
    state: State, dispatch_id: str, since_last_s: float
) -> None:
    found = decide(
        starting(state=state, dispatch_id=dispatch_id, attempt_at=ago(since_last_s), state_changed_at=ago(91)),
        NOW,
        was_visited=False,
    )
    assert found == GiveUp(
        "Nobody brought the session to atlas within 91 s: is a Celery worker reading the queue host.atlas?"
    )


def test_a_session_whose_job_runs_is_not_given_up_though_its_dispatch_was_never_written_down() -> None:
    assert decision(dispatch_id="claim-1") is None


def test_an_order_that_is_tried_right_now_is_not_given_up() -> None:
    trying = starting(dispatch_id="claim-1", attempt_at=ago(31), state_changed_at=ago(120))
    assert decide(trying, NOW, was_visited=False) is None


def test_a_job_that_starts_again_may_be_silent_while_it_loads_as_one_that_starts() -> None:
    again: dict[str, Any] = {"state": State.DEGRADED, "attempt": 2, "attempt_at": ago(20)}
    assert decision(**again, job_seen_at=ago(15)) is None
    assert decision(**again, job_seen_at=ago(31), state_changed_at=ago(32)) is None, "seen before this attempt began"
    assert decision(**{**again, "attempt_at": ago(40)}, job_seen_at=ago(31)) == AskLiveKit()


def test_a_session_that_stops_for_too_long_has_its_room_closed() -> None:
    assert decision(state=State.STOPPING, state_changed_at=ago(39)) is None
    assert decision(state=State.STOPPING, state_changed_at=ago(41)) == CloseRoom()


def worker(**fields: Any) -> AgentWorker:
    return AgentWorker(
        **{"host": "atlas", "state": "running", "host_seen_at": ago(1), "last_seen_at": ago(1), "pid": 17, **fields}
    )


def test_a_worker_is_gone_only_where_its_host_reports_without_it() -> None:
    assert not worker_is_gone(worker(), NOW)
    assert worker_is_gone(worker(last_seen_at=ago(5)), NOW)
    assert not worker_is_gone(worker(last_seen_at=ago(60), host_seen_at=ago(60)), NOW), "the whole host is silent"
    assert worker_is_gone(worker(state="lost"), NOW)
    assert not worker_is_gone(worker(state="lost", host_seen_at=ago(11)), NOW), "nobody there to start it"
    assert not worker_is_gone(worker(state="lost", host_seen_at=None), NOW)
    assert worker_is_gone(worker(state="stopped", last_seen_at=None), NOW), "a host that has just begun to report"
    assert not worker_is_gone(worker(state="starting", last_seen_at=None, started_at=ago(30)), NOW)
    assert worker_is_gone(worker(state="starting", last_seen_at=None, started_at=ago(50)), NOW), (
        "who started it is gone"
    )
