"""Words that pages say instead of what machines noted."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import HostSample, WorkflowStep
from monitoring.panels.step_notes import note_of
from monitoring.samples.charts import MAX_MARK_CHARS, marks
from monitoring.samples.queries import host_summaries
from operators.models import Operator
from operators.templatetags.formatting import bytes_change
from sessions.actions.links import create_link
from sessions.models import AgentWorker, AvatarSession, EndReason, SessionEvent, State, Visit
from tests.pages.conftest import Browse, put

VISITOR = "visitor-2b0d7b3d-3f14-4f2b-9d9c-0f4d5a0c1e2f"


@pytest.mark.parametrize(
    ("metadata", "note"),
    [
        ({}, ""),
        ({"tries": 1}, ""),
        ({"tries": 3}, "took 3 tries"),
        ({"mode": "balanced", "language": "en"}, "balanced, English"),
        ({"provider": "builtin", "width": 1280, "height": 720}, "Built-in, 1280 × 720"),
        ({"model": "hibari", "shared": True}, "hibari, shared with the other sessions"),
        ({"kept": False, "sound_ms": 3120, "voiced": True}, "spoken anew, 3.12\u00a0s of sound"),
        ({"kept": True, "sound_ms": 0, "voiced": False}, "kept from an earlier start, 0.0\u00a0ms of sound, captions only"),
        ({"identity": VISITOR, "voiced": True}, "for Dana"),
        ({"identity": "visitor-x", "cut_short": "they left"}, "for a visitor, cut short: they left"),
        ({"knowledge": "ba9e26f835b6", "topics": 15, "understood": 1.0}, "15 topics"),
        ({"topics": 1, "understood": 0.4}, "1 topic, found by words until the host has read it all"),
        ({"knowledge": "none"}, "it knows nothing of its own"),
        ({"is_warm": True, "warm_up_ms": 80, "of": None}, "is warm: yes, warm up 80\u00a0ms"),
        ({"size_bytes": 2**20 * 12}, "size 12\u00a0MB"),
        ({"answer": {"a": 1}}, "answer {'a': 1}"),
    ],
)  # fmt: skip
def test_what_a_job_notes_of_a_step_is_said_in_words(metadata: dict[str, Any], note: str) -> None:
    assert note_of(WorkflowStep(metadata=metadata), {VISITOR: "Dana"}) == note


def test_the_steps_of_a_session_name_their_visitor_and_no_identity(
    browse: Browse, amina: Operator, full: dict[str, AvatarSession]
) -> None:
    session = full["ready"]
    Visit.objects.create(session=session, link=create_link(session, by="Amina"), identity=VISITOR, name="Fatima")
    step = {"session": session, "attempt": 1, "started_at": timezone.now(), "status": "completed"}
    WorkflowStep.objects.create(
        number=9, key="deliver_first_greeting", label="Greeting", metadata={"identity": VISITOR}, **step
    )
    page = browse(amina).get(f"/sessions/{session.code}/fragments/steps/").content.decode()
    assert "for Fatima" in page
    assert VISITOR not in page


def at_work(busy_percent: float, steal_percent: float = 0.0) -> str:
    """The condition of a host whose last seconds were so."""
    now = timezone.now()
    heard_until = now + timedelta(minutes=1)  # however slowly the pages come
    AgentWorker.objects.update_or_create(host="atlas", defaults={"host_seen_at": heard_until})
    HostSample.objects.all().delete()
    for ago in range(15, 0, -1):
        at = now - timedelta(seconds=ago)
        HostSample.objects.create(
            host="atlas", at=at, cores=2, user_percent=busy_percent, system_percent=0, steal_percent=steal_percent
        )
    return host_summaries()[0].condition


def test_a_host_without_cpu_to_spare_is_not_called_well(db: None, browse: Browse, amina: Operator) -> None:
    assert at_work(40) == "well"
    assert at_work(40, steal_percent=12) == "starved"
    assert at_work(99) == "busy"
    for address in ("/hosts/atlas/", "/hosts/", "/"):
        page = browse(amina).get(address).content.decode()
        assert "Busy" in page, address
        assert "Well" not in page, address
    AgentWorker.objects.update(host_seen_at=timezone.now() - timedelta(minutes=1))
    assert host_summaries()[0].condition == "silent"


def test_one_busy_second_says_nothing(db: None) -> None:
    at_work(40)
    HostSample.objects.create(host="atlas", at=timezone.now(), cores=2, user_percent=100, system_percent=0)
    assert host_summaries()[0].condition == "well"


def test_a_host_that_runs_nothing_takes_nothing_off(db: None, browse: Browse, amina: Operator) -> None:
    at_work(40)
    assert "−0" not in browse(amina).get("/hosts/atlas/").content.decode()


def test_the_marks_of_a_chart_are_short_words_and_never_cut_ones(session: AvatarSession) -> None:
    now = timezone.now()
    visitor = f"{'Bartholomew ' * 4}joined"
    late = "Frame generation took 82 ms; its budget is 40 ms (3 frames)."
    events = [
        SessionEvent(session=session, at=now, kind="frames", text=late),
        SessionEvent(session=session, at=now, kind="state", state="ready", text="Ready again"),
        SessionEvent(session=session, at=now, kind="visitor_joined", text="Dana joined"),
        SessionEvent(session=session, at=now, kind="visitor_joined", text=visitor),
    ]
    words = [mark["label"] for mark in marks(events)]
    assert words[:3] == ["Late frames", "Ready", "Dana joined"]
    assert words[3].endswith("…")
    assert len(words[3]) <= MAX_MARK_CHARS


@pytest.mark.parametrize(("attempt", "sentence"), [(1, "It never got ready"), (2, "It did not get ready again")])
def test_a_session_that_was_ready_once_is_not_said_never_to_have_been(
    browse: Browse, amina: Operator, session: AvatarSession, attempt: int, sentence: str
) -> None:
    now = timezone.now()
    ready_at = None if attempt == 1 else now - timedelta(minutes=1)
    times = {"attempt_at": now, "ended_at": now, "ready_at": ready_at}
    put(session, State.ENDED, end_reason=EndReason.AGENT_LOST, attempt=attempt, **times)
    assert sentence in browse(amina).get(f"/sessions/{session.code}/fragments/readiness/").content.decode()


def test_memory_that_did_not_change_has_no_sign() -> None:
    assert [bytes_change(value) for value in (0, -20_000, 20_000)] == [bytes_change(0)] * 3
    assert "0" in bytes_change(0)
    assert not {"+", "−"} & set(bytes_change(0))
    assert bytes_change(-34 * 10**6).startswith("−")
