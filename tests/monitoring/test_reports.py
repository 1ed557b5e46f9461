"""What a session leaves behind once it is over."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitoring.actions.reporting import complete_report, make_report, sessions_without_report
from monitoring.models import (
    FrameSample,
    Hitch,
    HostRollup,
    HostSample,
    SessionDigest,
    SessionRollup,
    SessionSample,
    WorkflowStep,
)
from monitoring.panels.waterfall import waterfall
from monitoring.reports import report
from monitoring.reports.csv_file import as_csv
from monitoring.reports.lines import Figures
from monitoring.reports.page import cause_rows
from monitoring.reports.report import CURVE_POINTS, report_of, summarize
from monitoring.reports.summaries import Summary
from monitoring.reports.text import as_text
from monitoring.samples.queries import host_summaries, recent_host_samples, samples_of, usual_step_durations_ms
from sessions.actions.links import create_link
from sessions.models import AgentWorker, AvatarSession, EndReason, State, Visit

pytestmark = pytest.mark.django_db

STEPS = [  # the field report's own figures: label, duration in ms, memory gained in bytes
    ("Connection Initialization", 2_150.0, 45_200_000),
    ("Session & Agent Configuration", 1_890.0, 32_100_000),
    ("Starting Avatar Session", 18_450.0, 156_800_000),
    ("Vision Analysis", 2_670.0, 8_900_000),
    ("InsightFace Model Loading (Lazy)", 3_120.0, 281_500_000),
]


@pytest.fixture
def start_at(session: AvatarSession) -> datetime:
    return session.requested_at


@pytest.fixture
def over(session: AvatarSession, start_at: datetime) -> AvatarSession:
    """Ten minutes: steps, a visitor, a second of steal with a late frame."""
    end = start_at + timedelta(minutes=10)
    AvatarSession.objects.filter(pk=session.pk).update(
        state=State.ENDED,
        end_reason=EndReason.OPERATOR_STOPPED,
        state_detail="Stopped by Amina",
        ready_at=start_at + timedelta(milliseconds=1_080),
        ended_at=end,
    )
    at, own = start_at, 100
    for number, (label, duration_ms, gained) in enumerate(STEPS, 1):
        WorkflowStep.objects.create(
            session=session,
            attempt=1,
            number=number,
            key=label.lower().replace(" ", "_")[:64],
            label=label,
            status="completed",
            started_at=at,
            duration_ms=duration_ms,
            uss_before_bytes=own,
            uss_after_bytes=own + gained,
        )
        at, own = at + timedelta(milliseconds=duration_ms), own + gained
    seconds = [start_at + timedelta(seconds=second) for second in range(600)]
    SessionSample.objects.bulk_create(
        SessionSample(session=session, at=at, cpu_percent=30 + place % 10, uss_bytes=118_000_000)
        for place, at in enumerate(seconds)
    )
    HostSample.objects.bulk_create(
        HostSample(host=session.host, at=at, cores=2, steal_percent=12.0 if place == 300 else 0.2)
        for place, at in enumerate(seconds)
    )
    FrameSample.objects.bulk_create(
        FrameSample(
            session=session,
            at=at - timedelta(milliseconds=300),
            composed=20,
            cached=5,
            repeated=0,
            frame_p95_ms=12.0,
            frame_max_ms=61.0 if place == 300 else 15.0,
            budget_ms=40,
        )
        for place, at in enumerate(seconds)
    )
    link = create_link(session, by="Amina")
    Visit.objects.create(
        session=session,
        link=link,
        identity="visitor-1",
        name="Dana",
        joined_at=start_at + timedelta(seconds=5),
        left_at=start_at + timedelta(seconds=65),
        token_ms=20,
        connected_ms=300,
        first_frame_ms=780,
        first_sound_ms=950,
    )
    session.refresh_from_db()
    return session


def test_a_report_says_in_words_how_it_went(over: AvatarSession) -> None:
    assert summarize(over).verdict == (
        "Ready in 1.1 s. 1 visitor, who saw the face 0.8 s after their click. "
        "1 second with late frames. CPU steal reached 12\u00a0%."
    )


def test_a_session_that_never_was_ready_says_why(over: AvatarSession) -> None:
    over.ready_at = None
    over.state_detail = "No agent worker of atlas took the session."
    assert summarize(over).verdict == "It never became ready. No agent worker of atlas took the session."


def test_a_session_that_is_still_starting_has_not_failed(session: AvatarSession) -> None:
    assert summarize(session).verdict == "It is still starting."


def test_the_slowest_and_the_hungriest_steps_are_in_order(over: AvatarSession) -> None:
    summary = summarize(over)
    assert [step.label for step in summary.slowest] == [
        "Starting Avatar Session",
        "InsightFace Model Loading (Lazy)",
        "Vision Analysis",
    ]
    assert [step.label for step in summary.memory_hungry] == [
        "InsightFace Model Loading (Lazy)",
        "Starting Avatar Session",
        "Connection Initialization",
    ]


def test_memory_that_steps_gain_at_once_is_counted_once(over: AvatarSession) -> None:
    connection, configuration, avatar, *_ = over.steps.order_by("number")
    over.steps.exclude(pk__in=(connection.pk, configuration.pk, avatar.pk)).delete()
    over.steps.update(started_at=over.requested_at, uss_before_bytes=100)  # they begin together
    over.steps.filter(pk=connection.pk).update(uss_after_bytes=30_000_100)
    over.steps.filter(pk=configuration.pk).update(uss_after_bytes=None)
    over.steps.filter(pk=avatar.pk).update(uss_after_bytes=80_000_100)
    summary = summarize(over)
    assert summary.memory_gained_bytes == summary.model_dump()["memory_gained_bytes"] == 80_000_000
    assert "💾 Total Memory: +80.0MB\n" in as_text(summary)
    assert "\nsteps,memory gained,,80000000,bytes,\n" in as_csv(summary).replace("\r\n", "\n")


def test_memory_gained_is_of_the_last_attempt_and_resident_where_no_other_was_measured(over: AvatarSession) -> None:
    over.steps.filter(number=5).update(attempt=2, rss_before_bytes=100, rss_after_bytes=350, uss_before_bytes=None)
    assert summarize(over).memory_gained_bytes == 250
    over.steps.update(rss_before_bytes=None, uss_before_bytes=None)
    assert "💾 Total Memory: not measured\n" in as_text(summarize(over))


def test_a_report_that_was_kept_before_steps_told_their_own_memory_goes_by_resident_memory(over: AvatarSession) -> None:
    over.steps.update(rss_before_bytes=100, rss_after_bytes=700)
    kept = make_report(over)
    for step in kept.summary["steps"]:
        del step["uss_before_bytes"], step["uss_after_bytes"]
    kept.save()
    assert report_of(over).memory_gained_bytes == 600


def test_figures_are_of_the_readings_that_are_there() -> None:
    assert Figures.of([None, None]) is None
    assert Figures.of([None, 3]) == Figures(count=1, median=3, p95=3, max=3)
    assert Figures.of(range(1, 102)) == Figures(count=101, median=51, p95=96, max=101)


def test_a_report_stays_when_the_samples_are_gone(over: AvatarSession) -> None:
    before = summarize(over)
    make_report(over)
    for model in (SessionSample, FrameSample, HostSample, WorkflowStep):
        model._default_manager.all().delete()
    assert report_of(over) == before


def test_its_curves_are_short_and_keep_the_peaks(over: AvatarSession) -> None:
    curves = summarize(over).curves
    assert len(curves.at_s) == CURVE_POINTS
    assert {len(values) for values in curves.model_dump().values()} == {CURVE_POINTS}
    assert max(value for value in curves.steal_percent if value is not None) == 12.0


def test_a_session_that_ended_at_once_has_a_report(session: AvatarSession) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.ENDED, ended_at=session.requested_at)
    session.refresh_from_db()
    summary = make_report(session).summary
    assert summary["cpu_percent"] is None
    assert summary["frames"] is None


def test_the_report_command_prints_it_as_text(over: AvatarSession) -> None:
    out = StringIO()
    call_command("report", str(over.code), stdout=out)
    text = out.getvalue()
    assert "⏱️  Total Duration: 28.28s\n💾 Total Memory: +524.5MB\n📊 Steps Completed: 5/5" in text
    assert "3. ✅ Starting Avatar Session: 18.45s +156.8MB" in text
    assert "SLOWEST STEPS:\n" + "-" * 80 + "\n1. Starting Avatar Session: 18.45s\n" in text
    assert "Own memory (USS): 118.0 / 118.0 / 118.0 MB" in text


@pytest.mark.parametrize("code", ["nonsense", "2b0d7b3d-3f14-4f2b-9d9c-0f4d5a0c1e2f"])
def test_the_report_of_an_unknown_session_is_refused_with_a_sentence(db: None, code: str) -> None:
    with pytest.raises(CommandError, match=f"There is no session {code}"):
        call_command("report", code)


def test_samples_come_with_the_hosts_steal_and_the_frames_of_their_second(
    over: AvatarSession, start_at: datetime
) -> None:
    points = samples_of(over, limit=600)
    assert len(points) == 600
    assert points[0] | {"at": None} == points[1] | {"at": None, "cpu_percent": 30}
    peak = points[300]
    assert timedelta(0) <= start_at + timedelta(seconds=300) - peak["at"] < timedelta(milliseconds=1)
    assert (peak["steal_percent"], peak["frame_max_ms"], peak["fps"]) == (12.0, 61.0, 25)
    assert "rss_bytes" not in peak, "a missing reading is absent"


def test_samples_go_on_from_where_the_caller_left_off(over: AvatarSession, start_at: datetime) -> None:
    seconds = [round((point["at"] - start_at).total_seconds()) for point in samples_of(over, limit=2)]
    assert seconds == [598, 599]
    later = samples_of(over, since=start_at + timedelta(seconds=10), limit=2)
    assert [round((point["at"] - start_at).total_seconds()) for point in later] == [11, 12]
    assert samples_of(over, since=start_at + timedelta(hours=1)) == []


def test_a_session_whose_host_has_no_sampler_has_its_frames(over: AvatarSession) -> None:
    SessionSample.objects.all().delete()
    points = samples_of(over, limit=3)
    assert [point["fps"] for point in points] == [25, 25, 25]


def test_the_usual_duration_of_a_step_is_the_median_in_its_mode(over: AvatarSession, balanced: Any) -> None:
    assert usual_step_durations_ms(balanced)["starting_avatar_session"] == 18_450


def test_what_one_session_did_often_hides_no_rarer_step(
    over: AvatarSession, start: Callable[..., AvatarSession], balanced: Any
) -> None:
    talkative = start()
    WorkflowStep.objects.bulk_create(
        WorkflowStep(
            session=talkative, attempt=1, number=number, key="deliver_first_greeting", label="Deliver First Greeting",
            status="completed", started_at=talkative.requested_at + timedelta(seconds=number), duration_ms=260,
        )
        for number in range(1, 1_000)
    )  # fmt: skip
    usual = usual_step_durations_ms(balanced)
    assert usual["starting_avatar_session"] == 18_450
    assert usual["deliver_first_greeting"] == 260


def test_what_was_usual_when_a_report_was_made_stays_so_in_it(over: AvatarSession, balanced: Any) -> None:
    make_report(over)
    then = usual_step_durations_ms(balanced)
    assert report_of(over).usual_step_durations_ms == then
    WorkflowStep.objects.update(duration_ms=60_000)
    assert usual_step_durations_ms(balanced) != then
    drawn = waterfall(over, report_of(over).usual_step_durations_ms)
    assert {row.usual_ms for row in drawn.rows + drawn.after} - {None} == set(then.values())


def test_hitches_are_all_counted_and_those_that_cost_most_are_kept(
    over: AvatarSession, start_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_HITCHES", 2)
    for second, (cause, took_ms) in enumerate((("steal", 90), ("cpu", 50), ("steal", 60), ("steal", 45))):
        at = start_at + timedelta(seconds=second)
        Hitch.objects.create(
            session=over, at=at, until=at, kind="frames", cause=cause, took_ms=took_ms, usual_ms=40
        )  # fmt: skip
    make_report(over)
    kept = report_of(over)
    assert [hitch.took_ms for hitch in kept.hitches] == [90, 60]
    assert [(total.cause, total.count, total.lost_ms) for total in kept.hitch_totals] == [
        ("steal", 3, 75), ("cpu", 1, 10),
    ]  # fmt: skip
    assert "4 hitches, most of them by CPU steal." in kept.verdict
    assert [row.count for row in cause_rows(kept)][:2] == [3, 1]
    assert SessionDigest.objects.get().hitches == 4
    before = kept.model_dump(mode="json") | {"hitch_totals": []}
    assert Summary.model_validate(before).hitch_count == 2, "a report of before totals were kept"


def test_a_hosts_summary_says_how_much_room_it_has(session: AvatarSession) -> None:
    now = timezone.now()
    AgentWorker.objects.create(host="atlas", host_seen_at=now)
    HostSample.objects.create(host="atlas", at=now, cores=2, user_percent=30, system_percent=5)
    (summary,) = host_summaries()
    assert (summary.live_sessions, summary.free_places, summary.busy_percent) == (1, 3, 35)
    assert summary.is_reporting
    assert recent_host_samples("atlas", 60)[0]["user_percent"] == 30


def test_a_report_leaves_its_main_figures_as_a_row(over: AvatarSession) -> None:
    make_report(over)
    digest = over.digest
    assert (digest.ready_ms, digest.cpu_percent, digest.uss_bytes, digest.visitors) == (1_080, 34.5, 118_000_000, 1)
    assert (digest.mode.slug, digest.host, digest.switched, digest.is_failure) == ("balanced", over.host, False, False)
    assert digest.frames_over_percent == pytest.approx(100 / 600, abs=0.01)


def test_a_report_that_was_kept_before_there_were_digests_gets_one_from_what_it_says(over: AvatarSession) -> None:
    make_report(over)
    SessionDigest.objects.all().delete()
    SessionSample.objects.all().delete()
    (found,) = sessions_without_report(timezone.now() + timedelta(hours=1))
    complete_report(found)
    assert SessionDigest.objects.get().cpu_percent == 34.5
    assert sessions_without_report(timezone.now() + timedelta(hours=1)) == []


def test_a_session_of_days_is_told_from_rollups(over: AvatarSession, start_at: datetime) -> None:
    long_ago = timedelta(hours=30)
    AvatarSession.objects.filter(pk=over.pk).update(requested_at=start_at - long_ago, ready_at=start_at - long_ago)
    over.refresh_from_db()
    for tens in range(3):
        at = over.requested_at + timedelta(seconds=10 * tens)
        HostRollup.objects.create(host=over.host, span_s=10, at=at, cores=2, user_percent=20, steal_max_percent=7)
        SessionRollup.objects.create(
            session=over, span_s=10, at=at, cpu_percent=50, uss_bytes=9, fps=25, frame_p95_ms=12, frame_max_ms=61,
            budget_ms=40, seconds_over_budget=1,
        )  # fmt: skip
    summary = summarize(over)
    assert summary.cpu_percent == Figures(count=3, median=50, p95=50, max=50)
    assert summary.steal_percent == Figures(count=3, median=7, p95=7, max=7)
    assert summary.frames is not None
    assert (summary.frames.seconds, summary.frames.seconds_over_budget, summary.frames.composed) == (30, 3, None)
    assert len(summary.curves.at_s) == CURVE_POINTS
