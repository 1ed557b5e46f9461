"""Portraits: what a picture must be, what is made of it, and what the program says meanwhile."""

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace, Eyes, Lips
from agent.avatars.builtin.face_state import AT_REST, UPRIGHT, Mouth
from agent.avatars.builtin.portrait_file import BrokenPortraitError, Portrait, read_portrait, write_portrait
from agent.avatars.builtin.presenters import ASSETS, load_presenter, place
from agent.avatars.builtin.scene.scene_file import PLAIN
from agent.avatars.builtin.scene.stage import Stage
from agent.portraits.picture import Crop
from agent.portraits.prepare import Prepared, prepare_portrait
from agent.portraits.refusals import RefusedPicture
from tests.faces import Picture, canvas_of, cat, kept, masked, photograph, turned

ROOT = Path(__file__).parents[3]


def prepared(source: Path, target: Path, crop: Crop | None = None) -> Prepared:
    return prepare_portrait(source, target, crop=crop, progress=lambda stage, share: None)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("no_face", cat),
        ("no_face", lambda picture: np.full_like(picture, 127)),
        ("more_than_one", lambda picture: np.hstack([picture[:, 240:720], picture[:, 240:720]])),
        ("too_small", lambda picture: cv2.resize(picture, (320, 180), interpolation=cv2.INTER_AREA)),
        ("too_small", lambda picture: picture[:40, :40]),
        ("profile", turned),
        ("occluded_mouth", masked),
    ],
)
def test_a_picture_that_is_no_portrait_is_refused_with_its_reason(
    tmp_path: Path, code: str, change: Callable[[Picture], Picture]
) -> None:
    source = kept(change(photograph()), tmp_path / "picture.png")
    with pytest.raises(RefusedPicture) as refused:
        prepared(source, tmp_path / "out.portrait")
    assert refused.value.code == code
    assert str(refused.value).endswith(".")
    assert not (tmp_path / "out.portrait").exists()


PNG_HEAD = (
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
)


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("not_a_picture", b""),
        ("not_a_picture", b"hello, I am a text"),
        ("not_a_picture", b"\x89PNG\r\n\x1a\n"),
        ("not_a_picture", b"\xff\xd8\xff\xe0 and nothing after it"),
        ("not_a_picture", b"RIFF....WEBPVP8 "),
        ("not_a_picture", b"GIF89a" + bytes(100)),
        ("too_large", PNG_HEAD),
        ("too_large", PNG_HEAD + bytes(21 * 1024 * 1024)),
    ],
)
def test_a_file_that_is_no_picture_or_too_large_a_one_is_refused_unopened(
    tmp_path: Path, code: str, content: bytes
) -> None:
    source = tmp_path / "picture"
    source.write_bytes(content)
    with pytest.raises(RefusedPicture) as refused:
        prepared(source, tmp_path / "out.portrait")
    assert refused.value.code == code


def test_a_person_in_a_photograph_is_cut_out_to_stand_in_a_scene(tmp_path: Path) -> None:
    result = prepared(kept(photograph(), tmp_path / "photo.jpg"), tmp_path / "photo.portrait")
    ours, drawn = read_portrait(tmp_path / "photo.portrait"), load_presenter("daniel").portrait
    assert not result.own_background
    assert ours.mask is not None
    mask = cv2.imdecode(np.frombuffer(ours.mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    (left, top), places = ours.places.corner, ours.places
    face = (round(places.body.face_middle[1]) - top, round(places.body.face_middle[0]) - left)
    assert mask[face] == 255
    assert 0.3 < (mask > 127).mean() < 0.9
    assert places.mouth.chin_y - places.eyes[0].iris[1] > 0.4 * (
        drawn.places.mouth.chin_y - drawn.places.eyes[0].iris[1]
    )


@pytest.mark.parametrize("part", [np.s_[60:420, 370:590], np.s_[:370]], ids=["no shoulders", "no chest"])
def test_a_close_up_that_could_not_stand_in_a_scene_keeps_its_background_and_fills_the_frame(
    tmp_path: Path, part: tuple[slice, ...]
) -> None:
    source = kept(np.ascontiguousarray(photograph()[part]), tmp_path / "photo.jpg")
    result = prepared(source, tmp_path / "photo.portrait")
    portrait = read_portrait(tmp_path / "photo.portrait")
    assert result.own_background
    assert portrait.mask is None
    assert portrait.places.body.motion < 1
    stage = Stage(PLAIN, 640, 360)
    face = DrawnFace(portrait, stage.presenter_place(portrait.places), 640, 360)
    picture = np.frombuffer(FrameComposer(face, stage).compose(AT_REST).buffer, np.uint8)[: 640 * 360]
    assert picture.std() > 20
    assert picture.reshape(360, 640)[:, [0, -1]].min() > 16  # nothing of what is behind the portrait
    face.mouth(Lips(Mouth(7, 4)), UPRIGHT)
    face.eyes(Eyes(3), UPRIGHT)


def test_a_cut_out_figure_stays_cut_out_and_its_face_is_where_it_was_drawn(tmp_path: Path) -> None:
    colour, alpha = canvas_of("omar")
    source = kept(np.dstack([colour, alpha]), tmp_path / "omar.png")
    result = prepared(source, tmp_path / "omar.portrait")
    ours, shipped = read_portrait(tmp_path / "omar.portrait").places, load_presenter("omar").portrait.places
    assert not result.own_background
    for eye, known in zip(ours.eyes, shipped.eyes, strict=True):
        assert eye.iris == pytest.approx(known.iris, abs=2.5)
    assert ours.mouth.chin_y == pytest.approx(shipped.mouth.chin_y, abs=5)


def test_a_crop_leaves_the_other_face_out(tmp_path: Path) -> None:
    person = photograph()[:, 240:720]
    source = kept(np.hstack([person, person]), tmp_path / "two.png")
    prepared(source, tmp_path / "one.portrait", Crop(0, 0, 0.5, 1))
    assert (tmp_path / "one.portrait").exists()


def test_a_tilted_head_is_set_upright(tmp_path: Path) -> None:
    turn = cv2.getRotationMatrix2D((480, 220), 12, 1)
    tilted = cv2.warpAffine(photograph(), turn, (960, 540), borderMode=cv2.BORDER_REPLICATE)
    prepared(kept(np.asarray(tilted, np.uint8), tmp_path / "tilted.png"), tmp_path / "tilted.portrait")
    left, right = read_portrait(tmp_path / "tilted.portrait").places.eyes
    assert abs(left.iris[1] - right.iris[1]) < 0.06 * (right.iris[0] - left.iris[0])


def test_what_is_written_is_what_is_read_and_the_same_each_time(tmp_path: Path) -> None:
    portrait = load_presenter("omar").portrait
    write_portrait(portrait, tmp_path / "a.portrait")
    write_portrait(portrait, tmp_path / "b.portrait")
    assert read_portrait(tmp_path / "a.portrait") == portrait
    assert (tmp_path / "a.portrait").read_bytes() == (tmp_path / "b.portrait").read_bytes()


@pytest.mark.parametrize("keep", [0, 100, 5000, -200])
def test_a_broken_portrait_is_refused_by_name(tmp_path: Path, keep: int) -> None:
    broken = tmp_path / "broken.portrait"
    broken.write_bytes((ASSETS / "omar.portrait").read_bytes()[:keep])
    with pytest.raises(BrokenPortraitError, match=r"broken\.portrait"):
        read_portrait(broken)


def test_a_portrait_whose_picture_is_broken_is_refused(tmp_path: Path) -> None:
    whole = load_presenter("omar").portrait
    with pytest.raises(BrokenPortraitError):
        DrawnFace(Portrait(whole.places, b"no picture", whole.mask), place(whole.places, 320, 180), 320, 180)


def run_program(*arguments: str | Path) -> tuple[int, list[dict[str, object]]]:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "prepare-portrait", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_program_tells_its_progress_and_then_what_it_made(tmp_path: Path) -> None:
    source = kept(photograph(), tmp_path / "photo.jpg")
    status, lines = run_program(source, tmp_path / "photo.portrait")
    assert status == 0
    shares = [line["share"] for line in lines[:-1]]
    assert shares == sorted(shares, key=lambda share: float(str(share)))
    assert shares[-1] == 1.0
    made = lines[-1]["prepared"]
    assert isinstance(made, dict)
    assert made["size_bytes"] == (tmp_path / "photo.portrait").stat().st_size


def test_the_program_says_why_it_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    status, lines = run_program(tmp_path / "text.png", tmp_path / "out.portrait")
    assert status == 3
    refused = lines[-1]["refused"]
    assert isinstance(refused, dict)
    assert refused["code"] == "not_a_picture"


def test_a_job_does_not_load_what_only_preparing_needs() -> None:
    check = (
        "import sys, agent.avatars.builtin_avatar;"
        "print(sorted(n for n in sys.modules if n.startswith(('ai_edge_litert', 'agent.portraits', 'PIL'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
