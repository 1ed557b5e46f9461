"""The switch drawer: what will change, what will visitors see, and how it went."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pydantic import JsonValue

from monitoring.models import SessionDigest
from operators.models import Operator
from sessions.actions.switches import record_gap, record_switch, switch_mode
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ProfileVersion, State, SwitchOutcome
from tests.pages.conftest import MIB, Browse, measure, put
from tests.pages.test_every_page import inspect

HTMX = {"HX-Request": "true"}


@pytest.fixture
def on_air(start: Callable[..., AvatarSession]) -> AvatarSession:
    session = put(start(), State.READY, ready_at=timezone.now() - timedelta(minutes=2))
    measure(session, 40)
    return session


@pytest.fixture
def stable(demo: None) -> DeploymentMode:
    return DeploymentMode.objects.get(slug="stable")


def text_of(client: Client, address: str) -> str:
    page = client.get(address, headers=HTMX).content.decode()
    return " ".join(page.split())


def ran_before(session: AvatarSession, mode: DeploymentMode, *cpu_percents: float) -> None:
    """Sessions of the past in `mode` on the session's host."""
    assert mode.current is not None
    for cpu_percent in cpu_percents:
        over = AvatarSession.objects.get(pk=session.pk)
        over.pk, over.request_key, over.mode_version = None, None, mode.current
        over.code, over.state = uuid.uuid4(), State.ENDED
        over.save()
        SessionDigest.objects.create(
            session=over, requested_at=over.requested_at, profile=over.profile_version.profile, mode=mode,
            mode_version=mode.current, provider="builtin", host=over.host, is_failure=False, switched=False,
            duration_s=60, visitors=1, answers=4, answer_ms=810, cpu_percent=cpu_percent, uss_bytes=131 * MIB,
        )  # fmt: skip


def test_the_drawer_shows_what_changes_and_what_stays(
    browse: Browse, amina: Operator, on_air: AvatarSession, stable: DeploymentMode
) -> None:
    page = text_of(browse(amina), f"/sessions/{on_air.code}/switch?mode=stable")
    assert "Switch Maryam to stable" in page
    for words in ("25 fps", "30 fps", "3 frames", "5 audio blocks"):
        assert words in page
    assert "No data yet: no session has run in stable on atlas." in page
    assert "no data yet" in page


def test_a_prediction_comes_from_past_sessions_of_the_mode_on_the_host(
    browse: Browse, amina: Operator, on_air: AvatarSession, stable: DeploymentMode
) -> None:
    ran_before(on_air, stable, 30, 40, 44)
    page = text_of(browse(amina), f"/sessions/{on_air.code}/switch?mode=stable")
    assert "From 3 sessions on atlas" in page
    assert "CPU goes up by 8 points" in page  # 24 % of one core now, 40 % then, on two cores
    assert "131" in page


def test_a_switch_is_ordered_followed_and_shows_its_gap(
    browse: Browse, amina: Operator, on_air: AvatarSession, stable: DeploymentMode
) -> None:
    client = browse(amina)
    answer = client.post(f"/sessions/{on_air.code}/switch", {"mode": "stable"}, headers=HTMX)
    assert "Switching to stable" in answer.content.decode()
    switch = ModeSwitch.objects.get()
    address = f"/sessions/{on_air.code}/switches/{switch.code}/"
    record_switch(switch.code, SwitchOutcome.APPLIED, timezone.now(), took_ms=140.0)
    record_gap(switch.code, 96.0)
    page = text_of(client, address)
    assert "Switched to stable" in page
    assert "96" in page
    assert "Go back to balanced" in page
    assert inspect(client, address) == "Switched to stable"
    assert 'hx-trigger="changed, every 4s"' in page


def test_a_switch_works_without_scripts(browse: Browse, amina: Operator, on_air: AvatarSession) -> None:
    client = browse(amina)
    assert inspect(client, f"/sessions/{on_air.code}/switch?mode=stable") == "Switch Maryam to stable"
    answer = client.post(f"/sessions/{on_air.code}/switch", {"mode": "stable"})
    assert answer["Location"] == f"/sessions/{on_air.code}/switches/{ModeSwitch.objects.get().code}/"


def test_the_slower_of_two_operators_sees_who_won_and_how_that_goes(
    browse: Browse, amina: Operator, clara: Operator, on_air: AvatarSession
) -> None:
    browse(clara).post(f"/sessions/{on_air.code}/switch", {"mode": "constrained"}, headers=HTMX)
    page = browse(amina).post(f"/sessions/{on_air.code}/switch", {"mode": "stable"}, headers=HTMX).content.decode()
    assert "Clara was faster" in page
    assert "your switch to stable was not made" in page
    assert "instead=stable" in page  # and it says so when it is fetched again
    assert ModeSwitch.objects.get().to_version.mode.slug == "constrained"


def test_a_switch_that_failed_or_went_back_says_why(
    browse: Browse, amina: Operator, on_air: AvatarSession, stable: DeploymentMode
) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    record_switch(switch.code, SwitchOutcome.APPLIED, timezone.now(), took_ms=90)
    record_switch(switch.code, SwitchOutcome.WENT_BACK, timezone.now(), detail="Frames missed their budget.")
    page = text_of(browse(amina), f"/sessions/{on_air.code}/switches/{switch.code}/")
    assert "Back in balanced" in page
    assert "Frames missed their budget." in page


def test_the_session_page_lists_switches_with_figures_before_and_after(
    browse: Browse, basil: Operator, on_air: AvatarSession, stable: DeploymentMode
) -> None:
    switch = switch_mode(on_air, stable, by="Amina")
    ModeSwitch.objects.update(requested_at=timezone.now() - timedelta(seconds=20))
    record_switch(switch.code, SwitchOutcome.APPLIED, timezone.now() - timedelta(seconds=19), took_ms=140.0)
    page = text_of(browse(basil), f"/sessions/{on_air.code}/fragments/switches/")
    assert "balanced" in page
    assert "118" in page.split("Memory, own")[1]
    assert page.count("24") >= 2  # CPU of one core, before and after


def test_a_viewer_sees_the_mode_and_switches_nothing(browse: Browse, basil: Operator, on_air: AvatarSession) -> None:
    client = browse(basil)
    assert "switch-opens" not in client.get(f"/sessions/{on_air.code}/").content.decode()
    assert client.get(f"/sessions/{on_air.code}/switch").status_code == 403
    assert client.post(f"/sessions/{on_air.code}/switch", {"mode": "stable"}).status_code == 403
    assert not ModeSwitch.objects.exists()


@pytest.mark.parametrize("mode", ["", "nowhere", "balanced"])
def test_a_mode_that_cannot_be_had_is_refused_in_the_drawer(
    browse: Browse, amina: Operator, on_air: AvatarSession, mode: str
) -> None:
    answer = browse(amina).post(f"/sessions/{on_air.code}/switch", {"mode": mode}, headers=HTMX)
    assert answer.status_code == 422
    assert b"Nothing was changed" in answer.content


def test_a_session_that_is_not_on_air_offers_no_switch(
    browse: Browse, amina: Operator, start: Callable[..., AvatarSession]
) -> None:
    client, session = browse(amina), put(start(), State.STARTING)
    assert "shows no picture yet" in text_of(client, f"/sessions/{session.code}/switch")
    assert client.post(f"/sessions/{session.code}/switch", {"mode": "stable"}, headers=HTMX).status_code == 422


def test_lightening_is_turned_on_and_off_on_the_page(
    browse: Browse, amina: Operator, basil: Operator, on_air: AvatarSession
) -> None:
    page = text_of(browse(amina), f"/sessions/{on_air.code}/fragments/switches/")
    assert 'aria-checked="false"' in page
    answer = browse(amina).post(f"/sessions/{on_air.code}/lightening", {"on": "1"}, headers=HTMX)
    assert 'aria-checked="true"' in answer.content.decode()
    assert 'role="switch"' not in text_of(browse(basil), f"/sessions/{on_air.code}/fragments/switches/")
    assert browse(basil).post(f"/sessions/{on_air.code}/lightening", {"on": "0"}).status_code == 403
    on_air.refresh_from_db()
    assert on_air.lightens


@pytest.mark.parametrize(
    ("provider", "settings", "mode", "says"),
    [
        ("tavus", {"pal_id": "p1"}, "exhibition", "Visitors see nothing of it"),
        ("bithuman", {"avatar_id": "A1"}, "stable", "Visitors see nothing of it"),
        ("bithuman", {"avatar_id": "A1"}, "exhibition", "the avatar starts anew"),
        ("bithuman", {"avatar_id": "A1", "model": "essence"}, "exhibition", "Visitors see nothing of it"),
        ("bithuman", {"place": "local", "model_path": "/a.imx"}, "stable", "the avatar starts anew"),
    ],
)
def test_the_drawer_says_what_visitors_see_of_a_hosted_avatars_mode(
    browse: Browse, amina: Operator, on_air: AvatarSession, monkeypatch: pytest.MonkeyPatch,
    provider: str, settings: dict[str, JsonValue], mode: str, says: str,
) -> None:  # fmt: skip
    plain = ProfileVersion.as_spec
    worn = {"provider": provider, "provider_settings": settings}
    monkeypatch.setattr(ProfileVersion, "as_spec", lambda version: plain(version).model_copy(update=worn))
    ProfileVersion.objects.filter(pk=on_air.profile_version_id).update(provider=provider)
    assert says in text_of(browse(amina), f"/sessions/{on_air.code}/switch?mode={mode}")


def test_another_face_is_chosen_beside_the_mode(
    browse: Browse, amina: Operator, on_air: AvatarSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = ProfileVersion.as_spec
    tavus: dict[str, dict[str, JsonValue]] = {"tavus": {"pal_id": "p1"}}
    monkeypatch.setattr(
        ProfileVersion, "as_spec", lambda version: plain(version).model_copy(update={"other_settings": tavus})
    )
    client = browse(amina)
    assert "That is what it has now" in text_of(client, f"/sessions/{on_air.code}/switch")  # none is chosen unasked
    page = text_of(client, f"/sessions/{on_air.code}/switch?mode=&provider=tavus")
    assert "Who draws the face" in page
    assert "until the next one is in the room" in page
    answer = client.post(f"/sessions/{on_air.code}/switch", {"mode": "", "provider": "tavus"}, headers=HTMX)
    assert (answer.status_code, "Switching to Tavus" in answer.content.decode()) == (200, True)
    switch = ModeSwitch.objects.get()
    assert (switch.to_provider, switch.to_version) == ("tavus", on_air.mode_version)
    assert "mode=balanced&amp;provider=builtin" not in text_of(
        client, f"/sessions/{on_air.code}/switches/{switch.code}/"
    )
    record_switch(switch.code, SwitchOutcome.APPLIED, timezone.now(), took_ms=1400)
    assert "mode=balanced&amp;provider=builtin" in text_of(client, f"/sessions/{on_air.code}/switches/{switch.code}/")
