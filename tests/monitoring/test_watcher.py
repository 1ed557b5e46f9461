"""What the watcher does about it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import Report
from monitoring.watching import watcher as watcher_module
from monitoring.watching.decisions import decide
from monitoring.watching.watcher import Watcher
from sessions.actions.lifecycle import end_session
from sessions.actions.links import create_link
from sessions.errors import LiveKitError
from sessions.models import AgentWorker, AvatarSession, EndReason, State, Visit

pytestmark = pytest.mark.django_db(transaction=True)


class FakeLiveKit:
    """Stands where `sessions.livekit` does: one agent, some visitors, or nobody who answers."""

    def __init__(self) -> None:
        self.agent_is_there = True
        self.is_away = False
        self.visitors: set[str] = set()
        self.rooms: set[str] = set()
        self.deleted: list[str] = []
        self.removed: list[str] = []

    def answer(self, value: Any) -> Any:
        if self.is_away:
            raise LiveKitError("The media server does not answer.", retryable=True)
        return value

    def agent_is_in(self, room: str) -> bool:
        return bool(self.answer(self.agent_is_there))

    def participant_identities(self, room: str) -> set[str]:
        found: set[str] = self.answer(self.visitors)
        return found

    def open_rooms(self) -> set[str]:
        found: set[str] = self.answer(self.rooms)
        return found

    def delete_room(self, room: str) -> None:
        self.answer(None)
        self.deleted.append(room)

    def remove_participant(self, room: str, identity: str) -> None:
        self.answer(None)
        self.removed.append(identity)


@pytest.fixture
def livekit(monkeypatch: pytest.MonkeyPatch) -> FakeLiveKit:
    fake = FakeLiveKit()
    monkeypatch.setattr(watcher_module, "livekit", fake)
    return fake


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Tasks that were given to Celery: name, first argument."""
    given: list[tuple[str, Any]] = []

    def enqueue(task: Any, *args: Any, **_: Any) -> None:
        given.append((task.name.rsplit(".", 1)[-1], args[0]))

    for place in ("monitoring.watching.watcher", "sessions.actions.lifecycle", "sessions.actions.dispatching"):
        monkeypatch.setattr(f"{place}.enqueue", enqueue)
    return given


@pytest.fixture
def watcher(livekit: FakeLiveKit, orders: list[tuple[str, Any]]) -> Watcher:
    return Watcher()


def put(session: AvatarSession, **fields: Any) -> AvatarSession:
    AvatarSession.objects.filter(pk=session.pk).update(**fields)
    session.refresh_from_db()
    return session


@pytest.fixture
def ready(session: AvatarSession) -> AvatarSession:
    now = timezone.now()
    return put(session, state=State.READY, dispatch_id="d1", job_pid=4711, job_seen_at=now, ready_at=now)


def test_a_silent_job_that_livekit_does_not_see_is_lost(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit, orders: list[tuple[str, Any]]
) -> None:
    livekit.agent_is_there = False
    orders.clear()
    watcher.tick(timezone.now() + timedelta(seconds=6))
    ready.refresh_from_db()
    assert (ready.state, ready.attempt) == (State.DEGRADED, 2)
    assert orders == [("place_session", ready.pk)]


def test_a_silent_job_that_livekit_sees_goes_on(watcher: Watcher, ready: AvatarSession) -> None:
    """Redis is away: no event comes, and nobody is declared lost for it."""
    for seconds in (6, 60, 600):
        watcher.tick(timezone.now() + timedelta(seconds=seconds))
    ready.refresh_from_db()
    assert (ready.state, ready.attempt) == (State.READY, 1)


def test_a_livekit_that_does_not_answer_proves_nothing(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    livekit.is_away = True
    watcher.tick(timezone.now() + timedelta(seconds=60))
    ready.refresh_from_db()
    assert (ready.state, ready.attempt) == (State.READY, 1)


def test_a_clock_that_is_set_back_holds_nothing_up(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    watcher.tick(timezone.now() + timedelta(minutes=10))
    livekit.agent_is_there = False
    watcher.tick(timezone.now() + timedelta(seconds=6))
    ready.refresh_from_db()
    assert ready.attempt == 2


def test_a_job_that_is_lost_again_ends_the_session(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    put(ready, attempt=2)
    livekit.agent_is_there = False
    watcher.tick(timezone.now() + timedelta(seconds=6))
    ready.refresh_from_db()
    assert (ready.state, ready.end_reason) == (State.STOPPING, EndReason.AGENT_LOST)


def test_a_dispatch_that_nobody_took_is_made_again(
    watcher: Watcher, session: AvatarSession, livekit: FakeLiveKit, orders: list[tuple[str, Any]]
) -> None:
    livekit.agent_is_there = False
    orders.clear()
    put(session, state=State.STARTING, dispatch_id="d1")
    watcher.tick(timezone.now() + timedelta(seconds=22))
    session.refresh_from_db()
    assert session.dispatch_id == ""
    assert session.state_detail == "No agent worker of atlas took the session within 20 s. Retry 1 of 5."
    assert orders == [("place_session", session.pk)]


def test_a_dispatch_whose_job_is_in_the_room_is_not_made_again(
    watcher: Watcher, session: AvatarSession, livekit: FakeLiveKit
) -> None:
    """Its events wait for Redis."""
    put(session, state=State.STARTING, dispatch_id="d1")
    for seconds in (22, 300):
        watcher.tick(timezone.now() + timedelta(seconds=seconds))
    session.refresh_from_db()
    assert (session.state, session.dispatch_id) == (State.STARTING, "d1")


@pytest.mark.parametrize("is_away", [False, True])
def test_a_session_that_nobody_takes_fails_in_the_end(
    watcher: Watcher, session: AvatarSession, livekit: FakeLiveKit, is_away: bool
) -> None:
    livekit.agent_is_there, livekit.is_away = False, is_away
    put(session, state=State.STARTING, dispatch_id="d1")
    watcher.tick(timezone.now() + timedelta(seconds=130))
    session.refresh_from_db()
    assert (session.state, session.end_reason) == (State.STOPPING, EndReason.FAILED)
    assert "No agent worker of atlas took the session" in session.state_detail


def test_a_session_that_nobody_joined_ends_and_says_so(watcher: Watcher, ready: AvatarSession) -> None:
    put(ready, idle_timeout_s=10)
    watcher.tick(timezone.now() + timedelta(seconds=11))
    ready.refresh_from_db()
    assert (ready.state, ready.end_reason) == (State.STOPPING, EndReason.IDLE)


def test_a_session_whose_room_does_not_close_ends_all_the_same(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    end_session(ready, EndReason.OPERATOR_STOPPED)
    livekit.is_away = True
    watcher.tick(timezone.now() + timedelta(seconds=41))
    ready.refresh_from_db()
    assert (ready.state, ready.end_reason) == (State.ENDED, EndReason.OPERATOR_STOPPED)


def test_a_room_that_outlived_its_session_is_closed_when_livekit_is_back(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    put(ready, state=State.ENDED, ended_at=timezone.now())
    livekit.rooms = {ready.room, "avatary-x"}
    watcher.tick(timezone.now())
    assert livekit.deleted == [ready.room]


def test_a_worker_that_is_gone_is_started_again_but_not_twice_a_second(
    watcher: Watcher, db: None, orders: list[tuple[str, Any]]
) -> None:
    now = timezone.now()
    AgentWorker.objects.create(
        host="atlas", state="running", pid=17, host_seen_at=now, last_seen_at=now - timedelta(seconds=5)
    )
    for _ in range(3):
        watcher.tick(now)
    assert orders == [("ensure_agent_worker", "atlas")]
    worker = AgentWorker.objects.get()
    assert (worker.state, worker.pid) == ("lost", None)


def test_visitors_who_left_while_nobody_reported_it_are_counted_out(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    link = create_link(ready, by="Amina")
    now = timezone.now()
    dana, emil = (
        Visit.objects.create(session=ready, link=link, identity=f"visitor-{name}", joined_at=joined_at)
        for name, joined_at in (("dana", now), ("emil", None))
    )
    put(ready, empty_since=None)
    livekit.visitors = {"visitor-emil", "agent-1"}
    watcher.tick(now)
    dana.refresh_from_db()
    emil.refresh_from_db()
    assert (dana.is_here, emil.is_here) == (False, True)


def test_visitors_whose_link_was_revoked_are_sent_out_and_counted_out(
    watcher: Watcher, ready: AvatarSession, livekit: FakeLiveKit
) -> None:
    link = create_link(ready, by="Amina")
    now = timezone.now()
    gone, stays, back = (
        Visit.objects.create(
            session=ready, link=link, identity=f"visitor-{name}", joined_at=now, left_at=left_at, removed_at=now
        )
        for name, left_at in (("gone", None), ("stays", None), ("back", now))
    )
    livekit.visitors = {stays.identity, back.identity}
    watcher.tick(now)
    assert sorted(livekit.removed) == [back.identity, stays.identity]
    gone.refresh_from_db()
    back.refresh_from_db()
    assert (gone.is_here, back.is_here) == (False, False)


def test_a_mistake_with_one_session_leaves_the_others_watched(
    watcher: Watcher, start: Callable[..., AvatarSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = start(), start()

    def decide_badly(session: AvatarSession, *args: Any, **named: Any) -> Any:
        if session.pk == broken.pk:
            raise ZeroDivisionError
        return decide(session, *args, **named)

    monkeypatch.setattr(watcher_module, "decide", decide_badly)
    put(other, max_duration_s=1)
    watcher.tick(timezone.now() + timedelta(seconds=2))
    other.refresh_from_db()
    assert other.state == State.STOPPING


def test_an_ended_session_gets_its_report(watcher: Watcher, ready: AvatarSession) -> None:
    put(ready, state=State.ENDED, end_reason=EndReason.OPERATOR_STOPPED, ended_at=timezone.now())
    watcher.tick(timezone.now())
    assert not Report.objects.exists(), "its last events may still come"
    watcher.tick(timezone.now() + timedelta(seconds=4))
    assert Report.objects.get().session == ready
