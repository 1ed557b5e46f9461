"""Pictures of the built-in avatar: what changes, what stays, what is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace, Eyes, Lips, Patch
from agent.avatars.builtin.drawing.i420 import Rect, planes_of
from agent.avatars.builtin.face_state import (
    AT_REST,
    BREATH_STEPS,
    CLOSED_MOUTH,
    LID_STEPS,
    MOUTH_OPENINGS,
    MOUTH_WIDTHS,
    SWAY_STEPS,
    UPRIGHT,
    WIDTH_AT_REST,
    FaceState,
    Mouth,
    Pose,
)
from agent.avatars.builtin.presenters import UnknownPresenterError, load_presenter, place, presenter_names

PRESENTERS = ("omar", "presenter", "daniel")
LEANING = Pose(BREATH_STEPS - 1, SWAY_STEPS)


def luma(buffer: bytearray, face: DrawnFace) -> NDArray[np.int16]:
    return planes_of(buffer, face.width, face.height).y.astype(np.int16)


def drawn(face: DrawnFace, state: FaceState) -> NDArray[np.int16]:
    return luma(FrameComposer(face).compose(state).buffer, face)


def changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> Rect:
    """The region where two pictures differ visibly."""
    rows, columns = np.where(np.abs(before - after) > 6)
    return Rect(int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))


@pytest.fixture(params=PRESENTERS)
def face(request: pytest.FixtureRequest) -> DrawnFace:
    return DrawnFace(load_presenter(request.param), 640, 360)


def test_the_presenters_ship() -> None:
    assert set(PRESENTERS) <= set(presenter_names())


def test_a_presenter_that_does_not_ship_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownPresenterError, match=r"'nobody'.*omar.*presenter"):
        load_presenter("nobody")
    with pytest.raises(UnknownPresenterError):
        load_presenter("../assets/omar")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    broken = replace(load_presenter("omar"), scene=tmp_path / "gone.jpg")
    with pytest.raises(FileNotFoundError, match=r"gone\.jpg"):
        DrawnFace(broken, 640, 360)


@pytest.mark.parametrize(
    ("width", "height"), [(160, 120), (320, 240), (426, 240), (854, 480), (362, 640), (1366, 768), (1920, 1080)]
)
def test_any_even_size_is_filled_and_shows_the_face(width: int, height: int) -> None:
    presenter = load_presenter("omar")
    face = DrawnFace(presenter, width, height)
    for state in (AT_REST, FaceState(LEANING, Mouth(5, 0), 2), FaceState(Pose(3, -5), Mouth(7, 4), 4)):
        buffer = FrameComposer(face).compose(state).buffer
        assert len(buffer) == width * height * 3 // 2
    edges = luma(face.frame(UPRIGHT), face)[:, [0, -1]]
    assert edges.min() >= 0
    assert edges.std() > 1
    places = presenter.portrait.places
    middle = place(places, width, height).x(places.body.pivot[0])
    assert middle == pytest.approx(width / 2, rel=0.02)


def test_an_opening_mouth_moves_the_lower_face_and_nothing_else(face: DrawnFace) -> None:
    still = drawn(face, AT_REST)
    small, wide = (
        drawn(face, FaceState(UPRIGHT, Mouth(opening, WIDTH_AT_REST), 0)) for opening in (2, MOUTH_OPENINGS - 1)
    )
    region = changed(still, wide)
    assert region.top > 150
    assert region.bottom > 208  # the chin follows
    assert region.width < 120
    assert np.abs(wide - still).sum() > 1.5 * np.abs(small - still).sum()


def test_a_rounded_mouth_is_narrower_than_a_wide_one(face: DrawnFace) -> None:
    still = drawn(face, AT_REST)
    rounded, wide = (
        np.abs(drawn(face, FaceState(UPRIGHT, Mouth(5, width), 0)) - still) for width in (0, MOUTH_WIDTHS - 1)
    )
    assert not np.array_equal(rounded, wide)


def test_closing_lids_cover_the_eyes_a_little_more_with_each_step(face: DrawnFace) -> None:
    still = drawn(face, AT_REST)
    covered = [np.abs(drawn(face, FaceState(UPRIGHT, CLOSED_MOUTH, lids)) - still).sum() for lids in range(LID_STEPS)]
    assert covered == sorted(covered)
    assert covered[0] == 0
    region = changed(still, drawn(face, FaceState(UPRIGHT, CLOSED_MOUTH, LID_STEPS - 1)))
    assert region.bottom < 150
    assert region.height < 30


@pytest.mark.parametrize("pose", [UPRIGHT, LEANING, Pose(3, -SWAY_STEPS)])
def test_mouth_and_lids_join_the_picture_without_a_seam(face: DrawnFace, pose: Pose) -> None:
    whole = luma(face.frame(pose), face)
    for patch in (face.mouth(Lips(Mouth(MOUTH_OPENINGS - 1, 0)), pose), face.eyes(Eyes(LID_STEPS - 1), pose)):
        below = patch.rect.of(whole.astype(np.uint8)).astype(np.int16)
        difference = np.abs(patch.planes.y.astype(np.int16) - below)
        edge = np.concatenate([difference[0], difference[-1], difference[:, 0], difference[:, -1]])
        assert edge.max() <= 3


def test_the_patches_of_mouth_and_lids_do_not_overlap(face: DrawnFace) -> None:
    mouth, lids = face.mouth(Lips(Mouth(7, WIDTH_AT_REST)), LEANING).rect, face.eyes(Eyes(4), LEANING).rect
    assert lids.bottom <= mouth.top


def test_a_breath_and_a_sway_move_the_presenter_but_not_the_scene(face: DrawnFace) -> None:
    still, leaning = luma(face.frame(UPRIGHT), face), luma(face.frame(LEANING), face)
    assert np.abs(leaning - still).max() > 20
    assert np.array_equal(still[:, :75], leaning[:, :75])
    assert np.array_equal(still[:, 545:], leaning[:, 545:])
    assert np.array_equal(still[358:], leaning[358:])


def test_a_quiet_face_that_was_shown_before_is_not_drawn_again() -> None:
    composer = FrameComposer(DrawnFace(load_presenter("omar"), 320, 240))
    first, second = composer.compose(AT_REST), composer.compose(AT_REST)
    assert (first.kind, second.kind) == ("composed", "cached")
    assert second.buffer is first.buffer
    talking = composer.compose(FaceState(UPRIGHT, Mouth(4, WIDTH_AT_REST), 0))
    assert talking.kind == "composed"
    assert composer.compose(AT_REST).buffer == first.buffer


class CountingFace(DrawnFace):
    """A face that counts how often it is drawn."""

    draws = 0

    def frame(self, pose: Pose) -> bytearray:
        self.draws += 1
        return super().frame(pose)

    def mouth(self, lips: Lips, pose: Pose) -> Patch:
        self.draws += 1
        return super().mouth(lips, pose)


def test_what_is_kept_has_a_limit_in_bytes_and_keeps_the_latest() -> None:
    face = CountingFace(load_presenter("omar"), 320, 240)
    composer = FrameComposer(face)
    limit = 11.0 * 320 * 240 * 1.5
    for state in states():
        composer.compose(state)
        assert composer.held_bytes <= limit
    face.draws = 0
    composer.compose(state)
    assert face.draws == 0


def states() -> Iterator[FaceState]:
    for breath in range(BREATH_STEPS):
        for sway in range(-4, 5):
            yield FaceState(Pose(breath, sway), Mouth(1 + breath % (MOUTH_OPENINGS - 1), WIDTH_AT_REST), 0)
