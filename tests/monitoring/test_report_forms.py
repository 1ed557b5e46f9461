"""A report as a page, as CSV, and what it suggests."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from monitoring.actions.reporting import make_report
from monitoring.models import Alert, Hitch, VisitSample
from monitoring.reports.csv_file import as_csv, defused
from monitoring.reports.drawings import cpu_chart, marks
from monitoring.reports.report import report_of, summarize
from monitoring.reports.suggestions import figures_of, growth_mb_per_min
from monitoring.reports.summaries import Summary
from monitoring.reports.text import as_text
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, ModeSwitch
from tests.many_sessions import Past

pytestmark = pytest.mark.django_db


@pytest.fixture
def over(demo: None) -> AvatarSession:
    """Two minutes in balanced with 14 answers, and steal after a minute."""
    past = Past()
    past.profiles = list(AvatarProfile.objects.filter(current__name="Maryam"))
    at = timezone.now() - timedelta(minutes=5)
    session = past.session(at, seconds=120, turns=14, mode="balanced", host="atlas", steal_at=(60,))
    past.host_seconds("atlas", at, 120, (60,))
    past.rows.write()
    return session


def changed(summary: Summary, **fields: Any) -> Summary:
    return summary.model_copy(update=fields)


def keys(summary: Summary) -> list[str]:
    return [suggestion.key for suggestion in summary.suggestions]


def test_the_verdict_tells_answers_and_hitches_with_their_cause(over: AvatarSession) -> None:
    verdict = summarize(over).verdict
    assert "14 turns, answered in 0.7 s, the slowest in" in verdict
    assert "1 hitch by CPU steal." in verdict


def test_steal_asks_for_a_dedicated_cpu_or_a_lighter_mode(over: AvatarSession) -> None:
    summary = summarize(over)
    assert keys(summary)[0] == "steal"
    assert summary.suggestions[0].title == "Give atlas a dedicated CPU, or start in a lighter mode there."
    assert "at most 21\u00a0%" in summary.suggestions[0].why


def test_a_slow_model_load_asks_for_loading_ahead(over: AvatarSession) -> None:
    summary = summarize(over)
    slow = [
        step.model_copy(update={"duration_ms": 3_120.0}) if step.key.startswith("speech") else step
        for step in summary.steps
    ]
    (found,) = [each for each in changed(summary, steps=slow).suggestions if each.key == "model-load"]
    assert "Speech Recognition Model Loading (Lazy) took 3.1 s" in found.why


def test_a_session_without_readings_is_told_nothing(session: AvatarSession) -> None:
    summary = summarize(session)
    assert summary.suggestions == []
    assert figures_of(summary)["steal_max_percent"] is None


def test_growth_is_the_slope_after_loading() -> None:
    assert growth_mb_per_min([0, 60, 120, 180], [10 * 2**20, 100 * 2**20, 102 * 2**20, 104 * 2**20]) == pytest.approx(2)
    assert growth_mb_per_min([0, 60], [None, 1.0]) is None


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_cells_that_a_spreadsheet_would_run_are_defused(cell: str) -> None:
    assert defused(cell) == f"'{cell}"


def test_how_visitors_browsers_received_it_stands_in_every_form(over: AvatarSession, as_amina: Client) -> None:
    VisitSample.objects.filter(session=over).delete()
    for second, fps, freezes in ((10, 25, 0), (20, 24, None), (30, 12, 3)):
        VisitSample.objects.create(
            session=over, identity="visitor-dana", at=over.requested_at + timedelta(seconds=second), fps=fps,
            freezes=freezes, freeze_ms=freezes and 200 * freezes, jitter_ms=4, lost_percent=second / 10,
        )  # fmt: skip
    summary = summarize(over)
    assert summary.received is not None
    assert summary.received.model_dump(exclude={"jitter_ms", "lost_percent"}) == {
        "fps_median": 24, "fps_least": 12, "freezes": 3, "freeze_ms": 600,
    }  # fmt: skip
    text = as_text(summary)
    assert "Frames a second at visitors: 24.0, at least 12.0\n" in text
    assert "Freezes at visitors: 3, 0.60 s altogether\n" in text
    assert "Lost on the way to visitors: 2.0 / 2.9 / 3.0 %\n" in text
    assert "at visitors,freezes,,3,,\r\n" in as_csv(summary)
    page = as_amina.get(f"/reports/{over.code}/").content.decode()
    assert "24 frames a second at the visitors, at least 12; 3 freezes" in page


def test_alerts_of_the_session_and_of_its_host_stand_in_the_text(over: AvatarSession) -> None:
    at = over.requested_at + timedelta(seconds=10)
    common = {"severity": "warning", "value": 7, "worst": 12.34, "raised_at": at, "host": over.host}
    Alert.objects.create(rule="steal", subject=f"host:{over.host}", cleared_at=at + timedelta(seconds=40), **common)
    Alert.objects.create(rule="drift", subject=f"session:{over.code}", session=over, note="seen", **common)
    text = as_text(summarize(over))
    assert f"{at:%H:%M:%S} CPU steal (warning): 12.3, 40s of the host\n" in text
    assert f"{at:%H:%M:%S} Sound against lips (warning): 12.3, open “seen”\n" in text


def test_a_report_that_was_kept_before_it_told_of_visitors_browsers_still_loads(over: AvatarSession) -> None:
    kept = make_report(over)
    del kept.summary["received"]
    kept.save()
    assert report_of(over).received is None
    assert "at visitors" not in as_csv(report_of(over))


def test_numbers_stay_numbers() -> None:
    assert [defused(value) for value in (-1.5, None, "a-b")] == [-1.5, None, "a-b"]


def test_a_visitor_s_name_can_t_bring_a_formula_into_the_csv(over: AvatarSession) -> None:
    over.visits.update(name="=HYPERLINK(0)")
    rows = list(csv.reader(StringIO(as_csv(summarize(over)))))
    assert [row[1] for row in rows if row[0] == "visit"] == ["'=HYPERLINK(0)"]
    assert {len(row) for row in rows} == {6}


def test_hitches_and_alerts_stand_on_the_time_axis(over: AvatarSession) -> None:
    at = over.requested_at + timedelta(seconds=30)
    Alert.objects.create(
        rule="steal", severity="warning", subject="host:atlas", host="atlas", raised_at=at, value=6, worst=9
    )
    Hitch.objects.create(session=over, at=at, until=at, kind="turn", cause="network", took_ms=1_900, usual_ms=700)
    found = marks(summarize(over))
    assert [(mark.label, mark.is_before) for mark in found] == [
        ("Alert: CPU steal", False),
        ("Hitch 1200 ms", True),
        ("Hitch 82 ms", False),
    ]


def test_many_hitches_hide_no_switch(over: AvatarSession) -> None:
    at = over.requested_at + timedelta(seconds=60)
    other = DeploymentMode.objects.get(slug="constrained").current
    assert other is not None
    ModeSwitch.objects.create(
        session=over, from_version=over.mode_version, to_version=other, requested_by="Amina", requested_at=at,
        finished_at=at, outcome="applied",
    )  # fmt: skip
    for second in range(-8, 9, 2):
        when = at + timedelta(seconds=second)
        Hitch.objects.create(session=over, at=when, until=when, kind="frames", cause="steal", took_ms=90, usual_ms=40)
    found = marks(summarize(over))
    words = [mark.label for mark in found if mark.label]
    assert "To constrained" in words
    assert len(words) < len(found)


def test_a_missing_reading_is_a_gap_in_the_chart(over: AvatarSession) -> None:
    summary = summarize(over)
    user = list(summary.curves.user_percent)
    user[20:25] = [None] * 5
    chart = cpu_chart(changed(summary, curves=summary.curves.model_copy(update={"user_percent": user})))
    assert chart is not None
    assert len(chart.layers[0].areas) == 2


def test_the_page_answers_first_and_keeps_nothing_back(as_amina: Client, over: AvatarSession) -> None:
    page = as_amina.get(f"/reports/{over.code}/").content.decode()
    for text in (
        "14 turns, answered in",
        "Give atlas a dedicated CPU",
        "CPU steal",
        "All steps",
        "Dana",
        "Whole answer",
    ):
        assert text in page
    for form, begins in (("csv", "section,name"), ("curves", "at_s,cpu_percent"), ("json", "{"), ("txt", "====")):
        answer = as_amina.get(f"/reports/{over.code}/report.{form}?download")
        assert answer.content.decode().startswith(begins)
        assert "attachment" in answer["Content-Disposition"]
    assert as_amina.get(f"/reports/{over.code}/report.exe").status_code == 404
