"""The profile form of hosted avatars: what is asked, what is refused, what is kept."""

import io
import struct
import zlib
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from operators.models import Operator, Role
from sessions.actions.profiles import create_profile, edit_profile
from sessions.models import AvatarProfile, Preflight, ProfileVersion
from tests.pages.conftest import Browse
from tests.pages.test_profiles_and_modes import WORDS

TAVUS = {"provider": "tavus", "fallback": "builtin", "tavus_pal_id": "pb87e71797da"}
GONE = {"name": "x", "sha256": "0" * 64}
BITHUMAN = {"provider": "bithuman", "bithuman_source": "agent", "bithuman_avatar_id": "A91XMB7113"}


def newest() -> ProfileVersion:
    return ProfileVersion.objects.latest("pk")


def picture(width: int = 300, height: int = 400) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "brown").save(out, "JPEG")
    return out.getvalue()


def bomb() -> bytes:
    """A PNG whose head says 50,000 by 50,000 pixels."""
    head, data = b"IHDR" + struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in (head, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("typed", "settings"),
    [
        (TAVUS, {"pal_id": "pb87e71797da"}),
        ({"provider": "bey", "bey_avatar_id": "b9be11b8"}, {"avatar_id": "b9be11b8"}),
        (
            {**BITHUMAN, "bithuman_model": "expression"},
            {"place": "cloud", "avatar_id": "A91XMB7113", "model": "expression"},
        ),
        (
            {**BITHUMAN, "bithuman_source": "file", "bithuman_model_path": "/srv/guide.imx"},
            {"place": "local", "model_path": "/srv/guide.imx"},
        ),
    ],
)
def test_a_hosted_avatar_is_set_up_by_its_own_fields_and_checked_at_once(
    browse: Browse, amina: Operator, demo: None, typed: dict[str, str], settings: dict[str, str]
) -> None:
    response = browse(amina).post("/profiles/new", {**WORDS, **typed})
    assert response.status_code == 302, response.context["form"].errors
    assert newest().provider == typed["provider"]
    assert newest().provider_settings == settings
    assert newest().settings_for("builtin") == {"presenter": "omar"}  # who stands still where the picture is away
    assert Preflight.objects.get().version == newest()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({**TAVUS, "tavus_pal_id": ""}, "Give the id of a PAL"),
        ({**TAVUS, "tavus_pal_id": "https://tavus.io/p1"}, "This is no id"),
        ({**TAVUS, "fallback": "tavus"}, "take over from itself"),
        ({**TAVUS, "fallback": "bey"}, "Give the id of an avatar"),
        ({**BITHUMAN, "bithuman_avatar_id": ""}, "Give the agent’s code"),
        ({**BITHUMAN, "bithuman_source": "file"}, "Give the full path"),
        (
            {**BITHUMAN, "bithuman_source": "file", "bithuman_model_path": "guide.imx"},
            "begins with / and ends with .imx",
        ),
        ({**BITHUMAN, "bithuman_source": "picture"}, "Choose a picture of one face"),
        ({**BITHUMAN, "bithuman_source": "picture", "bithuman_model": "essence"}, "by Expression only"),
    ],
)
def test_what_no_vendor_could_draw_is_said_beside_its_field(
    browse: Browse, amina: Operator, demo: None, typed: dict[str, str], words: str
) -> None:
    before = AvatarProfile.objects.count()
    upload = {"bithuman_image": SimpleUploadedFile("f.jpg", picture())} if "bithuman_model" in typed else {}
    response = browse(amina).post("/profiles/new", {**WORDS, **typed, **upload})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert AvatarProfile.objects.count() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no picture at all", "no picture that can be read"),
        (b"", "empty|no picture"),
        (bomb(), "huge"),
        (b"\xff" * (11 * 1024**2), "bitHuman takes"),
        (picture(30, 30), "too small"),
    ],
)
def test_a_picture_that_is_none_or_far_too_large_is_refused_with_a_sentence(
    browse: Browse, amina: Operator, demo: None, content: bytes, words: str
) -> None:
    typed = {**WORDS, **BITHUMAN, "bithuman_source": "picture", "bithuman_image": SimpleUploadedFile("f.jpg", content)}
    response = browse(amina).post("/profiles/new", typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert any(each in page for each in words.split("|"))


def test_a_picture_is_kept_until_another_one_is_chosen(browse: Browse, amina: Operator, demo: None) -> None:
    client = browse(amina)
    typed: dict[str, Any] = {**WORDS, **BITHUMAN, "bithuman_source": "picture"}
    address = client.post("/profiles/new", {**typed, "bithuman_image": SimpleUploadedFile("Guide.jpg", picture())})[
        "Location"
    ]
    image = newest().provider_settings["image"]
    assert image["name"] == "Guide"
    assert "“Guide” is used until you choose another one" in client.get(address).content.decode()
    client.post(address, {**typed, "name": "Renamed"})
    assert (newest().name, newest().provider_settings["image"]) == ("Renamed", image)


def test_a_profile_that_goes_to_another_provider_and_back_loses_nothing(
    browse: Browse, amina: Operator, guide: AvatarProfile
) -> None:
    client, address = browse(amina), f"/profiles/{guide.code}/"
    as_built_in = newest_of(guide).provider_settings
    typed = {**WORDS, "presenter": "maryam", "scene": "museum-hall", "tv": "slides"}
    client.post(address, {**typed, **TAVUS})
    assert newest_of(guide).other_settings["builtin"] == as_built_in
    client.post(address, {**typed, **TAVUS, "provider": "builtin"})
    assert newest_of(guide).provider_settings == as_built_in
    assert newest_of(guide).other_settings == {"tavus": {"pal_id": "pb87e71797da"}}
    assert newest_of(guide).fallback == ""


def newest_of(profile: AvatarProfile) -> ProfileVersion:
    return profile.versions.latest("number")


def test_by_rest_what_was_set_up_for_a_provider_is_found_again(api_as: Any, guide: AvatarProfile) -> None:
    client, address = api_as(Role.OPERATOR), f"/api/v1/profiles/{guide.code}"
    words = {"name": "Maryam", "greeting": "Hello."}
    as_built_in = newest_of(guide).provider_settings
    changed = client.put(
        address,
        {**words, "provider": "tavus", "provider_settings": {"pal_id": "p1"}, "fallback": "builtin"},
        content_type="application/json",
    )
    assert changed.status_code == 200, changed.content
    assert (changed.json()["fallback"], changed.json()["other_settings"]) == ("builtin", {"builtin": as_built_in})
    back = client.put(address, {**words, "provider": "builtin"}, content_type="application/json").json()
    assert back["provider_settings"] == as_built_in
    assert back["other_settings"] == {"tavus": {"pal_id": "p1"}}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"provider_settings": {}}, "pal_id"),
        ({"provider_settings": {"pal_id": "p1", "api_key": "x"}}, "api_key"),
        ({"fallback": "bey"}, "not set up"),
        ({"other_settings": {"nobody": {}}}, "nobody"),
        ({"other_settings": ["bey"]}, "other providers"),
        ({"provider": "bithuman", "provider_settings": {"image": GONE}}, "picture"),
        ({"provider": "bithuman", "provider_settings": {"avatar_id": "A1", "image": GONE}}, "exclude"),
    ],
)  # fmt: skip
def test_a_profile_that_no_vendor_could_draw_is_refused(db: None, wrong: dict[str, Any], words: str) -> None:
    fields = {"name": "Desk", "greeting": "Hi.", "provider": "tavus", "provider_settings": {"pal_id": "p1"}, **wrong}
    with pytest.raises(ValidationError, match=words):
        create_profile(fields, by="Amina")


def test_a_provider_that_is_gone_from_this_release_does_not_break_its_profiles_page(
    browse: Browse, amina: Operator, guide: AvatarProfile
) -> None:
    guide.versions.update(provider="musetalk")
    page = browse(amina).get(f"/profiles/{guide.code}/")
    assert page.status_code == 200
    assert browse(amina).get("/profiles/").status_code == 200
    with pytest.raises(ValidationError, match="musetalk"):
        edit_profile(AvatarProfile.objects.get(pk=guide.pk), {"name": "Desk"}, by="Amina")


def test_a_picture_for_bithuman_is_sent_by_rest_and_worn(api_as: Any, guide: AvatarProfile) -> None:
    client = api_as(Role.OPERATOR)
    sent = client.post("/api/v1/provider-pictures", {"picture": SimpleUploadedFile("Guide.jpg", picture())})
    assert sent.status_code == 201, sent.content
    words = {
        "name": "Maryam",
        "greeting": "Hello.",
        "provider": "bithuman",
        "provider_settings": {"image": sent.json()},
    }
    assert client.put(f"/api/v1/profiles/{guide.code}", words, content_type="application/json").status_code == 200
    refused = client.post("/api/v1/provider-pictures", {"picture": SimpleUploadedFile("x.jpg", bomb())})
    assert (refused.status_code, "huge" in refused.json()["detail"]) == (422, True)
