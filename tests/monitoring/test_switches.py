"""What is told of switches: figures before and after, in the report in every form."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from monitoring.models import FrameSample, SessionSample, Turn
from monitoring.reports.csv_file import as_csv
from monitoring.reports.report import summarize
from monitoring.reports.summaries import Summary
from monitoring.reports.text import as_text
from monitoring.samples.charts import marks
from monitoring.switching.switches import present_spell, switch_lines
from sessions.actions.switches import record_gap, record_switch, switch_mode
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, State, SwitchOutcome

pytestmark = pytest.mark.django_db
SWITCHED_S = 120


@pytest.fixture
def switched(session: AvatarSession, demo: None) -> AvatarSession:
    """Four minutes on air: two in balanced at 40 % of a core, two in constrained at 20 %."""
    began = timezone.now() - timedelta(minutes=4)
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY, requested_at=began, ready_at=began)
    session.refresh_from_db()
    for second in range(240):
        at, is_light = began + timedelta(seconds=second), second >= SWITCHED_S
        SessionSample.objects.create(
            session=session, at=at, cpu_percent=20 if is_light else 40, uss_bytes=(110 if is_light else 130) * 10**6
        )
        FrameSample.objects.create(
            session=session, at=at, composed=15, cached=0, repeated=0, frame_p95_ms=3 if is_light else 6, budget_ms=40
        )
    for second, took_ms in ((30, 700), (60, 720), (90, 740), (180, 800)):
        Turn.objects.create(
            session=session, at=began + timedelta(seconds=second), typed=False, language="en", words=5,
            end_of_turn_ms=200, first_sound_ms=took_ms, interrupted=False,
        )  # fmt: skip
    switch(session, "constrained", began + timedelta(seconds=SWITCHED_S), gap_ms=96.0)
    return session


def switch(session: AvatarSession, mode: str, at: datetime, gap_ms: float | None = None) -> ModeSwitch:
    made = switch_mode(session, DeploymentMode.objects.get(slug=mode), by="Amina")
    ModeSwitch.objects.filter(pk=made.pk).update(requested_at=at)
    record_switch(made.code, SwitchOutcome.APPLIED, at + timedelta(milliseconds=140), took_ms=140)
    if gap_ms is not None:
        record_gap(made.code, gap_ms)
    session.refresh_from_db()
    return made


def test_a_switch_has_figures_of_the_minutes_before_and_after(switched: AvatarSession) -> None:
    (line,) = switch_lines(switched)
    assert (line.before.cpu_cores, line.after.cpu_cores) == (0.4, 0.2)
    assert (line.before.uss_bytes, line.after.uss_bytes) == (130e6, 110e6)
    assert (line.before.frame_p95_ms, line.after.frame_p95_ms) == (6, 3)
    assert (line.before.answer_ms, line.after.answer_ms) == (720, 800)
    assert line.gap_ms == 96


def test_figures_of_one_switch_end_where_the_next_begins(switched: AvatarSession) -> None:
    switch(switched, "stable", switched.requested_at + timedelta(seconds=150))
    first, second = switch_lines(switched)
    assert first.after.seconds < 30
    assert second.before.seconds < 30
    assert second.before.cpu_cores == 0.2
    assert second.after.answers == 1
    assert switch_lines(switched, newest=1) == [second]
    assert switch_lines(switched, code=UUID(first.code)) == [first]


def test_the_present_figures_are_those_since_the_last_switch(switched: AvatarSession) -> None:
    now = present_spell(switched)
    assert (now.cpu_cores, now.answer_ms) == (0.2, 800)
    assert 110 < now.seconds < SWITCHED_S


def test_a_failed_switch_has_no_figures_after(switched: AvatarSession) -> None:
    made = switch_mode(switched, DeploymentMode.objects.get(slug="stable"), by="Amina")
    record_switch(made.code, SwitchOutcome.FAILED, timezone.now(), detail="No such picture.")
    assert switch_lines(switched)[-1].after.seconds == 0
    assert present_spell(switched).cpu_cores == 0.2


def test_the_report_tells_of_every_switch_in_every_form(switched: AvatarSession) -> None:
    summary = Summary.model_validate_json(summarize(switched).model_dump_json())
    assert [(line.from_mode, line.to_mode, line.gap_ms) for line in summary.switches] == [
        ("balanced", "constrained", 96.0)
    ]
    assert summary.longest_gap_ms == 96
    text = as_text(summary)
    assert "balanced > constrained by Amina: applied, gap 96 ms, CPU 0.40 > 0.20 cores" in text
    assert "memory 130 > 110 MB" in text
    table = as_csv(summary)
    assert 'switch before,"balanced to constrained, CPU"' in table
    assert ",0.4,cores," in table


def test_a_switch_is_marked_on_the_charts(switched: AvatarSession) -> None:
    (mark,) = (mark for mark in marks(switched.events.all()) if "constrained" in mark["label"])
    assert mark["tone"] == "ours"
