"""Icons, figures, sparklines and the waterfall."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.template import TemplateSyntaxError
from django.test import Client
from django.utils import timezone

from monitoring.models import WorkflowStep
from monitoring.panels.sparklines import BASE, bars, bucketed, spark
from monitoring.panels.waterfall import waterfall
from operators.templatetags.formatting import bytes_filter, clock, duration, elapsed, ms, percent, relative_text
from operators.templatetags.icons import icon
from sessions.actions.lifecycle import note
from sessions.models import AvatarSession, SessionEvent, State
from sessions.verdicts import session_sentence, waiting_for
from tests.pages.conftest import MIB, put


def test_an_icon_is_drawn_inline_and_an_unknown_one_is_an_error() -> None:
    drawing = icon("circle-check")
    assert drawing.startswith("<svg")
    assert 'aria-hidden="true"' in drawing
    assert "style" not in drawing
    assert 'fill="currentColor"' in icon("player-stop", "filled")
    for name in ("no-such-icon", "../secret", ""):
        with pytest.raises(TemplateSyntaxError):
            icon(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ms(3.14), "3.1 ms"), (ms(314), "314 ms"), (ms(1080), "1.08 s"), (ms(12_400), "12.4 s"), (ms(None), ""),
        (bytes_filter(118 * 1024**2), "118 MB"), (bytes_filter(5.1 * 1024**3), "5.1 GB"), (bytes_filter(None), ""),
        (percent(0.42, 1), "0.4 %"), (clock(724), "12:04"), (clock(3750), "1:02:30"),
        (duration(45), "45 s"), (duration(9000), "2 h 30 min"), (duration(3 * 86_400), "3 days"),
    ],
)  # fmt: skip
def test_figures_carry_their_units(text: str, expected: str) -> None:
    plain = text.replace('<span class="av-unit">', "").replace("</span>", "").replace("\u00a0", " ")
    assert plain == expected


def test_times_are_relative_with_the_exact_one_on_hover() -> None:
    now = timezone.now()
    assert relative_text(now - timedelta(seconds=190)) == "3 min ago"
    assert relative_text(now + timedelta(hours=5, minutes=59)) == "in 6 h"
    assert "data-since" in elapsed(now)
    assert "data-since" not in elapsed(now, now + timedelta(seconds=4))


def test_a_missing_reading_is_a_gap_and_not_zero() -> None:
    start = datetime(2026, 1, 1)
    readings = [(start + timedelta(seconds=n), None if n == 2 else 50.0) for n in range(6)]
    values = bucketed(readings, start, timedelta(seconds=6), 6)
    assert values == [50, 50, None, 50, 50, 50]
    drawn = spark(values, 100)
    assert len(drawn.lines) == 2
    assert all(" 38" not in line for line in drawn.lines)
    assert spark([None, None], 100).lines == ()


def test_an_answer_is_a_bar_as_high_as_it_was_slow_and_marked_beyond_the_limit() -> None:
    (quick, slow, endless), limit_y = bars([500, 1_200, 60_000], limit=1_000, top=2_000)
    assert [each.is_over for each in (quick, slow, endless)] == [False, True, True]
    assert quick.height < BASE - limit_y < slow.height < endless.height == BASE - 2
    assert quick.y + quick.height == slow.y + slow.height == BASE


def at(session: AvatarSession, milliseconds: int) -> datetime:
    return session.requested_at + timedelta(milliseconds=milliseconds)


def ready(start: Callable[..., AvatarSession]) -> AvatarSession:
    """A session that was ready after 900 ms."""
    session = start()
    put(
        session,
        State.READY,
        dispatched_at=at(session, 40),
        process_started_at=at(session, 210),
        ready_at=at(session, 900),
    )
    return session


def test_the_waterfall_names_the_slowest_step_of_a_start(start: Callable[..., AvatarSession]) -> None:
    session = ready(start)
    for number, (label, begin, took) in enumerate((("Connect", 210, 150), ("Avatar", 360, 400)), 1):
        WorkflowStep.objects.create(
            session=session, attempt=1, number=number, key=label, label=label, status="completed",
            started_at=at(session, begin), duration_ms=took,
        )  # fmt: skip
    chain = waterfall(session)
    assert [row.label for row in chain.rows] == [
        "Dispatched", "Process started", "Connect", "Avatar", "First video frame published", "READY",
    ]  # fmt: skip
    assert chain.ready_ms == 900
    assert chain.slowest is not None
    assert chain.slowest.label == "Avatar"
    assert [round(row.took_ms) for row in chain.rows[:4]] == [40, 170, 150, 400]


@pytest.fixture
def talking(start: Callable[..., AvatarSession]) -> AvatarSession:
    """A session that was ready after 900 ms, loaded a model then, and greets its second visitor, minutes later."""
    session = ready(start)
    for number, (label, begin, took, gained_mb) in enumerate(
        (
            ("Avatar", 360, 400, 34),
            ("Speech", 950, 2_000, 6),
            ("Greeting", 60_950, 9_000, 0),
            ("Greeting", 240_000, None, 0),
        ),
        1,
    ):
        WorkflowStep.objects.create(
            session=session, attempt=1, number=number, key=label, label=label, duration_ms=took,
            status="running" if took is None else "completed", started_at=at(session, begin),
            uss_before_bytes=80 * MIB, uss_after_bytes=None if took is None else (80 + gained_mb) * MIB,
        )  # fmt: skip
    return session


def test_what_runs_after_ready_has_its_bars_and_squeezes_no_start(talking: AvatarSession) -> None:
    WorkflowStep.objects.filter(session=talking, number=4).delete()
    chain = waterfall(talking)
    assert [row.label for row in chain.rows if not row.is_mark] == ["Dispatched", "Process started", "Avatar"]
    assert [(row.label, row.x, row.status) for row in chain.after] == [
        ("Speech", "0.00%", "done"), ("Greeting", f"{100 * 2_000 / (11_000 * 1.04):.2f}%", "done"),
    ]  # fmt: skip
    assert [row.took_ms for row in chain.after] == [2_000, 9_000]
    assert chain.rows[-1].x == f"{100 / 1.04:.2f}%"
    assert chain.slowest is not None
    assert chain.slowest.label == "Avatar"


def test_what_runs_after_ready_is_named_with_its_usual_duration(talking: AvatarSession, as_amina: Client) -> None:
    chain = waterfall(talking)
    assert [(row.label, row.status) for row in chain.after] == [("Speech", "done"), ("Greeting", "now")]
    page = as_amina.get(f"/sessions/{talking.code}/fragments/readiness/").content.decode()
    heading = re.sub("<[^>]+>", "", page.split("av-panel-head")[1].split("av-waterfall")[0]).replace("\u00a0", " ")
    assert "Ready in 900 ms" in heading
    assert "Now Greeting:" in heading
    assert "so far, usually 9.00 s in balanced" in heading


def test_each_row_of_the_waterfall_tells_the_memory_that_came_with_it(talking: AvatarSession, as_amina: Client) -> None:
    assert [row.memory_delta_bytes for row in waterfall(talking).rows] == [None, None, 34 * MIB, None, None]
    for address in (f"/sessions/{talking.code}/", f"/reports/{talking.code}/"):
        page = as_amina.get(address).content.decode()
        cells = re.findall(r'av-wf-memory">(.*?)</span>\s*<span class="av-wf-ms', page)
        plain = [re.sub("<[^>]+>", "", cell).replace("\u00a0", " ") for cell in cells]
        assert plain == ["", "", "+34 MB", "", "", "+6.0 MB", ""]


def test_the_waterfall_of_a_start_says_what_is_waited_for_and_counts(start: Callable[..., AvatarSession]) -> None:
    session = start()
    put(session, State.STARTING, dispatched_at=at(session, 40))
    waiting = waterfall(session).waiting
    assert waiting is not None
    assert waiting.label == "Process started"
    assert waiting.since is not None


def test_a_start_that_failed_shows_where(start: Callable[..., AvatarSession]) -> None:
    session = start()
    put(session, State.ENDED, dispatched_at=at(session, 40), ended_at=at(session, 9000), end_reason="failed")
    chain = waterfall(session)
    assert [row.status for row in chain.rows] == ["done", "failed", "later", "later"]


@pytest.fixture
def again(start: Callable[..., AvatarSession]) -> AvatarSession:
    """A session that was ready, lost its job at 60 s and waits for another one."""
    session = start()
    put(
        session,
        State.DEGRADED,
        dispatched_at=at(session, 40), process_started_at=at(session, 210), connected_at=at(session, 300),
        first_video_at=at(session, 800), ready_at=at(session, 900), attempt=2, attempt_at=at(session, 60_000),
    )  # fmt: skip
    note(session, SessionEvent.Kind.STATE, "Ready", at=at(session, 900), state=State.READY)
    return session


def test_the_waterfall_of_a_second_attempt_shows_nothing_of_the_first(again: AvatarSession) -> None:
    chain = waterfall(again)
    assert [(row.label, row.status) for row in chain.rows] == [("READY", "later")]
    assert chain.ready_ms is None


@pytest.mark.parametrize("ready_at_ms", [61_500, 59_990])  # the host's clock may be behind
def test_the_waterfall_of_a_second_attempt_that_is_ready_counts_from_its_own_begin(
    again: AvatarSession, ready_at_ms: int
) -> None:
    put(again, State.READY, state_changed_at=at(again, ready_at_ms))
    note(again, SessionEvent.Kind.STATE, "Ready again", at=at(again, ready_at_ms), state=State.READY)
    WorkflowStep.objects.create(
        session=again, attempt=2, number=1, key="a", label="Avatar", status="completed",
        started_at=at(again, 60_200), duration_ms=700,
    )  # fmt: skip
    chain = waterfall(again)
    assert chain.ready_ms == max(0, ready_at_ms - 60_000)
    assert chain.waiting is None
    if ready_at_ms > 60_000:
        assert [(row.label, row.status) for row in chain.rows] == [("Avatar", "done"), ("READY", "ready")]
        assert chain.slowest is not None


def test_what_a_second_attempt_waits_for_is_not_told_by_the_first(again: AvatarSession) -> None:
    put(again, State.STARTING, ready_at=None)
    for fields, label in (
        ({"dispatch_id": ""}, "dispatch to atlas"),
        ({"dispatch_id": "claim-1"}, "dispatch to atlas"),
        ({"dispatch_id": "d2"}, "a process on atlas"),
        ({"job_pid": 17}, "READY"),
    ):
        put(again, State.STARTING, **fields)
        waiting = waiting_for(again)
        assert waiting is not None
        assert (waiting.label, waiting.since) == (label, again.attempt_at)


MILESTONES = ("dispatched_at", "process_started_at", "connected_at", "first_video_at", "ready_at")


@pytest.fixture
def began(start: Callable[..., AvatarSession]) -> AvatarSession:
    """A session that just began to start; three before it did so in 50 ms, 350 ms, 150 ms, 2 s and 450 ms, or nearly."""
    for late_ms in (-10, 0, 90):
        past = start()
        ends = (50 + late_ms, 400 + late_ms, 550 + late_ms, 2_550 + late_ms, 3_000 + late_ms)
        times = dict(zip(MILESTONES, (at(past, end) for end in ends), strict=True))
        put(past, State.ENDED, ended_at=at(past, 9_000), end_reason="operator_stopped", **times)
    return start()


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (0, "Waiting for dispatch to atlas # so far, usually 50 ms in balanced"),
        (1, "Waiting for a process on atlas # so far, usually 350 ms in balanced"),
        (2, "Waiting for connection to the room # so far, usually 150 ms in balanced"),
        (3, "Waiting for the first video frame # so far, usually 2.00 s in balanced"),
        (4, "Waiting for READY # so far, usually 450 ms in balanced"),
    ],
)
def test_each_milestone_of_a_start_is_waited_for_with_its_usual_duration(
    began: AvatarSession, as_amina: Client, reached: int, words: str
) -> None:
    put(began, State.STARTING, **{name: at(began, 10) for name in MILESTONES[:reached]})
    assert words in waited_for(as_amina, began)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Waiting for a process on atlas # so far, usually 400 ms in balanced"),
        ({"job_pid": 17}, "Waiting for READY # so far, usually 3.00 s in balanced"),
    ],
)
def test_what_another_attempt_waits_for_since_it_began_is_usual_since_a_start_began(
    began: AvatarSession, as_amina: Client, fields: dict[str, int], words: str
) -> None:
    times = {name: at(began, 10) for name in MILESTONES[:4]}
    put(began, State.STARTING, attempt=2, attempt_at=at(began, 500), dispatch_id="d2", **times, **fields)
    assert words in waited_for(as_amina, began)


def test_where_nothing_is_known_of_a_host_no_duration_is_usual(began: AvatarSession, as_amina: Client) -> None:
    put(began, State.STARTING, host="borealis")
    assert "usually" not in waited_for(as_amina, began)


def test_the_milestones_of_the_waterfall_stand_beside_what_is_usual(began: AvatarSession) -> None:
    put(began, State.STARTING, dispatched_at=at(began, 40))
    assert [row.usual_ms for row in waterfall(began).rows[:2]] == [50, 350]


def waited_for(client: Client, session: AvatarSession) -> str:
    """The heading of its readiness, with # for the time that runs."""
    page = client.get(f"/sessions/{session.code}/fragments/readiness/").content.decode()
    head = re.sub("<[^>]+>", " ", page.split('av-panel-head">')[1].split("</div>")[0]).replace("\u00a0", " ")
    return re.sub(r"[\d.]+ m?s so far", "# so far", " ".join(head.split()))


def test_what_is_tried_stands_as_a_sentence_of_its_own(start: Callable[..., AvatarSession]) -> None:
    session = start()
    put(session, State.STARTING, state_detail="Starting the agent worker of atlas.")
    assert session_sentence(session, 0) == "Waiting for dispatch to atlas. Starting the agent worker of atlas."
