"""How many more sessions fit a host."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from monitoring.hosts.capacity import capacity_in, room_on
from monitoring.models import HostSample, SessionSample
from sessions.models import AgentWorker, AvatarSession, DeploymentMode, SessionEvent
from tests.monitoring.conftest import Ended

pytestmark = pytest.mark.django_db

GIB = 2**30


@pytest.fixture
def a_minute(settings: Any) -> Callable[..., None]:
    """The last minute of a host of eight cores that nobody else uses."""
    settings.HOST_NAME, settings.MAX_SESSIONS_PER_HOST = "atlas", 20

    def a_minute(**figures: Any) -> None:
        now = timezone.now()
        common = {
            "host": "atlas", "cores": 8, "user_percent": 8, "system_percent": 2, "steal_percent": 0,
            "memory_total_bytes": 16 * GIB, "memory_used_bytes": 4 * GIB,
        }  # fmt: skip
        HostSample.objects.bulk_create(
            HostSample(at=now - timedelta(seconds=ago), **{**common, **figures}) for ago in range(50)
        )

    return a_minute


def fit(mode: DeploymentMode) -> tuple[int, str]:
    found = capacity_in(mode, room_on("atlas"))
    return found.sessions, found.bound


def test_what_is_free_by_measure_bounds_the_sessions(a_minute: Any, ended: Ended, balanced: DeploymentMode) -> None:
    a_minute()
    ended(cpu_p95_percent=200)
    # 8 cores, 0.8 in use, 0.8 kept: 6.4 free, two a session
    assert fit(balanced) == (3, "cpu")
    assert capacity_in(balanced, room_on("atlas")).sentence == "3 more sessions in balanced."


def test_steal_is_not_free(a_minute: Any, ended: Ended, balanced: DeploymentMode) -> None:
    a_minute(steal_percent=60)
    ended(cpu_p95_percent=200)
    assert fit(balanced) == (0, "cpu")
    room = room_on("atlas")
    found = capacity_in(balanced, room)
    assert found.is_beyond
    assert found.sentence == (
        "No more sessions in balanced: one needs 2.0 cores, 1.6 are free, and steal takes 60\u00a0% of the CPU."
    )
    assert capacity_in(balanced, room.without_steal).sessions == 3


def test_a_cpu_quota_bounds_what_the_host_has_free(
    a_minute: Any, ended: Ended, balanced: DeploymentMode, session: AvatarSession
) -> None:
    a_minute(quota_cores=4)
    ended(cpu_p95_percent=100)
    SessionSample.objects.create(session=session, at=timezone.now(), cpu_percent=100)
    # a tenth of the four is kept, one is in use: 2.6 of them
    assert fit(balanced) == (2, "cpu")


def test_memory_may_be_what_is_short(a_minute: Any, ended: Ended, balanced: DeploymentMode) -> None:
    a_minute(memory_used_bytes=14 * GIB)
    ended(uss_bytes=GIB)
    assert fit(balanced) == (1, "memory")


def test_sessions_that_are_silent_now_will_need_their_cpu(
    a_minute: Any, ended: Ended, balanced: DeploymentMode, start: Callable[..., AvatarSession]
) -> None:
    a_minute()
    ended(cpu_p95_percent=200)
    for session in (start(), start()):
        SessionSample.objects.create(session=session, at=timezone.now(), cpu_percent=20)
    # each of the two asks for 1.8 cores more than it uses: 6.4 - 3.6
    assert fit(balanced) == (1, "cpu")


def test_without_a_measured_session_only_the_limit_is_known(a_minute: Any, balanced: DeploymentMode) -> None:
    a_minute()
    found = capacity_in(balanced, room_on("atlas"))
    assert (found.sessions, found.is_measured, found.is_beyond) == (20, False, False)
    assert "not known yet" in found.sentence


def test_a_start_beyond_what_the_host_carries_goes_ahead_and_says_so(
    a_minute: Any,
    ended: Ended,
    start: Callable[..., AvatarSession],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    a_minute()
    ended(cpu_p95_percent=400)
    told = []
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            session = start()
        told.append(list(session.events.filter(kind=SessionEvent.Kind.WARNING).values_list("text", flat=True)))
    assert told == [
        [],
        ["More than atlas carries: 1.6 of 8 cores are missing once all sessions talk."],
    ]


def test_memory_that_starting_sessions_will_take_is_not_free(
    a_minute: Any, ended: Ended, balanced: DeploymentMode, session: AvatarSession
) -> None:
    a_minute(memory_used_bytes=14 * GIB)
    ended(uss_bytes=GIB // 2)
    assert fit(balanced) == (1, "memory"), "one of the two that fit is starting"
    SessionSample.objects.create(session=session, at=timezone.now(), uss_bytes=GIB // 2)
    assert fit(balanced) == (2, "memory"), "now its memory is used"


def test_a_start_beyond_the_hosts_memory_says_so(
    a_minute: Any,
    ended: Ended,
    start: Callable[..., AvatarSession],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    a_minute(memory_used_bytes=16 * GIB)
    ended(cpu_p95_percent=50, uss_bytes=131 * 2**20)
    with django_capture_on_commit_callbacks(execute=True):
        session = start()
    assert list(session.events.filter(kind=SessionEvent.Kind.WARNING).values_list("text", flat=True)) == [
        "More than atlas carries: one needs 131 MB of memory, and 0 MB are free."
    ]


def test_the_start_drawer_says_whether_each_mode_fits(
    as_amina: Any, a_minute: Any, ended: Ended, balanced: DeploymentMode
) -> None:
    a_minute()
    ended(cpu_p95_percent=200)
    ended(cpu_p95_percent=900, mode=DeploymentMode.objects.get(slug="exhibition"))
    page = as_amina.get("/sessions/start").content.decode()
    assert "atlas has room for 3 more." in page
    assert "More than it carries." in page
    assert "No more sessions in exhibition: one needs 9.0 cores while it talks, and 6.4 are free." in page


def test_the_host_page_says_how_many_more_fit_and_why(as_amina: Any, a_minute: Any, ended: Ended) -> None:
    AgentWorker.objects.create(host="atlas", state="running", host_seen_at=timezone.now())
    a_minute(steal_percent=60)
    ended(cpu_p95_percent=200)
    page = as_amina.get("/hosts/atlas/").content.decode()
    assert "No room for one more in balanced" in page
    assert "Without steal, room for 3." in page


def test_the_overview_says_the_same_as_the_host_page(as_amina: Any, a_minute: Any, ended: Ended) -> None:
    AgentWorker.objects.create(host="atlas", state="running", pid=41, host_seen_at=timezone.now())
    a_minute()
    assert "Room for" in as_amina.get("/").content.decode()
    for _ in range(3):
        ended()
    headline = (
        as_amina.get("/hosts/atlas/").content.decode().split('id="host-capacity"')[1].split("<h2>")[1].split("</h2>")[0]
    )
    assert "in balanced" in headline
    assert headline in as_amina.get("/").content.decode()


def test_a_host_that_reports_nothing_promises_nothing(a_minute: Any, ended: Ended, balanced: DeploymentMode) -> None:
    ended()
    found = capacity_in(balanced, room_on("atlas"))
    assert not found.is_measured
    assert found.sentence == "Up to 20 more sessions: atlas does not report how busy it is."


def test_a_host_without_free_cpu_takes_no_more_though_nobody_knows_what_one_costs(
    a_minute: Any,
    balanced: DeploymentMode,
    as_amina: Client,
    start: Callable[..., AvatarSession],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    AgentWorker.objects.create(host="atlas", state="running", pid=41, host_seen_at=timezone.now())
    a_minute(user_percent=87, system_percent=5)
    found = capacity_in(balanced, room_on("atlas"))
    assert (found.sessions, found.is_beyond) == (0, True)
    assert found.sentence == "No more sessions in balanced: all of its CPU is in use."
    assert "Room for" not in as_amina.get("/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        session = start()
    warning = SessionEvent.objects.get(session=session, kind=SessionEvent.Kind.WARNING)
    assert warning.text.startswith("More than atlas carries: 0.2 of 8 cores are missing")
