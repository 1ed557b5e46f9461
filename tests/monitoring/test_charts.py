"""What charts are sent: of a session that is over few points, in which no second is lost; of a long window its rollups."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.models import FrameSample, HostRollup, HostSample, SessionRollup, SessionSample, VisitSample
from monitoring.samples.charts import MAX_POINTS
from monitoring.samples.windows import host_window
from sessions.models import AvatarSession, EndReason, State

pytestmark = pytest.mark.django_db

EVERY_S = 5
SPIKE_S = 4 * 3600 + 1_234

Over = Callable[..., AvatarSession]


@pytest.fixture
def over(session: AvatarSession) -> Over:
    """Let the session have lasted so long, and ended so long ago."""

    def over(lasted: timedelta, ago: timedelta) -> AvatarSession:
        ended = timezone.now() - ago
        times = {"requested_at": ended - lasted, "state_changed_at": ended, "ended_at": ended}
        AvatarSession.objects.filter(pk=session.pk).update(
            state=State.ENDED, end_reason=EndReason.OPERATOR_STOPPED, **times
        )
        session.refresh_from_db()
        return session

    return over


@pytest.fixture
def drawn(as_amina: Client) -> Callable[[AvatarSession], dict[str, Any]]:
    """What the session's charts fetch."""
    return lambda session: as_amina.get(f"/sessions/{session.code}/samples.json?whole").json()


def sampled(session: AvatarSession, start: datetime, seconds: range, spike_s: int = -1) -> None:
    """Samples at these seconds from `start` on, and one of a second in which everything was late and busy."""
    own, host, frames = [], [], []
    for second in (*seconds, *([spike_s] if spike_s >= 0 else [])):
        at, is_spike = start + timedelta(seconds=second), second == spike_s
        host.append(
            HostSample(
                host=session.host, at=at, cores=2, user_percent=50 if is_spike else 20 + second // EVERY_S % 2 * 4,
                system_percent=7 if is_spike else 5, iowait_percent=1, steal_percent=40 if is_spike else 0.5,
            )
        )  # fmt: skip
        own.append(SessionSample(session=session, at=at, cpu_percent=180 if is_spike else 30, uss_bytes=100_000_000))
        frames.append(
            FrameSample(
                session=session, at=at, composed=20, cached=5, repeated=0, frame_p50_ms=4,
                frame_p95_ms=90 if is_spike else 9, frame_max_ms=400 if is_spike else 12, budget_ms=40,
            )
        )  # fmt: skip
    for model, rows in ((HostSample, host), (SessionSample, own), (FrameSample, frames)):
        model._default_manager.bulk_create(rows)  # type: ignore[arg-type]


def rolled_up(session: AvatarSession, start: datetime, lasted: timedelta, span_s: int) -> None:
    """Rollups of a whole session; in the third of them a frame was late and steal was high for a second."""
    begins = [start + timedelta(seconds=second) for second in range(0, round(lasted.total_seconds()), span_s)]
    HostRollup.objects.bulk_create(
        HostRollup(
            host=session.host, span_s=span_s, at=at, cores=2, user_percent=20, system_percent=5, iowait_percent=1,
            steal_percent=2, steal_max_percent=35 if place == 2 else 3,
        )
        for place, at in enumerate(begins)
    )  # fmt: skip
    SessionRollup.objects.bulk_create(
        SessionRollup(
            session=session, span_s=span_s, at=at, cpu_percent=30, uss_bytes=100, frame_p50_ms=4, frame_p95_ms=9,
            frame_max_ms=300 if place == 2 else 12, budget_ms=40,
        )
        for place, at in enumerate(begins)
    )  # fmt: skip


def test_a_spike_of_one_second_shows_in_a_session_of_eight_hours(
    over: Over, drawn: Callable[[AvatarSession], dict[str, Any]]
) -> None:
    session = over(timedelta(hours=8), timedelta(minutes=1))
    sampled(session, session.requested_at, range(0, 8 * 3600, EVERY_S), SPIKE_S)
    data = drawn(session)
    host, own = data["host"], data["session"]
    assert MAX_POINTS / 2 < len(host["at"]) <= MAX_POINTS + 1
    assert own["at"] == host["at"], "one line lies over the other"
    peak = max(range(len(host["at"])), key=lambda place: host["steal_percent"][place])
    assert 0 <= session.requested_at.timestamp() + SPIKE_S - host["at"][peak] < data["step_s"]
    assert (host["steal_percent"][peak], host["busy_max_percent"][peak]) == (40, 57)
    assert (own["cpu_max_percent"][peak], own["frame_p95_ms"][peak], own["frame_max_ms"][peak]) == (180, 90, 400)
    whole = host["user_percent"][1:-1]  # the first and the last stand for a part of their time
    assert (max(whole), min(whole)) == (pytest.approx(23, abs=1.5), pytest.approx(22, abs=1.5))
    assert max(own["cpu_percent"]) == pytest.approx(40, abs=3), "what is drawn as usual is a mean"
    assert own["uss_bytes"][peak] == 100_000_000


def test_host_and_session_of_more_than_half_a_day_are_drawn_over_the_same_time(
    over: Over, drawn: Callable[[AvatarSession], dict[str, Any]]
) -> None:
    session = over(timedelta(hours=20), timedelta(minutes=1))
    sampled(session, session.requested_at, range(0, 20 * 3600, 60))
    data = drawn(session)
    for at in (data["host"]["at"], data["session"]["at"]):
        assert at[0] == pytest.approx(session.requested_at.timestamp(), abs=data["step_s"])
        assert session.ended_at is not None
        assert at[-1] == pytest.approx(session.ended_at.timestamp(), abs=2 * data["step_s"])


@pytest.mark.parametrize(("days_ago", "span_s"), [(0.5, 10), (20, 60)])
def test_a_session_whose_first_samples_are_gone_is_drawn_of_rollups_alone(
    over: Over, as_amina: Client, drawn: Callable[[AvatarSession], dict[str, Any]], days_ago: float, span_s: int
) -> None:
    lasted = timedelta(hours=14)
    session = over(lasted, timedelta(days=days_ago))
    assert "busiest second" not in as_amina.get(f"/sessions/{session.code}/").content.decode(), "rollups know of none"
    rolled_up(session, session.requested_at, lasted, span_s)
    sampled(session, session.requested_at + lasted / 2, range(0, 7 * 3600, 60))
    data = drawn(session)
    host, own = data["host"], data["session"]
    assert data["step_s"] % span_s == 0
    assert {round(at % data["step_s"], 3) for at in host["at"] + own["at"]} == {0}
    assert MAX_POINTS / 2 < len(host["at"]) <= MAX_POINTS + 1
    assert (max(host["steal_percent"]), max(own["frame_max_ms"])) == (35, 300)
    assert set(host["user_percent"]) == {20}


def test_a_session_of_minutes_is_drawn_second_by_second(
    over: Over, drawn: Callable[[AvatarSession], dict[str, Any]]
) -> None:
    session = over(timedelta(minutes=10), timedelta(minutes=1))
    sampled(session, session.requested_at, range(600))
    data = drawn(session)
    assert (len(data["host"]["at"]), len(data["session"]["at"]), data["step_s"]) == (600, 600, 1)


def test_the_worst_that_a_visitor_measured_is_not_thinned_out(
    over: Over, drawn: Callable[[AvatarSession], dict[str, Any]]
) -> None:
    session = over(timedelta(hours=8), timedelta(minutes=1))
    VisitSample.objects.bulk_create(
        VisitSample(
            session=session, at=session.requested_at + timedelta(seconds=10 * place), identity="visitor-1",
            av_offset_ms=-170 if place == 1_003 else 12, freezes=1 if place == 5 else 0,
        )
        for place in range(2_880)
    )  # fmt: skip
    visits = drawn(session)["visits"]
    assert len(visits["at"]) <= MAX_POINTS + 20
    assert visits["at"] == sorted(visits["at"])
    assert min(visits["av_offset_ms"]) == -170
    assert sum(visits["freezes"]) == 1


def test_a_long_window_of_a_host_shows_its_worst_steal_and_nothing_from_before_its_clock_was_set_back() -> None:
    now = timezone.now()
    for minutes, worst in ((5, 91), (-30, 7)):
        at = now - timedelta(minutes=minutes)
        HostRollup.objects.create(host="atlas", span_s=10, at=at, cores=2, steal_percent=2, steal_max_percent=worst)
    assert [point["steal_percent"] for point in host_window("atlas", 3600)] == [91]
