"""The page on which a picture becomes a profile's face."""

import struct
import uuid
import zlib
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from operators.models import Operator
from protocol.portraits import MOST_PICTURE_BYTES
from sessions import assets
from sessions.actions import portrait_progress as progress
from sessions.actions import portraits as actions
from sessions.models import AvatarProfile, ClipStatus, Portrait, PortraitStatus
from tests.faces import as_file, photograph
from tests.pages.conftest import Browse
from tests.pages.test_every_page import inspect

HTMX = {"HX-Request": "true"}


@pytest.fixture
def page(browse: Browse, amina: Operator) -> Client:
    return browse(amina)


@pytest.fixture
def prepared(guide: AvatarProfile) -> Portrait:
    """A portrait that can be worn, with a clip."""
    portrait = actions.upload_portrait(guide, b"a picture", name="Anna", crop=None, consented=True, by="Amina")
    progress.record_taken(portrait)
    progress.record_prepared(portrait, b"a face", b"a still", face_height_px=500, own_background=False)
    progress.record_clip_taken(portrait)
    progress.record_clip_made(portrait, bytes(range(200)))
    portrait.refresh_from_db()
    return portrait


def at(profile: AvatarProfile, rest: str = "") -> str:
    return f"/profiles/{profile.code}/portrait{rest}"


def picture(content: bytes | None = None, name: str = "anna.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, as_file(photograph()) if content is None else content)


def send(page: Client, profile: AvatarProfile, **fields: Any) -> Any:
    wanted = {"picture": picture(), "consent": "on", "crop": "", "name": "", **fields}
    return page.post(at(profile), {name: value for name, value in wanted.items() if value is not None}, headers=HTMX)


def test_the_page_says_which_face_is_worn_and_what_is_taken(page: Client, guide: AvatarProfile) -> None:
    assert inspect(page, at(guide)) == "Maryam wears a drawn face."
    whole = page.get(at(guide)).content.decode()
    assert "up to 20.0" in whole
    assert "40 megapixels" in whole
    assert "No portrait was uploaded yet." in whole
    assert f'href="{at(guide)}"' in page.get(f"/profiles/{guide.code}/").content.decode()


def test_an_uploaded_picture_is_kept_with_who_said_that_the_person_agrees(page: Client, guide: AvatarProfile) -> None:
    answer = send(page, guide, crop="0.1,0,0.9,1")
    assert answer.status_code == 200
    assert "Waiting" in answer.content.decode()
    portrait = Portrait.objects.get()
    assert (portrait.name, portrait.crop, portrait.consent_by) == ("anna", [0.1, 0, 0.9, 1], "Amina")
    assert portrait.consent_at is not None
    assert assets.read(portrait.source) == as_file(photograph())
    without_scripts = page.post(at(guide), {"picture": picture(), "consent": "on", "name": "Noor"})
    assert without_scripts.status_code == 302
    assert Portrait.objects.get(name="Noor").crop is None


def png(width: int, height: int, content: bytes) -> bytes:
    """A PNG whose head says this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"picture": None}, "choose a picture first"),
        ({"consent": None}, "say that the person in the picture agrees"),
        ({"picture": b""}, "not a picture that can be read"),
        ({"picture": b"hello"}, "not a picture that can be read"),
        ({"picture": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "not a picture that can be read"),
        ({"picture": b"GIF89a" + bytes(500)}, "not a picture that can be read"),
        ({"picture": as_file(photograph())[:300]}, "not a picture that can be read"),
        ({"picture": bytes(50 * 1024 * 1024)}, "too large"),
        ({"picture": png(60_000, 60_000, zlib.compress(bytes(10_000)))}, "too large"),
        ({"picture": png(9_000, 9_000, zlib.compress(bytes(10_000)))}, "too large"),
        ({"picture": as_file(np.zeros((40, 40, 3), np.uint8))}, "too small"),
        ({"crop": "0,0,2,1"}, "crop lies outside"),
        ({"crop": "0.5,0,0.5,1"}, "crop lies outside"),
        ({"crop": "nan,nan,nan,nan"}, "crop lies outside"),
        ({"crop": "'; drop"}, "crop lies outside"),
        ({"name": "x" * 81}, "at most 80 characters"),
    ],
)
def test_what_can_not_become_a_portrait_is_refused_with_a_sentence_and_nothing_is_kept(
    page: Client, guide: AvatarProfile, fields: dict[str, Any], sentence: str
) -> None:
    if isinstance(fields.get("picture"), bytes):
        fields = {**fields, "picture": picture(fields["picture"])}
    answer = send(page, guide, **fields)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert answer["HX-Retarget"] == "#portrait-refusal", "the form keeps the file that was chosen"
    assert not Portrait.objects.exists()


def test_a_picture_under_the_limit_is_not_refused_for_its_size(page: Client, guide: AvatarProfile) -> None:
    padded = as_file(photograph()).ljust(MOST_PICTURE_BYTES, b"\0")
    assert send(page, guide, picture=picture(padded)).status_code == 200


def test_each_state_has_its_word_and_its_next_step(page: Client, guide: AvatarProfile) -> None:
    send(page, guide)
    portrait = Portrait.objects.get()

    def shown() -> str:
        return page.get(at(guide, "/list")).content.decode()

    progress.record_taken(portrait)
    progress.record_progress(portrait, "finding the face", 0.15)
    assert "Finding the face" in shown()
    assert 'value="0.15"' in shown()
    progress.record_refused(portrait, "more_than_one", "from the program")
    assert "More than one face was found. Crop the picture to one person." in shown()
    assert "Try again" not in shown(), "the same picture is refused again"
    assert page.post(at(guide, f"/{portrait.code}/again"), headers=HTMX).status_code == 409
    Portrait.objects.update(status=PortraitStatus.PREPARING, refusal="")
    progress.record_failed(portrait, "The picture could not be prepared.")
    assert "The picture could not be prepared." in shown()
    assert "Try again" in shown()
    page.post(at(guide, f"/{portrait.code}/again"), headers=HTMX)
    portrait.refresh_from_db()
    assert portrait.status == PortraitStatus.WAITING
    assert page.post(at(guide, f"/{portrait.code}/use")).status_code == 409, "not before it is ready"
    progress.record_taken(portrait)
    progress.record_prepared(portrait, b"a face", b"a still", face_height_px=150, own_background=True)
    assert "Use this portrait" in shown()
    assert "150 pixels high" in shown()
    assert "keeps the background" in shown()
    assert "first words" in shown()
    progress.record_clip_taken(portrait)
    progress.record_clip_failed(portrait, "The clip could not be made.")
    assert "The clip could not be made." in shown()
    assert "Use this portrait" in shown()
    page.post(at(guide, f"/{portrait.code}/speak"), headers=HTMX)
    portrait.refresh_from_db()
    assert portrait.clip_status == ClipStatus.WAITING


def test_a_portrait_is_used_by_a_new_version_and_can_be_left_again(
    page: Client, guide: AvatarProfile, prepared: Portrait
) -> None:
    assert page.post(at(guide, f"/{prepared.code}/use")).status_code == 302
    guide.refresh_from_db()
    assert guide.current is not None
    assert guide.current.number == 2
    assert guide.current.portrait == str(prepared.code)
    assert guide.current.presenter == "maryam", "stands in where the portrait can't be had"
    assert inspect(page, at(guide)) == "Maryam wears the uploaded portrait “Anna”."
    form = page.get(f"/profiles/{guide.code}/").content.decode()
    assert f'value="{prepared.code}" checked' in form
    assert f"/portraits/{prepared.code}/face.jpg" in page.get("/profiles/").content.decode()
    fields = {"name": "Maryam", "greeting": "Hello.", "language": "en", "voice": "heart", "provider": "builtin"}
    page.post(f"/profiles/{guide.code}/", {**fields, "presenter": str(prepared.code)})
    guide.refresh_from_db()
    assert guide.current.portrait == str(prepared.code), "a change of anything else leaves the face"
    page.post(f"/profiles/{guide.code}/", {**fields, "presenter": "omar"})
    guide.refresh_from_db()
    assert guide.current.portrait == ""
    wrong = page.post(f"/profiles/{guide.code}/", {**fields, "presenter": str(uuid.uuid4())})
    assert wrong.status_code == 422


def test_the_clip_can_be_played_from_any_place(page: Client, guide: AvatarProfile, prepared: Portrait) -> None:
    address = at(guide, f"/{prepared.code}/clip.webm")
    whole = page.get(address)
    assert whole["Content-Type"] == "video/webm"
    assert whole.content == bytes(range(200))
    part = page.get(address, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == bytes(range(10, 20))
    assert part["Content-Range"] == "bytes 10-19/200"
    assert page.get(address, headers={"Range": "bytes=-5"}).content == bytes(range(195, 200))
    assert page.get(address, headers={"Range": "bytes=500-"}).status_code == 416
    assert page.get(address, headers={"Range": "pages=1"}).status_code == 200


def test_visitors_get_the_still_and_nobody_gets_the_picture(
    client: Client, page: Client, guide: AvatarProfile, prepared: Portrait
) -> None:
    still = client.get(f"/portraits/{prepared.code}/face.jpg")
    assert (still.status_code, still.content) == (200, b"a still")
    assert client.get(f"/assets/{prepared.source}").status_code == 403
    assert client.get(at(guide, f"/{prepared.code}/clip.webm")).status_code == 302, "to the sign-in"
    actions.remove_portrait(prepared)
    gone = client.get(f"/portraits/{prepared.code}/face.jpg")
    assert gone.status_code == 302
    assert gone["Location"].endswith("/img/presenters/presenter.jpg")


def test_only_operators_deal_with_portraits(
    browse: Browse, basil: Operator, guide: AvatarProfile, prepared: Portrait
) -> None:
    viewer = browse(basil)
    assert viewer.get(at(guide)).status_code == 403
    assert send(viewer, guide).status_code == 403
    for action in ("again", "speak", "use", "remove"):
        assert viewer.post(at(guide, f"/{prepared.code}/{action}")).status_code == 403, action
    assert viewer.get(at(guide, f"/{prepared.code}/clip.webm")).status_code == 403
    assert Portrait.objects.count() == 1


def test_a_portrait_is_reached_by_its_own_profile_only(page: Client, guide: AvatarProfile, prepared: Portrait) -> None:
    other = AvatarProfile.objects.exclude(pk=guide.pk).first()
    assert other is not None
    assert page.post(at(other, f"/{prepared.code}/remove")).status_code == 404


def test_removing_says_what_went_and_refuses_what_is_worn(
    page: Client, guide: AvatarProfile, prepared: Portrait
) -> None:
    page.post(at(guide, f"/{prepared.code}/use"))
    refused = page.post(at(guide, f"/{prepared.code}/remove"), headers=HTMX)
    assert refused.status_code == 409
    assert "wears “Anna”" in refused.content.decode()
    page.post(
        f"/profiles/{guide.code}/",
        {"name": "Maryam", "greeting": "Hi.", "language": "en", "voice": "heart", "provider": "builtin", "presenter": "omar"},
    )  # fmt: skip
    done = page.post(at(guide, f"/{prepared.code}/remove"), headers=HTMX)
    assert "“Anna” is removed" in done.content.decode()
    assert not Portrait.objects.exists()


def test_an_archived_profile_s_portraits_can_still_be_removed(
    page: Client, guide: AvatarProfile, prepared: Portrait
) -> None:
    page.post(at(guide, f"/{prepared.code}/use"))
    page.post(f"/profiles/{guide.code}/archive")
    whole = page.get(at(guide)).content.decode()
    assert "Upload and prepare" not in whole
    assert send(page, guide).status_code == 409
    assert page.post(at(guide, f"/{prepared.code}/remove"), headers=HTMX).status_code == 200


def test_names_of_files_and_people_are_escaped(page: Client, guide: AvatarProfile) -> None:
    evil = '"><script>alert(1)</script>'
    send(page, guide, name=evil)
    inspect(page, at(guide))
    assert b"<script>alert" not in page.get(at(guide)).content
    send(page, guide, picture=picture(name=f"{evil}.jpg"))
    assert b"<script>alert" not in page.get(at(guide, "/list")).content
