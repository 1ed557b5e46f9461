"""The forms of profiles and modes: what is wrong is said beside it, and what was typed is kept."""

from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import escape

from operators.models import Operator, Role
from protocol.mode_effects import EFFECTS
from protocol.modes import BUILT_IN_MODES, ModeSettings
from sessions.actions.lifecycle import start_session
from sessions.actions.modes import copy_mode
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode
from sessions.modes.settings import SECTIONS
from tests.pages.conftest import Browse

WORDS = {
    "name": "Lab tour", "tagline": "", "greeting": "Hello.", "persona": "Kind.", "language": "en", "voice": "heart",
    "provider": "builtin", "presenter": "omar",
}  # fmt: skip


def typed(settings: ModeSettings, **changes: object) -> dict[str, object]:
    """A mode's settings as a browser sends them: unticked and empty fields are left out or empty."""
    values = {**settings.model_dump(mode="json"), "description": "Mine", **changes}
    return {
        name: ("" if value is None else "on" if value is True else value)
        for name, value in values.items()
        if value is not False
    }


def test_a_profile_is_made_edited_as_a_new_version_and_archived(browse: Browse, amina: Operator, demo: None) -> None:
    client = browse(amina)
    address = client.post("/profiles/new", WORDS)["Location"]
    profile = AvatarProfile.objects.get(current__name="Lab tour")
    assert profile.current is not None
    assert profile.current.presenter == "omar"
    client.post(address, {**WORDS, "name": "Lab visit", "presenter": "presenter"})
    profile.refresh_from_db()
    assert profile.current is not None
    assert (profile.current.number, profile.current.name, profile.current.presenter) == (2, "Lab visit", "presenter")
    assert profile.current.created_by == "Amina"
    client.post(f"{address}duplicate")
    assert AvatarProfile.objects.filter(current__name="Copy of Lab visit").exists()
    client.post(f"{address}archive")
    assert profile.code not in {each.code for each in AvatarProfile.objects.filter(archived_at=None)}
    assert b"is archived" in client.get(address).content


def test_place_tv_and_captions_are_chosen_beside_the_face(browse: Browse, amina: Operator, demo: None) -> None:
    client = browse(amina)
    chosen = {"scene": "museum-hall", "tv": "slides", "captions_burnt_in": "on"}
    address = client.post("/profiles/new", {**WORDS, **chosen})["Location"]
    profile = AvatarProfile.objects.get(current__name="Lab tour")
    assert profile.current is not None
    assert profile.current.provider_settings == {
        "presenter": "omar",
        "scene": "museum-hall",
        "tv": "slides",
        "captions_burnt_in": True,
    }
    page = client.get(address).content.decode()
    assert 'value="museum-hall" checked' in page
    assert '<option value="slides" selected' in page
    assert "img/scenes/museum-hall.jpg" in page


def test_a_profile_with_the_test_card_keeps_its_quality_and_nothing_of_a_presenter(
    browse: Browse, amina: Operator, demo: None
) -> None:
    client = browse(amina)
    chosen = {"provider": "test-card", "quality": "high", "tv": "slides"}
    address = client.post("/profiles/new", {**WORDS, **chosen})["Location"]
    profile = AvatarProfile.objects.get(current__name="Lab tour")
    assert profile.current is not None
    assert (profile.current.provider, profile.current.provider_settings) == ("test-card", {"quality": "high"})
    page = client.get(address).content.decode()
    assert '<option value="high" selected>High: 1280 × 720 at 30 fps</option>' in page
    assert "img/test-card.jpg" in client.get("/profiles/").content.decode()
    assert client.post("/profiles/new", {**WORDS, **chosen, "quality": "superb"}).status_code == 422


def test_a_greeting_of_a_megabyte_is_refused_and_everything_typed_is_kept(
    browse: Browse, amina: Operator, guide: AvatarProfile
) -> None:
    greeting = "long " * 200_000
    response = browse(amina).post(f"/profiles/{guide.code}/", {**WORDS, "greeting": greeting})
    page = response.content.decode()
    assert response.status_code == 422
    assert "at most 2000 characters" in page
    assert page.count("long ") >= 199_999
    assert "Lab tour" in page
    assert "Nothing was kept yet" in page
    assert guide.versions.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"greeting": ""},
        {"language": "xx"},
        {"presenter": "../../etc"},
        {"voice": "nobody"},
        {"provider": "x"},
        {"name": "  "},
        {"name": "Nul\0l"},
        {"persona": "Nul\0l"},
    ],
)
def test_a_profile_with_a_wrong_field_is_not_kept(
    browse: Browse, amina: Operator, demo: None, wrong: dict[str, str]
) -> None:
    before = AvatarProfile.objects.count()
    response = browse(amina).post("/profiles/new", {**WORDS, **wrong})
    assert response.status_code == 422
    assert escape(wrong.get("name", "Lab tour")) in response.content.decode()
    assert AvatarProfile.objects.count() == before


def test_more_than_can_be_read_is_refused_with_a_sentence(browse: Browse, amina: Operator, demo: None) -> None:
    response = browse(amina).post("/profiles/new", {**WORDS, "persona": "x" * 3_000_000})
    assert response.status_code == 400


def test_the_form_of_modes_holds_every_setting_once() -> None:
    names = [name for _, section in SECTIONS for name in section]
    assert sorted(names) == sorted(ModeSettings.model_fields)


def test_a_copied_mode_is_changed_as_a_new_version(browse: Browse, amina: Operator, balanced: DeploymentMode) -> None:
    client = browse(amina)
    address = client.post("/modes/balanced/copy")["Location"]
    data = typed(
        BUILT_IN_MODES["balanced"],
        video_width=640,
        video_height=360,
        vision_interval_s=None,
        batch_audio_to_frames=False,
    )
    assert client.post(address, data).status_code == 302
    mode = DeploymentMode.objects.get(slug="balanced-copy")
    assert mode.current is not None
    assert (mode.current.number, mode.current.created_by, mode.description) == (2, "Amina", "Mine")
    settings = mode.current.settings
    assert (settings.video_width, settings.vision_interval_s, settings.batch_audio_to_frames) == (640, None, False)
    client.post(f"{address}archive")
    client.get("/modes/")  # says that it is archived
    assert b"balanced-copy" not in client.get("/modes/").content


@pytest.mark.parametrize(
    ("name", "value"),
    [("video_width", 0), ("video_width", 100_000), ("video_height", 721), ("output_buffer_size", -1), ("input_buffer_size", -5),
     ("retry_interval_s", 0), ("codec", "av1"), ("video_fps", "many"), ("timeout_s", "nan"), ("idle_fps", 60),
     ("video_fps", "9" * 400), ("video_height", "-" + "9" * 400),
     ("video_width", "2" * 5000), ("timeout_s", "1" * 400)],
)  # fmt: skip
def test_a_bad_setting_is_said_and_the_rest_is_kept(
    browse: Browse, amina: Operator, balanced: DeploymentMode, name: str, value: object
) -> None:
    mode = copy_mode(balanced, by="Amina")
    response = browse(amina).post(
        f"/modes/{mode.slug}/", typed(BUILT_IN_MODES["balanced"], bitrate_kbps=1234, **{name: value})
    )
    page = response.content.decode()
    assert response.status_code == 422
    assert "Nothing was kept yet" in page
    assert 'value="1234"' in page
    assert mode.versions.count() == 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("video_width", 7, "Give a whole number from 160 to 1920\u00a0px that 2 divides."),
        ("video_width", 161, "Give a whole number from 160 to 1920\u00a0px that 2 divides."),
        ("video_width", "2" * 400, "Give a whole number from 160 to 1920\u00a0px that 2 divides."),
        ("video_fps", "many", "Give a whole number from 1 to 60\u00a0fps."),
        ("video_fps", "", "Give a whole number from 1 to 60\u00a0fps."),
        ("timeout_s", 0, "Give a number above 0, at most 300\u00a0s."),
        ("timeout_s", "nan", "Give a number above 0, at most 300\u00a0s."),
        ("musetalk_ahead_factor", 9, "Give a number from 1 to 4."),
        ("vision_interval_s", 0, "at most 600\u00a0s. Leave it empty to switch it off."),
    ],
)
def test_a_number_out_of_bounds_is_answered_with_the_bounds(
    browse: Browse, amina: Operator, balanced: DeploymentMode, name: str, value: object, sentence: str
) -> None:
    mode = copy_mode(balanced, by="Amina")
    answer = browse(amina).post(f"/modes/{mode.slug}/", typed(BUILT_IN_MODES["balanced"], **{name: value}))
    page = answer.content.decode()
    assert page.count(sentence) == 1
    assert page.count("autofocus") == 1, "the cursor stands where something must be changed"


def test_a_built_in_mode_stays_as_it_is(browse: Browse, amina: Operator, balanced: DeploymentMode) -> None:
    client = browse(amina)
    response = client.post("/modes/balanced/", typed(BUILT_IN_MODES["stable"]))
    assert response.status_code == 409
    assert b"built in" in response.content
    assert client.post("/modes/balanced/archive").status_code == 409
    balanced.refresh_from_db()
    assert balanced.current is not None
    assert balanced.current.settings == BUILT_IN_MODES["balanced"]


def test_a_copy_gets_a_name_that_fits_however_long_the_one_asked_for(
    browse: Browse, amina: Operator, balanced: DeploymentMode
) -> None:
    client = browse(amina)
    addresses = {client.post("/modes/balanced/copy", {"slug": "long-" * 200})["Location"] for _ in range(3)}
    assert len(addresses) == 3
    assert all(len(address) <= len("/modes//") + 60 for address in addresses)


def test_a_profile_whose_kept_settings_are_no_longer_known_is_refused_with_a_sentence_or_mended_by_its_form(
    browse: Browse, amina: Operator, guide: AvatarProfile
) -> None:
    guide.versions.update(provider_settings={"presenter": "nobody", "old": 1}, voice="nobody")
    client = browse(amina)
    refused = client.post(f"/profiles/{guide.code}/duplicate")
    assert refused.status_code == 422
    assert b"Nothing was kept" in refused.content
    assert client.get(f"/profiles/{guide.code}/").status_code == 200
    assert client.post(f"/profiles/{guide.code}/", WORDS).status_code == 302
    guide.refresh_from_db()
    assert guide.current is not None
    assert (guide.current.voice, guide.current.provider_settings) == ("heart", {"presenter": "omar"})


def test_every_setting_says_what_it_does_and_where(browse: Browse, amina: Operator, demo: None) -> None:
    assert set(EFFECTS) == set(ModeSettings.model_fields)
    assert all(any(each[1:5]) or each.missing for each in EFFECTS.values())
    page = browse(amina).get("/modes/balanced/").content.decode()
    for effect in EFFECTS.values():
        assert all(escape(sentence) in page for sentence in effect[1:] if sentence)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tv_fps": 50}, "tv_fps", "can’t change 50 times"),
        ({"video_fps": 10, "idle_fps": 5, "tv_fps": 5, "output_buffer_size": 30}, "output_buffer_size", "at most 20"),
        ({"video_width": 1920, "video_height": 1080, "bitrate_kbps": 300}, "bitrate_kbps", "at least 518"),
        ({"musetalk_send_interval_s": 3}, "musetalk_send_interval_s", "leave gaps"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_a_sentence(
    browse: Browse, amina: Operator, balanced: DeploymentMode, changes: dict[str, object], field: str, words: str
) -> None:
    client, mode = browse(amina), copy_mode(balanced, by="Amina")
    response = client.post(f"/modes/{mode.slug}/", typed(BUILT_IN_MODES["balanced"], **changes))
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert mode.versions.count() == 1


def test_an_edit_leaves_running_sessions_as_they_are_and_says_that_there_is_a_newer_version(
    browse: Browse, amina: Operator, guide: AvatarProfile, balanced: DeploymentMode
) -> None:
    client, mode = browse(amina), copy_mode(balanced, by="Amina")
    session = start_session(profile=guide, mode=mode, by="Amina")
    AvatarSession.objects.filter(pk=session.pk).update(state="ready", ready_at=timezone.now())
    assert "newer version" not in client.get(f"/sessions/{session.code}/").content.decode()
    client.post(f"/modes/{mode.slug}/", typed(BUILT_IN_MODES["balanced"], video_fps=20))
    session.refresh_from_db()
    assert session.settings.video_fps == 25
    assert "a newer version of this mode is there" in client.get(f"/sessions/{session.code}/").content.decode()
    assert "1 session is in an earlier version." in client.get(f"/modes/{mode.slug}/").content.decode()


def test_modes_are_copied_changed_and_archived_by_rest(api_as: Any, demo: None) -> None:
    client = api_as(Role.OPERATOR)
    made = client.post("/api/v1/modes/balanced/copy?name=Hall").json()
    assert (made["slug"], made["version"], made["is_built_in"]) == ("hall", 1, False)
    changed = client.put("/api/v1/modes/hall", {"settings": {"video_fps": 20}}, content_type="application/json").json()
    assert (changed["version"], changed["settings"]["video_fps"]) == (2, 20)
    for wrong in ({"video_fps": 0}, {"tv_fps": 60}, {"no_such": 1}):
        refused = client.put("/api/v1/modes/hall", {"settings": wrong}, content_type="application/json")
        assert refused.status_code == 422
        assert refused.json()["detail"]
    assert client.put("/api/v1/modes/balanced", {}, content_type="application/json").status_code == 409
    assert client.delete("/api/v1/modes/hall").status_code == 204
    assert "hall" not in {each["slug"] for each in client.get("/api/v1/modes").json()}
