"""The page of a profile's scene: files in pieces, their order, the still, and who may do what."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from operators.models import Operator
from sessions.actions import scene as actions
from sessions.models import AvatarProfile, SceneUpload
from sessions.scene import stills as scene_stills
from sessions.tasks import check_scene_upload, draw_scene
from tests.agent.builtin.scene.decks import deck
from tests.agent.builtin.scene.films import film
from tests.pages.conftest import Browse


@pytest.fixture(autouse=True)
def _queue_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is ordered waits until a test does it; the state folder is this test's own."""
    monkeypatch.setattr(settings, "HOME", tmp_path / "home")
    monkeypatch.setattr(actions, "enqueue", lambda *_args, **_options: None)
    monkeypatch.setattr(scene_stills, "enqueue", lambda *_args, **_options: None)


@pytest.fixture
def page(browse: Browse, amina: Operator) -> Client:
    return browse(amina)


def at(profile: AvatarProfile, rest: str = "") -> str:
    return f"/profiles/{profile.code}/scene/{rest}"


def slide(colour: str) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(packed, "PNG")
    return packed.getvalue()


def announced(page: Client, profile: AvatarProfile, kind: str, name: str, size_bytes: int) -> SceneUpload:
    item = page.post(at(profile, "files"), {"kind": kind, "name": name, "size_bytes": size_bytes})
    assert item.status_code == 201
    assert name in item.content.decode()
    return SceneUpload.objects.latest("pk")


def sent(page: Client, profile: AvatarProfile, kind: str, name: str, content: bytes) -> SceneUpload:
    """A file that has arrived and was checked, as the page sees it."""
    upload = announced(page, profile, kind, name, len(content))
    place = at(profile, f"files/{upload.code}/")
    half = len(content) // 2
    for offset, piece in ((0, content[:half]), (half, content[half:])):
        answer = page.put(f"{place}pieces?offset={offset}", piece, content_type="application/octet-stream")
        assert answer.json() == {"received_bytes": offset + len(piece)}
    assert "Being checked" in page.get(place).content.decode()
    check_scene_upload(upload.pk)
    upload.refresh_from_db()
    return upload


def current(profile: AvatarProfile) -> dict[str, Any]:
    profile.refresh_from_db()
    assert profile.current is not None
    return dict(profile.current.provider_settings)


def test_slides_are_brought_put_in_order_and_kept_as_a_version(page: Client, guide: AvatarProfile) -> None:
    first, second = (sent(page, guide, "slide", f"{colour}.png", slide(colour)) for colour in ("red", "blue"))
    html = page.get(at(guide)).content.decode()
    assert "The demo museum’s slides take turns on the TV." in html, "nothing is kept yet"
    assert html.index("red.png") < html.index("blue.png")
    assert 'value="slides" selected' in html
    assert page.get(at(guide, f"pictures/{first.sha256}"))["Content-Type"] == "image/jpeg"
    chosen = {"scene": "lobby", "tv": "deck", "slide_s": "4", "slides": [second.sha256, first.sha256, "0" * 64]}
    looked_at = page.post(at(guide, "still"), chosen).content.decode()
    assert "2 slides of yours take turns on the TV." in looked_at, "the headline speaks of what the still shows"
    assert page.post(at(guide), chosen).status_code == 302
    kept = current(guide)
    assert [each["name"] for each in kept["slides"]] == ["blue.png", "red.png"]
    assert (kept["tv"], kept["slide_s"], kept["scene"], kept["presenter"]) == ("deck", 4.0, "lobby", "maryam")
    html = page.get(at(guide)).content.decode()
    assert "2 slides of yours take turns on the TV." in html
    assert html.index("blue.png") < html.index("red.png")
    profile_page = page.get(f"/profiles/{guide.code}/").content.decode()
    assert '<option value="deck" selected>Your slides</option>' in profile_page
    assert '<option value="film"' not in profile_page, "there is none"


def test_a_pdf_s_place_becomes_its_slides(page: Client, guide: AvatarProfile) -> None:
    upload = sent(page, guide, "deck", "Tour.pdf", deck(["red", "blue"]))
    html = page.get(at(guide, f"files/{upload.code}/")).content.decode()
    assert html.count("<li") == html.count('name="slides"') == 2
    assert html.index("Tour · 1") < html.index("Tour · 2")
    slides = [each.sha256 for each in SceneUpload.objects.all()]
    page.post(at(guide), {"scene": "lobby", "tv": "deck", "slide_s": "4", "slides": slides})
    assert [each["name"] for each in current(guide)["slides"]] == ["Tour · 1", "Tour · 2"]
    assert "2 slides of yours take turns" in page.get(at(guide)).content.decode()


def test_of_films_the_latest_is_shown_and_what_was_left_out_does_not_come_back(
    page: Client, guide: AvatarProfile, tmp_path: Path
) -> None:
    first, second = (
        sent(page, guide, "film", name, film(tmp_path / name, [0, number]).read_bytes())
        for number, name in enumerate(("first.mp4", "second.mp4"), 1)
    )
    html = page.get(at(guide)).content.decode()
    assert "first.mp4" not in html
    assert f'name="film" value="{second.sha256}"' in html
    page.post(at(guide), {"scene": "lobby", "tv": "film", "slide_s": "8", "film": first.sha256})
    html = page.get(at(guide)).content.decode()
    assert "“first.mp4” plays on the TV." in html
    assert "second.mp4" not in html


def test_the_profile_s_own_form_leaves_the_files_as_they_are(page: Client, guide: AvatarProfile) -> None:
    logo = sent(page, guide, "logo", "logo.png", slide("teal"))
    page.post(at(guide), {"scene": "lobby", "tv": "none", "slide_s": "8", "logo": logo.sha256})
    words = {"name": "Lab", "greeting": "Hello.", "language": "en", "voice": "heart", "provider": "builtin"}
    assert page.post(f"/profiles/{guide.code}/", {**words, "presenter": "omar", "tv": "none"}).status_code == 302
    kept = current(guide)
    assert kept["presenter"] == "omar"
    assert kept["logo"] == {"name": "logo.png", "sha256": logo.sha256}


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ({"tv": "film"}, "There is no film yet."),
        ({"tv": "deck"}, "There are no slides yet."),
        ({"slide_s": "0.5"}, "greater than or equal to 2"),
        ({"tv": "opera"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_shown_is_not_kept(
    page: Client, guide: AvatarProfile, chosen: dict[str, str], sentence: str
) -> None:
    response = page.post(at(guide), {"scene": "lobby", "tv": "none", "slide_s": "8", **chosen})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert guide.versions.count() == 1


def test_a_refused_file_says_why_in_its_place_and_can_be_taken_away(page: Client, guide: AvatarProfile) -> None:
    upload = sent(page, guide, "film", "letter.mp4", b"Dear sir or madam, " * 9)
    place = at(guide, f"files/{upload.code}/")
    assert "no video that can be read" in page.get(place).content.decode()
    assert "no video that can be read" in page.get(at(guide)).content.decode()
    assert page.post(f"{place}remove").status_code == 200
    assert page.get(place).status_code == 404


def test_limits_stand_on_the_page_and_are_held(page: Client, guide: AvatarProfile) -> None:
    html = page.get(at(guide)).content.decode()
    for words in (
        "up to 2.0 GB and 4 hours",
        "A PDF up to 100.0 MB",
        "up to 20.0 MB each; 50 slides at most",
        "up to 5.0 MB",
    ):
        assert words in html.replace("\xa0", " ")
    too_large = page.post(at(guide, "files"), {"kind": "logo", "name": "l.png", "size_bytes": 6 * 1024**2})
    assert too_large.status_code == 422
    assert re.search(r"data-problem>[^<]*Nothing was kept", too_large.content.decode())
    upload = announced(page, guide, "logo", "l.png", 5)
    place = at(guide, f"files/{upload.code}/pieces")
    wrong = page.put(f"{place}?offset=3", b"x", content_type="application/octet-stream")
    assert (wrong.status_code, wrong.json()) == (409, {"received_bytes": 0})
    over = page.put(f"{place}?offset=0", b"more than five", content_type="application/octet-stream")
    assert over.status_code == 422
    assert page.put(f"{place}?offset=x", b"x", content_type="application/octet-stream").status_code == 404
    assert page.post(at(guide, "files"), {"kind": "song", "name": "x", "size_bytes": 5}).status_code == 404


def test_a_viewer_looks_and_changes_nothing(browse: Browse, basil: Operator, guide: AvatarProfile) -> None:
    viewer = browse(basil)
    html = viewer.get(at(guide)).content.decode()
    assert "Keep as a new version" not in html
    assert 'type="file"' not in html
    assert viewer.post(at(guide), {"tv": "none"}).status_code == 403
    assert viewer.post(at(guide, "files"), {"kind": "logo", "name": "x", "size_bytes": 5}).status_code == 403


def test_a_still_is_drawn_once_and_then_shown(page: Client, guide: AvatarProfile) -> None:
    order = {"scene": "lobby", "tv": "slides", "slide_s": "8"}
    waiting = page.post(at(guide, "still"), order).content.decode()
    assert "is being drawn" in waiting
    found = re.search(r"still/([0-9a-f]{32})", waiting)
    assert found
    assert page.get(at(guide, f"still/{found[1]}.jpg")).status_code == 404
    draw_scene(found[1])
    shown = page.post(at(guide, "still"), order).content.decode()
    assert f"still/{found[1]}.jpg" in shown
    picture = page.get(at(guide, f"still/{found[1]}.jpg"))
    with Image.open(io.BytesIO(b"".join(picture.streaming_content))) as still:  # type: ignore[attr-defined]
        assert still.size == (960, 540)
    assert page.get(at(guide, "still/..%2f..%2fx")).status_code == 404


def test_a_test_card_has_no_scene(page: Client, guide: AvatarProfile) -> None:
    guide.versions.update(provider="test-card", provider_settings={})
    assert page.get(at(guide)).status_code == 404
    assert "film, slides and logo" not in page.get(f"/profiles/{guide.code}/").content.decode()
