"""A browser without scripts, and a database with something in every list."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from monitoring.models import FrameSample, HostSample, SessionSample, WorkflowStep
from operators.models import Operator
from sessions.actions.links import create_link
from sessions.models import AgentWorker, AvatarSession, EndReason, SessionEvent, State, Visit
from tests.services import PAGE_LIMIT_MS

MIB = 1024 * 1024
Browse = Callable[[Operator], Client]


@pytest.fixture(autouse=True)
def _no_earlier_tries() -> None:
    cache.clear()


@pytest.fixture
def browse() -> Browse:
    """A browser in which somebody is signed in."""

    def signed_in(operator: Operator) -> Client:
        client = Client()
        client.force_login(operator)
        return client

    return signed_in


@contextmanager
def page_of(browser: Browser, client: Client, live_server: LiveServer) -> Iterator[Page]:
    """A page of a real browser in which the one is signed in who is so in `client`."""
    signed_in = next(iter(client.cookies.values()))
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(PAGE_LIMIT_MS)
        context.add_cookies([{"name": signed_in.key, "value": signed_in.value, "url": live_server.url}])
        yield context.new_page()


def put(session: AvatarSession, state: State, **fields: object) -> AvatarSession:
    """Bring a session to a state without a job behind it."""
    AvatarSession.objects.filter(pk=session.pk).update(state=state, **fields)
    session.refresh_from_db()
    return session


def measure(session: AvatarSession, seconds: int = 20) -> None:
    """Steps and samples of a session that has run for some seconds."""
    now = timezone.now()
    step = {"session": session, "attempt": 1, "started_at": session.requested_at}
    WorkflowStep.objects.create(
        number=1, key="connection_initialization", label="Connection Initialization", status="completed",
        duration_ms=152, uss_before_bytes=61 * MIB, uss_after_bytes=74 * MIB, metadata={"room": "r"}, **step,
    )  # fmt: skip
    WorkflowStep.objects.create(
        number=2, key="starting_avatar_session", label="Starting Avatar Session", status="running", **step
    )
    for ago in range(seconds, 0, -1):
        at = now - timedelta(seconds=ago)
        HostSample.objects.create(
            host="atlas", at=at, cores=2, user_percent=30, system_percent=8, iowait_percent=1,
            steal_percent=12 if ago == 5 else 0.3, memory_total_bytes=16_384 * MIB, memory_used_bytes=5_000 * MIB,
        )  # fmt: skip
        SessionSample.objects.create(session=session, at=at, cpu_percent=24, uss_bytes=118 * MIB, pss_bytes=190 * MIB)
        FrameSample.objects.create(
            session=session, at=at, composed=18, cached=7, repeated=0,
            frame_p50_ms=3, frame_p95_ms=4, frame_max_ms=7, budget_ms=40,
        )  # fmt: skip


@pytest.fixture
def full(start: Callable[..., AvatarSession]) -> dict[str, AvatarSession]:
    """A session in each state, with links, visits, steps, samples and events."""
    now = timezone.now()
    times = {
        "dispatched_at": now,
        "process_started_at": now + timedelta(milliseconds=200),
        "connected_at": now + timedelta(milliseconds=350),
    }
    ready = {**times, "first_video_at": now + timedelta(seconds=1), "ready_at": now + timedelta(seconds=1.1)}
    ended = {**ready, "ended_at": now + timedelta(seconds=9), "end_reason": EndReason.OPERATOR_STOPPED}
    AgentWorker.objects.create(host="atlas", state="running", pid=41, host_seen_at=now, last_seen_at=now)
    found = {}
    for state, fields in (
        (State.ENDED, ended), (State.READY, ready), (State.STARTING, times), (State.DEGRADED, ready),
        (State.REQUESTED, {}),
    ):  # fmt: skip
        found[str(state)] = put(start(), state, **fields)
        if state == State.ENDED:
            found["failed"] = put(start(), State.ENDED, ended_at=now, end_reason=EndReason.FAILED, state_detail="Why")
    link = create_link(found["ready"], by="Amina", max_uses=5, label="Front desk")
    create_link(found["ready"], by="Amina")
    for name, left in (("Dana", None), ("Emil", now)):
        Visit.objects.create(
            session=link.session, link=link, identity=f"visitor-{name}", name=name, joined_at=now, left_at=left,
            token_ms=80, connected_ms=310, first_frame_ms=620, first_sound_ms=910 if left else None,
        )  # fmt: skip
    SessionEvent.objects.create(session=link.session, at=now, kind="frames", text="Slow frame: 82 ms")
    measure(found["ready"])
    return found
