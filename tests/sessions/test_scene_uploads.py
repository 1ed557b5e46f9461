"""A scene's own files: they arrive in pieces, are checked by the agent's program, and travel to jobs by signed address."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from PIL import Image

from protocol.assets import ASSET_PIECE_BYTES
from protocol.scene_files import MOST_BYTES, PIECE_BYTES, SceneFileKind
from sessions import assets
from sessions.actions import scene as actions
from sessions.actions.lifecycle import start_session
from sessions.actions.profiles import edit_profile
from sessions.errors import PieceOutOfPlace, UploadRefused
from sessions.models import AvatarProfile, DeploymentMode, SceneUpload
from sessions.scene import checks as scene_checks
from sessions.scene.checks import check_upload
from sessions.tasks import check_scene_upload
from tests.agent.builtin.scene.decks import deck, locked_deck
from tests.agent.builtin.scene.films import film

BY = "Amina"


@pytest.fixture(autouse=True)
def ordered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Checks are ordered and wait until a test runs them; the state folder is this test's own."""
    monkeypatch.setattr(settings, "HOME", tmp_path / "home")
    orders: list[Any] = []
    monkeypatch.setattr(actions, "enqueue", lambda task, *args, **options: orders.append((task.name, args, options)))
    return orders


def slide(number: int = 0) -> bytes:
    packed = io.BytesIO()
    Image.new("RGB", (64, 36), (number * 5 % 256, 90, number // 50)).save(packed, "PNG")
    return packed.getvalue()


def arrived(profile: AvatarProfile, kind: str, content: bytes, name: str = "file") -> SceneUpload:
    """An upload of which all has arrived."""
    upload = actions.announce_upload(profile, kind, name, len(content), by=BY)
    for offset in range(0, len(content), PIECE_BYTES):
        upload = actions.receive_piece(upload, offset, io.BytesIO(content[offset : offset + PIECE_BYTES]))
    return upload


def checked(profile: AvatarProfile, kind: str, content: bytes, name: str = "file") -> SceneUpload:
    upload = arrived(profile, kind, content, name)
    check_scene_upload(upload.pk)
    upload.refresh_from_db()
    return upload


def drafts() -> list[Path]:
    folder = actions.draft_path(SceneUpload()).parent
    return list(folder.iterdir()) if folder.exists() else []


def test_a_film_arrives_in_pieces_and_becomes_an_asset(
    guide: AvatarProfile, tmp_path: Path, ordered: list[Any]
) -> None:
    content = film(tmp_path / "tour.mp4", [number / 25 for number in range(75)]).read_bytes()
    content += bytes(PIECE_BYTES + 1)  # what players overlook
    upload = actions.announce_upload(guide, "film", "C:\\films\\tour.mp4", len(content), by=BY)
    upload = actions.receive_piece(upload, 0, io.BytesIO(content[:PIECE_BYTES]))
    with pytest.raises(PieceOutOfPlace) as refused:
        actions.receive_piece(upload, 0, io.BytesIO(content[:PIECE_BYTES]))
    assert refused.value.received_bytes == PIECE_BYTES
    assert not ordered
    upload = actions.receive_piece(upload, PIECE_BYTES, io.BytesIO(content[PIECE_BYTES:]))
    assert upload.state == "waiting"
    assert ordered == [("sessions.tasks.check_scene_upload", (upload.pk,), {"queue": "host.atlas"})]
    check_scene_upload(upload.pk)
    check_scene_upload(upload.pk)  # delivered again
    upload.refresh_from_db()
    assert (upload.state, upload.width, upload.height, upload.was_changed) == ("ready", 64, 36, False)
    assert assets.read(upload.sha256) == content
    assert not drafts()


def test_a_slide_is_kept_as_it_will_be_shown(guide: AvatarProfile) -> None:
    upload = checked(guide, "slide", slide())
    assert (upload.state, upload.was_changed) == ("ready", True)
    assert assets.read(upload.sha256).startswith(b"\xff\xd8")


@pytest.mark.parametrize(("kind", "sentence"), [("film", "no video"), ("slide", "no picture"), ("logo", "no picture")])
def test_a_renamed_text_is_refused_with_a_sentence_and_nothing_is_left(
    guide: AvatarProfile, kind: str, sentence: str
) -> None:
    upload = checked(guide, kind, b"Dear sir or madam", "tour.mp4")
    assert upload.state == "refused"
    assert upload.detail.startswith("Nothing was kept: ")
    assert sentence in upload.detail
    assert not upload.sha256
    assert not drafts()


def test_what_does_not_fit_is_refused_before_it_is_sent(guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UploadRefused, match="is empty"):
        actions.announce_upload(guide, "film", "tour.mp4", 0, by=BY)
    for kind in SceneFileKind:
        with pytest.raises(UploadRefused, match="is the most"):
            actions.announce_upload(guide, kind, "tour.mp4", MOST_BYTES[kind] + 1, by=BY)
    monkeypatch.setattr(actions, "SPARE_BYTES", 10**18)
    with pytest.raises(UploadRefused, match="no room"):
        actions.announce_upload(guide, "film", "tour.mp4", 10, by=BY)
    assert not SceneUpload.objects.exists()


def test_more_than_was_announced_is_not_written(guide: AvatarProfile) -> None:
    upload = actions.announce_upload(guide, "logo", "logo.png", 10, by=BY)
    with pytest.raises(UploadRefused, match="More arrived"):
        actions.receive_piece(upload, 0, io.BytesIO(bytes(11)))
    film = actions.announce_upload(guide, "film", "tour.mp4", 10 * PIECE_BYTES, by=BY)
    with pytest.raises(UploadRefused, match="More arrived"):
        actions.receive_piece(film, 0, io.BytesIO(bytes(PIECE_BYTES + 1)))


def test_a_pdf_becomes_slides_that_stand_together_in_their_order(guide: AvatarProfile) -> None:
    upload = arrived(guide, "deck", deck(["red", "white", "blue"]), "Tour.pdf")
    checked(guide, "slide", slide(), "later.png")
    check_scene_upload(upload.pk)
    slides = list(SceneUpload.objects.filter(profile=guide))
    assert [each.name for each in slides] == ["Tour · 1", "Tour · 2", "Tour · 3", "later.png"]
    assert {(each.kind, each.state) for each in slides} == {("slide", "ready")}
    assert all(assets.path_of(each.sha256).is_file() for each in slides)
    assert not drafts()
    actions.remove_upload(slides[0])
    assert list(SceneUpload.objects.values_list("name", flat=True)) == ["Tour · 2", "Tour · 3", "later.png"]


def test_a_pdf_that_is_taken_out_meanwhile_leaves_no_slides(guide: AvatarProfile) -> None:
    upload = arrived(guide, "deck", deck(["red", "blue"]), "Tour.pdf")
    assert actions.begin_check(upload)
    SceneUpload.objects.all().delete()
    check_upload(upload)
    assert not SceneUpload.objects.exists()
    assert not drafts()


def test_a_pdf_that_is_not_taken_says_why_and_leaves_nothing(
    guide: AvatarProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = checked(guide, "deck", locked_deck(), "Locked.pdf")
    assert (locked.state, locked.detail) == (
        "refused",
        "Nothing was kept: The PDF asks for a password; save it without one.",
    )
    monkeypatch.setattr(scene_checks, "DECK_LIMIT_S", 0.0)
    slow = checked(guide, "deck", deck(["red"]), "Slow.pdf")
    assert slow.state == "refused"
    assert "took too long to read" in slow.detail
    assert not drafts()


def test_a_check_that_died_is_taken_over_and_one_that_lives_is_not(guide: AvatarProfile) -> None:
    upload = arrived(guide, "slide", slide())
    assert actions.begin_check(upload)
    upload.refresh_from_db()
    assert not actions.begin_check(upload)
    SceneUpload.objects.filter(pk=upload.pk).update(changed_at=timezone.now() - timedelta(minutes=2))
    upload.refresh_from_db()
    assert upload.is_stranded
    check_scene_upload(upload.pk)
    upload.refresh_from_db()
    assert upload.state == "ready"


def test_drafts_that_nobody_went_on_with_are_cleared(guide: AvatarProfile) -> None:
    upload = actions.announce_upload(guide, "film", "tour.mp4", 10, by=BY)
    actions.receive_piece(upload, 0, io.BytesIO(b"half"))
    SceneUpload.objects.update(changed_at=timezone.now() - timedelta(days=2))
    actions.announce_upload(guide, "film", "other.mp4", 10, by=BY)
    assert [each.name for each in SceneUpload.objects.all()] == ["other.mp4"]
    assert not drafts()


def test_a_scene_is_kept_as_a_version_and_its_files_travel_with_the_job(
    guide: AvatarProfile, balanced: DeploymentMode, client: Client
) -> None:
    deck = [checked(guide, "slide", slide(number), f"{number}.png").as_scene_file() for number in range(3)]
    logo = checked(guide, "logo", slide(9), "logo.png").as_scene_file()
    changes = {"tv": "deck", "slides": [each.model_dump() for each in reversed(deck)], "slide_s": 5.0,
               "logo": logo.model_dump()}  # fmt: skip
    version = actions.keep_scene(guide, changes, by=BY)
    assert version.number == 2
    assert version.presenter == "maryam", "all else stays"
    spec = start_session(profile=guide, mode=balanced, by=BY).as_job_spec()
    assert {ref.sha256 for ref in spec.scene_files} == {each.sha256 for each in (*deck, logo)}
    address = urlsplit(spec.scene_files[0].url)
    assert client.get(f"{address.path}?{address.query}").status_code == 200
    edit_profile(guide, {"greeting": "Welcome."}, by=BY)
    assert guide.current is not None
    assert len(guide.current.provider_settings["slides"]) == 3
    assets.path_of(deck[0].sha256).unlink()
    lost = start_session(profile=guide, mode=balanced, by=BY).as_job_spec()
    assert deck[0].sha256 not in {ref.sha256 for ref in lost.scene_files}, "the session starts all the same"


def test_fifty_slides_fit_into_an_order_and_fifty_one_into_no_profile(
    guide: AvatarProfile, balanced: DeploymentMode
) -> None:
    deck = [{"name": f"{number}. {'A long name for a slide ' * 3}"[:80], "sha256": assets.keep(slide(number))}
            for number in range(51)]  # fmt: skip
    actions.keep_scene(guide, {"tv": "deck", "slides": deck[:50]}, by=BY)
    spec = start_session(profile=guide, mode=balanced, by=BY).as_job_spec()
    assert len(spec.scene_files) == 50
    assert len(spec.model_dump_json()) < 48_000, "LiveKit takes metadata of 64 000 bytes"
    with pytest.raises(ValidationError, match="slides"):
        actions.keep_scene(guide, {"slides": deck}, by=BY)


def test_a_file_goes_with_its_upload_unless_a_version_names_it(guide: AvatarProfile) -> None:
    kept, unused = checked(guide, "logo", slide(1)), checked(guide, "slide", slide(2))
    actions.keep_scene(guide, {"logo": kept.as_scene_file().model_dump()}, by=BY)
    actions.clear_unused(guide, by="Somebody else")
    assert SceneUpload.objects.count() == 2
    actions.clear_unused(guide, by=BY)
    assert not assets.path_of(unused.sha256).exists()
    actions.remove_upload(kept)
    assert assets.path_of(kept.sha256).exists()


# -- the signed address, by ranges ---------------------------------------------------------------------------------------


def test_an_asset_is_given_in_pieces_and_none_is_longer_than_it_may_be(client: Client, db: None) -> None:
    content = bytes(range(256)) * (ASSET_PIECE_BYTES // 256) + b"the end"
    sha256 = assets.keep(content)
    address = assets.reference(sha256, 9_999_999_999).url.removeprefix("http://testserver")
    first = client.get(address, headers={"range": "bytes=0-"})
    assert (first.status_code, len(first.content)) == (206, ASSET_PIECE_BYTES)
    assert first["Content-Range"] == f"bytes 0-{ASSET_PIECE_BYTES - 1}/{len(content)}"
    rest = client.get(address, headers={"range": f"bytes={ASSET_PIECE_BYTES}-{10**12}"})
    assert first.content + rest.content == content
    assert client.get(address, headers={"range": f"bytes={len(content)}-"}).status_code == 416
    assert client.get(address, headers={"range": "lines=1-2"}).status_code == 200
    assert client.get(address.split("?")[0], headers={"range": "bytes=0-1"}).status_code == 403
