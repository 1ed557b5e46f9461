"""A trial: the same conversation in two modes, in turns, on one host."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from monitoring import trial_tasks
from monitoring.actions import trials
from monitoring.actions.trials import begin_trial, end_trial, questions_of, resume_stranded_trials
from monitoring.models import Trial, TrialRun, TrialState
from protocol.trials import TrialOrder
from sessions.actions.lifecycle import start_session
from sessions.agent_programs import ProgramFailed
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, State

pytestmark = pytest.mark.django_db

Done = dict[str, Any]


@pytest.fixture
def modes(demo: None) -> tuple[DeploymentMode, DeploymentMode]:
    return tuple(DeploymentMode.objects.get(slug=slug) for slug in ("balanced", "ultra-low-latency"))  # type: ignore[return-value]


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Runs that were put into the host's queue; nobody carries them out."""
    found: list[int] = []

    def keep(task: Any, run_id: int, **options: Any) -> None:
        if task is trial_tasks.run_trial_session and "countdown" not in options:
            found.append(run_id)

    monkeypatch.setattr(trials, "enqueue", keep)
    monkeypatch.setattr(trial_tasks, "enqueue", keep)
    return found


@pytest.fixture
def trial(guide: AvatarProfile, modes: Any, ordered: list[int], django_capture_on_commit_callbacks: Any) -> Trial:
    with django_capture_on_commit_callbacks(execute=True):
        return begin_trial(guide, *modes, host="atlas", by="Amina", rounds=2)


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> list[TrialOrder]:
    """The visitor's program says that all was answered. Its orders."""
    orders: list[TrialOrder] = []

    def run_program(name: str, *, told: Callable[[Done], None], limit_s: float, order: str) -> Done:
        orders.append(TrialOrder.model_validate_json(order))
        told({"asked": 4})
        return {"done": {"asked": 4, "answered": 4}}

    monkeypatch.setattr(trial_tasks, "run_program", run_program)
    return orders


def carry_out(run_id: int) -> None:
    """All tasks of a run, with a session that gets ready and ends."""
    session = AvatarSession.objects.filter(trial_run=run_id)
    trial_tasks.run_trial_session(run_id)
    trial_tasks.run_trial_session(run_id)
    assert TrialRun.objects.get(pk=run_id).state == TrialRun.State.STARTING
    session.update(state=State.READY)
    trial_tasks.run_trial_session(run_id)
    session.update(state=State.ENDED)
    trial_tasks.continue_trial(TrialRun.objects.get(pk=run_id).trial_id)


def slugs(trial: Trial) -> list[str]:
    return list(trial.runs.order_by("number").values_list("mode__slug", flat=True))


def test_the_modes_take_turns_about_who_begins(trial: Trial, ordered: list[int]) -> None:
    assert slugs(trial) == ["balanced", "ultra-low-latency", "ultra-low-latency", "balanced"]
    first = trial.runs.get(number=1)
    assert ordered == [first.pk]


def test_all_sessions_run_one_after_the_other_on_the_host(
    trial: Trial, ordered: list[int], visitor: list[TrialOrder]
) -> None:
    for number in range(4):
        assert len(ordered) == number + 1
        carry_out(ordered[-1])
    trial.refresh_from_db()
    assert trial.state == TrialState.FINISHED
    runs = list(trial.runs.select_related("session__mode_version__mode"))
    assert [(run.state, run.answered) for run in runs] == [("done", 4)] * 4
    assert [run.session.mode_slug for run in runs if run.session] == slugs(trial)
    assert {run.session.host for run in runs if run.session} == {"atlas"}
    assert [order.questions for order in visitor] == [trial.questions] * 4


def test_a_task_that_comes_twice_runs_a_session_once(
    trial: Trial, ordered: list[int], visitor: list[TrialOrder]
) -> None:
    carry_out(ordered[0])
    trial_tasks.run_trial_session(ordered[0])
    assert len(visitor) == 1
    assert AvatarSession.objects.count() == 1


def test_a_session_that_fails_is_told_and_two_in_a_row_end_the_trial(
    trial: Trial, ordered: list[int], visitor: list[TrialOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Done:
        raise ProgramFailed("no sound card")

    monkeypatch.setattr(trial_tasks, "run_program", fails)
    carry_out(ordered[-1])
    carry_out(ordered[-1])
    trial.refresh_from_db()
    assert trial.state == TrialState.FAILED
    assert "could not talk to the avatar" in trial.detail
    assert len(ordered) == 2
    assert AvatarSession.objects.filter(state=State.ENDED).count() == 2


def test_a_session_that_never_gets_ready_is_given_up(trial: Trial, ordered: list[int]) -> None:
    trial_tasks.run_trial_session(ordered[0])
    AvatarSession.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    trial_tasks.run_trial_session(ordered[0])
    run = trial.runs.get(number=1)
    assert (run.state, run.detail) == (TrialRun.State.FAILED, "The session did not get ready.")
    assert AvatarSession.objects.get().state == State.STOPPING


def test_an_ended_trial_stops_its_session_and_takes_no_further_one(trial: Trial, ordered: list[int]) -> None:
    run = trial.runs.get(number=1)
    assert trials.take_run(run)
    assert end_trial(trial, by="Amina")
    assert not end_trial(trial, by="Amina")
    trials.run_failed(run, "stopped")
    trials.go_on(trial)
    assert not trials.take_run(trial.runs.get(number=2))
    assert len(ordered) == 1


def test_a_session_that_was_ordered_while_its_trial_was_ended_is_stopped_and_nobody_talks_to_it(
    trial: Trial, ordered: list[int], visitor: list[TrialOrder], monkeypatch: pytest.MonkeyPatch
) -> None:

    def ended_meanwhile(**options: Any) -> AvatarSession:
        end_trial(trial, by="Amina")
        return start_session(**options)

    monkeypatch.setattr(trial_tasks, "start_session", ended_meanwhile)
    trial_tasks.run_trial_session(ordered[0])
    AvatarSession.objects.update(state=State.READY)
    trial_tasks.run_trial_session(ordered[0])
    assert AvatarSession.objects.get().state == State.STOPPING
    assert (visitor, trial.runs.get(number=1).state) == ([], TrialRun.State.FAILED)


def test_a_run_whose_task_died_is_given_up_and_the_next_takes_its_turn(trial: Trial, ordered: list[int]) -> None:
    run = trial.runs.get(number=1)
    trials.take_run(run)
    resume_stranded_trials()
    assert len(ordered) == 1
    TrialRun.objects.filter(pk=run.pk).update(begun_at=timezone.now() - timedelta(hours=1))
    resume_stranded_trials()
    run.refresh_from_db()
    assert run.state == TrialRun.State.FAILED
    assert ordered[-1] == trial.runs.get(number=2).pk


def test_what_is_asked_is_what_the_profile_knows(guide: AvatarProfile) -> None:
    assert guide.current is not None
    own = questions_of(guide.current)
    assert len(own) == 4
    guide.current.knowledge = ""
    assert questions_of(guide.current)[0] == "Who are you?"


def test_the_button_begins_a_trial_and_its_page_tells_how_far_it_is(
    as_amina: Client, guide: AvatarProfile, modes: Any, ordered: list[int]
) -> None:
    body = {"a": "balanced", "b": "ultra-low-latency", "profile": str(guide.code), "host": "atlas"}
    answer = as_amina.post("/reports/trials/new", body)
    page = as_amina.get(answer["Location"]).content.decode()
    assert "balanced and ultra-low-latency are being tried on atlas." in page
    assert "0 of 10 sessions are over" in page
    again = as_amina.post("/reports/trials/new", body)
    assert (again.status_code, "A trial runs on atlas already." in again.content.decode()) == (409, True)
    stopped = as_amina.post(f"{answer['Location']}stop")
    assert "Ended by an operator." in as_amina.get(stopped["Location"]).content.decode()


@pytest.mark.parametrize("body", [{}, {"a": "balanced", "b": "balanced"}, {"a": "\x00", "b": "x", "profile": "1"}])
def test_a_trial_of_nothing_is_refused(
    as_amina: Client, guide: AvatarProfile, modes: Any, body: dict[str, str]
) -> None:
    answer = as_amina.post("/reports/trials/new", {"profile": str(guide.code), **body})
    assert answer.status_code in (404, 409)
