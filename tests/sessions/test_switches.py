"""Switching the mode of a session that runs, seen from the control plane."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from operators.models import Role
from protocol.control import SWITCH_METHOD, SwitchOrder
from sessions import livekit, tasks
from sessions.actions.lifecycle import stop_session
from sessions.actions.modes import copy_mode, edit_mode
from sessions.actions.switches import record_gap, record_switch, switch_mode
from sessions.errors import (
    AlreadyInMode,
    Archived,
    LiveKitError,
    NotOnAir,
    ProviderNotSetUp,
    SessionIsOver,
    SwitchUnderWay,
)
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ProfileVersion, State, SwitchOutcome

JSON = "application/json"


@pytest.fixture
def on_air(session: AvatarSession) -> AvatarSession:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    session.refresh_from_db()
    return session


@pytest.fixture
def stable(demo: None) -> DeploymentMode:
    return DeploymentMode.objects.get(slug="stable")


@pytest.fixture
def two_faces(on_air: AvatarSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile has settings for the test card beside its own."""
    plain = ProfileVersion.as_spec
    others: dict[str, dict[str, Any]] = {"test-card": {"quality": "low"}}
    monkeypatch.setattr(
        ProfileVersion, "as_spec", lambda version: plain(version).model_copy(update={"other_settings": others})
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Room, method and payload of what jobs were asked; they answer that it is under way."""
    made: list[tuple[str, str, str]] = []

    def call_agent(*call: str) -> str:
        made.append((call[0], call[1], call[2]))
        return '{"outcome": "under_way"}'

    monkeypatch.setattr(livekit, "call_agent", call_agent)
    return made


def finish(switch: ModeSwitch, outcome: SwitchOutcome = SwitchOutcome.APPLIED, **fields: Any) -> bool:
    return record_switch(switch.code, outcome, timezone.now(), **fields)


def test_the_job_is_told_the_new_mode(
    on_air: AvatarSession,
    stable: DeploymentMode,
    calls: list[tuple[str, str, str]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    tasks.order_switch(switch.pk)
    ((room, method, payload),) = calls
    order = SwitchOrder.model_validate_json(payload)
    assert (room, method, order.switch, order.mode_slug) == (on_air.room, SWITCH_METHOD, switch.code, "stable")
    assert order.mode.video_fps == 30


def test_the_session_is_in_the_mode_once_its_job_says_so(on_air: AvatarSession, stable: DeploymentMode) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    on_air.refresh_from_db()
    assert on_air.mode_slug == "balanced"
    assert finish(switch, took_ms=140.0)
    assert not finish(switch, SwitchOutcome.FAILED)
    on_air.refresh_from_db()
    assert on_air.mode_slug == "stable"
    assert "Switched to stable" in [event.text for event in on_air.events.all()]


def test_a_switch_that_went_back_leaves_the_earlier_mode_and_says_why(
    on_air: AvatarSession, stable: DeploymentMode
) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    finish(switch)
    assert finish(switch, SwitchOutcome.WENT_BACK, detail="Frames missed their budget.")
    on_air.refresh_from_db()
    switch.refresh_from_db()
    assert (on_air.mode_slug, switch.outcome, switch.detail) == (
        "balanced",
        "went_back",
        "Frames missed their budget.",
    )


def test_a_switch_that_failed_changes_nothing(on_air: AvatarSession, stable: DeploymentMode) -> None:
    finish(switch_mode(on_air, stable, by="Amina"), SwitchOutcome.FAILED, detail="no such picture")
    on_air.refresh_from_db()
    assert on_air.mode_slug == "balanced"
    switch_mode(on_air, stable, by="Basil")  # and may be tried again


def test_of_two_operators_one_wins_and_the_other_is_told(on_air: AvatarSession, stable: DeploymentMode) -> None:
    switch_mode(on_air, stable, by="Amina")
    with pytest.raises(SwitchUnderWay, match="Amina is just switching this session to “stable”"):
        switch_mode(on_air, DeploymentMode.objects.get(slug="constrained"), by="Basil")


def test_the_longest_gap_that_a_visitor_saw_is_kept(on_air: AvatarSession, stable: DeploymentMode) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    for gap_ms in (80.0, 130.0, 110.0):
        record_gap(switch.code, gap_ms)
    switch.refresh_from_db()
    assert switch.gap_ms == 130.0


def test_a_mode_that_cannot_be_switched_to_is_refused(
    session: AvatarSession, on_air: AvatarSession, balanced: DeploymentMode, stable: DeploymentMode
) -> None:
    with pytest.raises(AlreadyInMode):
        switch_mode(on_air, balanced, by="Amina")
    archived = copy_mode(stable, by="Amina")
    DeploymentMode.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    archived.refresh_from_db()
    with pytest.raises(Archived):
        switch_mode(on_air, archived, by="Amina")
    AvatarSession.objects.filter(pk=session.pk).update(state=State.STARTING)
    session.refresh_from_db()
    with pytest.raises(NotOnAir):
        switch_mode(session, stable, by="Amina")
    stop_session(session, by="Amina")
    with pytest.raises(SessionIsOver):
        switch_mode(session, stable, by="Amina")
    assert not ModeSwitch.objects.exists()


def test_an_edited_mode_reaches_a_running_session_only_when_it_is_applied(
    start: Callable[..., AvatarSession], stable: DeploymentMode
) -> None:
    own = copy_mode(stable, by="Amina")
    session = start(mode=own)
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    assert own.current is not None
    edit_mode(own, {**own.current.settings.model_dump(), "video_fps": 20, "idle_fps": 10}, by="Amina")
    own.refresh_from_db()
    session.refresh_from_db()
    assert session.settings.video_fps == 30
    finish(switch_mode(session, own, by="Amina"))
    session.refresh_from_db()
    assert session.settings.video_fps == 20


@pytest.mark.parametrize("answer", [LiveKitError("The media server does not answer.", retryable=True), "busy", "{]"])
def test_a_job_that_cannot_be_told_fails_the_switch_with_a_sentence(
    on_air: AvatarSession, stable: DeploymentMode, monkeypatch: pytest.MonkeyPatch, answer: LiveKitError | str
) -> None:
    def call_agent(*_: str) -> str:
        if isinstance(answer, LiveKitError):
            raise answer
        return f'{{"outcome": "{answer}"}}'

    monkeypatch.setattr(livekit, "call_agent", call_agent)
    switch = switch_mode(on_air, stable, by="Amina")
    tasks.order_switch(switch.pk)
    switch.refresh_from_db()
    assert switch.outcome == SwitchOutcome.FAILED
    assert switch.detail


@pytest.mark.parametrize("fate", ["silence", "end"])
def test_a_switch_that_no_job_tells_of_is_given_up(on_air: AvatarSession, stable: DeploymentMode, fate: str) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    tasks.resume_stranded_sessions()
    switch.refresh_from_db()
    assert switch.outcome == SwitchOutcome.PENDING
    if fate == "end":
        AvatarSession.objects.filter(pk=on_air.pk).update(state=State.ENDED)
    else:
        ModeSwitch.objects.filter(pk=switch.pk).update(requested_at=timezone.now() - timedelta(minutes=5))
    tasks.resume_stranded_sessions()
    switch.refresh_from_db()
    assert switch.outcome == SwitchOutcome.FAILED


def test_a_switch_that_was_given_up_counts_once_its_job_tells_of_it(
    on_air: AvatarSession, stable: DeploymentMode
) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    record_switch(switch.code, SwitchOutcome.FAILED, timezone.now(), detail="The avatar's process did not answer.")
    assert record_switch(switch.code, SwitchOutcome.APPLIED, timezone.now(), took_ms=120)
    on_air.refresh_from_db()
    assert on_air.mode_slug == "stable"


def test_rest_switches_and_shows_the_outcome(
    api_as: Callable[[Role], Client], on_air: AvatarSession, stable: DeploymentMode
) -> None:
    api = api_as(Role.OPERATOR)
    answer = api.post(f"/api/v1/sessions/{on_air.code}/mode", {"mode": "stable"}, JSON)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "pending")
    finish(ModeSwitch.objects.get(), took_ms=120.0)
    record_gap(ModeSwitch.objects.get().code, 90.0)
    (switch,) = api.get(f"/api/v1/sessions/{on_air.code}").json()["switches"]
    assert (switch["from_mode"], switch["to_mode"], switch["outcome"], switch["gap_ms"]) == (
        "balanced",
        "stable",
        "applied",
        90.0,
    )
    assert api.post(f"/api/v1/sessions/{on_air.code}/mode", {"mode": "nowhere"}, JSON).status_code == 404


def test_a_viewer_switches_nothing(api_as: Callable[[Role], Client], on_air: AvatarSession) -> None:
    answer = api_as(Role.VIEWER).post(f"/api/v1/sessions/{on_air.code}/mode", {"mode": "stable"}, JSON)
    assert answer.status_code == 403
    assert not ModeSwitch.objects.exists()


def test_the_provider_is_switched_and_stays_so_after_a_restart(
    on_air: AvatarSession, two_faces: None, calls: list[tuple[str, str, str]]
) -> None:
    on_air.refresh_from_db()
    assert on_air.providers == ["builtin", "test-card"]
    switch = switch_mode(on_air, by="Amina", provider="test-card")
    tasks.order_switch(switch.pk)
    order = SwitchOrder.model_validate_json(calls[0][2])
    assert (order.provider, order.provider_settings) == ("test-card", {"quality": "low"})
    assert (order.mode_slug, order.mode.video_width) == ("balanced", 320)
    finish(switch)
    on_air.refresh_from_db()
    spec = on_air.as_job_spec()
    assert (spec.profile.provider, spec.profile.provider_settings) == ("test-card", {"quality": "low"})
    assert spec.profile.other_settings["builtin"] == on_air.profile_version.provider_settings
    assert "Switched to Test card" in [event.text for event in on_air.events.all()]
    finish(switch_mode(on_air, by="Amina", provider="builtin"))
    on_air.refresh_from_db()
    assert (on_air.switched_provider, on_air.provider) == ("", "builtin")


def test_a_mode_switch_says_nothing_of_the_provider(on_air: AvatarSession, stable: DeploymentMode) -> None:
    assert switch_mode(on_air, stable, by="Amina").as_order().provider is None


def test_a_provider_without_settings_is_refused(on_air: AvatarSession) -> None:
    with pytest.raises(ProviderNotSetUp, match="no settings for"):
        switch_mode(on_air, by="Amina", provider="tavus")
    with pytest.raises(AlreadyInMode):
        switch_mode(on_air, by="Amina", provider="builtin")


def test_rest_switches_mode_and_provider_at_once_and_asks_for_one_of_them(
    api_as: Callable[[Role], Client], on_air: AvatarSession, two_faces: None
) -> None:
    api, address = api_as(Role.OPERATOR), f"/api/v1/sessions/{on_air.code}/mode"
    assert api.post(address, {}, JSON).status_code == 422
    assert api.post(address, {"provider": "tavus"}, JSON).json()["code"] == "provider_not_set_up"
    switch = api.post(address, {"mode": "stable", "provider": "test-card"}, JSON).json()
    assert (switch["to_mode"], switch["from_provider"], switch["to_provider"]) == ("stable", "builtin", "test-card")
    assert api.post(address, {"provider": "builtin"}, JSON).json()["code"] == "switch_under_way"
    finish(ModeSwitch.objects.get())
    assert api.get(f"/api/v1/sessions/{on_air.code}").json()["provider"] == "test-card"


def test_rest_turns_lightening_on_and_off(api_as: Callable[[Role], Client], on_air: AvatarSession) -> None:
    address = f"/api/v1/sessions/{on_air.code}/lightening"
    assert api_as(Role.OPERATOR).post(address, {"on": True}, JSON).json()["lightening"] is True
    assert api_as(Role.VIEWER).post(address, {"on": False}, JSON).status_code == 403
    on_air.refresh_from_db()
    assert on_air.lightens
    stop_session(on_air, by="Amina")
    assert api_as(Role.OPERATOR).post(address, {"on": False}, JSON).status_code == 409
