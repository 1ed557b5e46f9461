"""Pictures of the built-in avatar: what changes, what stays, what is kept."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.face import DrawnFace, Eyes, Lips
from agent.avatars.builtin.drawing.i420 import Planes, Rect, planes_of
from agent.avatars.builtin.face_state import (
    AT_REST,
    BREATH_STEPS,
    CLOSED_MOUTH,
    LID_STEPS,
    MOUTH_OPENINGS,
    MOUTH_WIDTHS,
    NOD_STEPS,
    SWAY_STEPS,
    TILT_STEPS,
    UPRIGHT,
    WIDTH_AT_REST,
    Contact,
    Expression,
    FaceState,
    Gaze,
    Mouth,
    Pose,
)
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.presenters import UnknownPresenterError, load_presenter, place, presenter_names
from agent.avatars.builtin.scene.scene_file import load_scene
from agent.avatars.builtin.scene.screen import Screen
from agent.avatars.builtin.scene.stage import Stage
from agent.avatars.builtin.scene.tv import Shown, Tv

PRESENTERS = ("omar", "presenter", "daniel", "maryam")
LEANING = Pose(BREATH_STEPS - 1, SWAY_STEPS)


def luma(buffer: bytearray, face: DrawnFace) -> NDArray[np.int16]:
    return planes_of(buffer, face.width, face.height).y.astype(np.int16)


def composer_for(face: DrawnFace) -> FrameComposer:
    """The face in the lobby."""
    return FrameComposer(face, Stage(load_scene("lobby"), face.width, face.height))


def drawn(face: DrawnFace, state: FaceState) -> NDArray[np.int16]:
    return luma(composer_for(face).compose(state).buffer, face)


def standing(name: str, width: int, height: int, kind: type[DrawnFace] = DrawnFace) -> DrawnFace:
    """A presenter where the scenes have their presenter."""
    portrait = load_presenter(name).portrait
    return kind(portrait, place(portrait.places, width, height), width, height)


def changed(before: NDArray[np.int16], after: NDArray[np.int16]) -> Rect:
    """The region where two pictures differ visibly."""
    rows, columns = np.where(np.abs(before - after) > 6)
    return Rect(int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max()))


@pytest.fixture(params=PRESENTERS)
def face(request: pytest.FixtureRequest) -> DrawnFace:
    return standing(request.param, 640, 360)


def test_the_presenters_ship() -> None:
    assert set(PRESENTERS) <= set(presenter_names())


def test_a_presenter_that_does_not_ship_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownPresenterError, match=r"'nobody'.*omar.*presenter"):
        load_presenter("nobody")
    with pytest.raises(UnknownPresenterError):
        load_presenter("../assets/omar")


@pytest.mark.parametrize(
    ("width", "height"), [(160, 120), (320, 240), (426, 240), (854, 480), (362, 640), (1366, 768), (1920, 1080)]
)
def test_any_even_size_is_filled_and_shows_the_face(width: int, height: int) -> None:
    face = standing("omar", width, height)
    for state in (AT_REST, FaceState(LEANING, Mouth(5, 0), 2), FaceState(Pose(3, -5), Mouth(7, 4), 4)):
        buffer = composer_for(face).compose(state).buffer
        assert len(buffer) == width * height * 3 // 2
    edges = drawn(face, AT_REST)[:, [0, -1]]
    assert edges.min() >= 0
    assert edges.std() > 1
    places = load_presenter("omar").portrait.places
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
    whole = drawn(face, FaceState(pose, CLOSED_MOUTH, 0))
    stage = Stage(load_scene("lobby"), 640, 360)
    for cutout in (face.mouth(Lips(Mouth(MOUTH_OPENINGS - 1, 0)), pose), face.eyes(Eyes(LID_STEPS - 1), pose)):
        below = cutout.rect.of(whole.astype(np.uint8)).astype(np.int16)
        difference = np.abs(stage.lay(cutout).y.astype(np.int16) - below)
        edge = np.concatenate([difference[0], difference[-1], difference[:, 0], difference[:, -1]])
        assert edge.max() <= 3


def test_the_patches_of_mouth_and_lids_do_not_overlap(face: DrawnFace) -> None:
    mouth, lids = face.mouth(Lips(Mouth(7, WIDTH_AT_REST)), LEANING).rect, face.eyes(Eyes(4), LEANING).rect
    assert lids.bottom <= mouth.top


def test_a_breath_and_a_sway_move_the_presenter_but_not_the_scene(face: DrawnFace) -> None:
    still, leaning = drawn(face, AT_REST), drawn(face, FaceState(LEANING, CLOSED_MOUTH, 0))
    assert np.abs(leaning - still).max() > 20
    region = changed(still, leaning)
    assert region.left > 60
    assert region.right < 580
    assert np.abs(still[358:] - leaning[358:]).max() <= 3  # where the picture ends nothing moves


def test_nod_and_tilt_move_the_head_and_each_other_way_the_other_way(face: DrawnFace) -> None:
    still = drawn(face, AT_REST)
    poses = [Pose(0, 0, NOD_STEPS), Pose(0, 0, -NOD_STEPS), Pose(0, 0, 0, TILT_STEPS), Pose(0, 0, 0, -TILT_STEPS)]
    moved = [drawn(face, AT_REST._replace(pose=pose)) for pose in poses]
    for one in moved:
        assert changed(still, one).bottom < 320
    assert not np.array_equal(moved[0], moved[1])
    assert not np.array_equal(moved[2], moved[3])


def between_the_lips(face: DrawnFace, mouth: Mouth, name: str) -> NDArray[np.int16]:
    """Luma of the middle of the mouth."""
    places = load_presenter(name).portrait.places
    placement, line = place(places, face.width, face.height), places.mouth.upper_inner
    x, y = placement.x((line[0][0] + line[-1][0]) / 2), placement.y(float(np.median([y for _, y in line])))
    half = placement.scale * (line[-1][0] - line[0][0]) / 2
    rows, columns = (
        slice(round(y - 0.15 * half), round(y + 0.6 * half)),
        slice(round(x - 0.3 * half), round(x + 0.3 * half)),
    )
    return drawn(face, FaceState(UPRIGHT, mouth, 0))[rows, columns]


@pytest.mark.parametrize("name", PRESENTERS)
def test_lips_are_pressed_for_b_touch_the_teeth_for_f_and_part_for_a(name: str) -> None:
    face = standing(name, 1280, 720)
    rest = between_the_lips(face, CLOSED_MOUTH, name)
    pressed = between_the_lips(face, Mouth(0, WIDTH_AT_REST, Contact.LIPS), name)
    bitten = between_the_lips(face, Mouth(0, WIDTH_AT_REST, Contact.TEETH), name)
    wide = between_the_lips(face, Mouth(MOUTH_OPENINGS - 1, WIDTH_AT_REST), name)
    assert not np.array_equal(pressed, rest)
    assert pressed.max() < rest.max() + 25  # no teeth
    assert np.abs(bitten - rest).max() > 25  # teeth where the lips met
    assert (np.abs(wide - rest) > 40).mean() > 0.2  # teeth above, the dark below


@pytest.mark.parametrize("name", PRESENTERS)
def test_gaze_moves_the_irises_and_nothing_else(name: str) -> None:
    presenter = load_presenter(name)
    face = standing(name, 1280, 720)
    placement = place(presenter.portrait.places, 1280, 720)
    ahead = drawn(face, AT_REST)
    for eye in presenter.portrait.places.eyes:
        left, right = placement.x(eye.upper[0][0]), placement.x(eye.upper[-1][0])
        y = placement.y(eye.iris[1])
        box = (slice(round(y - 8), round(y + 8)), slice(round(left), round(right)))

        def middle_of_the_dark(gaze: Gaze, box: tuple[slice, slice] = box) -> float:
            eye = drawn(face, AT_REST._replace(gaze=gaze))[box]
            return float(np.average(np.arange(eye.shape[1]), weights=np.maximum(110 - eye, 0).sum(axis=0) + 1e-6))

        places = [middle_of_the_dark(Gaze(across, 0)) for across in (-3, -1, 0, 1, 3)]
        assert places == sorted(places)
        assert places[-1] - places[0] > 0.1 * (right - left)
    region = changed(ahead, drawn(face, AT_REST._replace(gaze=Gaze(3, 0))))
    assert region.height < 60


def test_each_expression_is_another_picture(face: DrawnFace) -> None:
    pictures = [drawn(face, settled(expression)) for expression in Expression]
    for one, other in itertools.combinations(pictures, 2):
        assert (np.abs(one - other) > 12).sum() > 150


def settled(expression: Expression) -> FaceState:
    """The face a second after it was asked for an expression, between two blinks and with the eyes at rest."""
    motion = IdleMotion(random.Random(8))
    motion.show(expression)
    for _ in range(20):
        motion.advance(0.04, speaking=False)
    return motion.state(CLOSED_MOUTH)._replace(lids=0)


def test_a_smile_shows_while_speaking_too(face: DrawnFace) -> None:
    speaking = FaceState(UPRIGHT, Mouth(4, WIDTH_AT_REST), 0)
    assert (np.abs(drawn(face, speaking) - drawn(face, speaking._replace(smile=3))) > 12).sum() > 40


def test_a_speaking_frame_costs_less_than_half_of_bending_the_whole_picture_anew() -> None:
    face = standing("omar", 1280, 720)
    composer = composer_for(face)
    for _ in face.warm_up():
        pass
    shapes = [Mouth(1 + index % 7, index % MOUTH_WIDTHS) for index in range(12)]
    composer.compose(AT_REST._replace(pose=LEANING))
    whole = np.zeros((720, 1280, 3), np.uint8)
    x, y = np.meshgrid(np.arange(1280, dtype=np.float32) + 0.3, np.arange(720, dtype=np.float32))
    ours, naive = [], []
    for shape in shapes:
        ours.append(cpu_s(lambda shape=shape: composer.compose(FaceState(LEANING, shape, 0))))  # type: ignore[misc]
        naive.append(cpu_s(lambda: cv2.cvtColor(cv2.remap(whole, x, y, cv2.INTER_LINEAR), cv2.COLOR_BGR2YUV_I420)))
    assert np.median(ours) < np.median(naive) / 2


def cpu_s(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def test_a_quiet_face_that_was_shown_before_is_not_drawn_again() -> None:
    composer = composer_for(standing("omar", 320, 240))
    first, second = composer.compose(AT_REST), composer.compose(AT_REST)
    assert (first.kind, second.kind) == ("composed", "cached")
    assert second.buffer is first.buffer
    talking = composer.compose(FaceState(UPRIGHT, Mouth(4, WIDTH_AT_REST), 0))
    assert talking.kind == "composed"
    assert composer.compose(AT_REST).buffer == first.buffer


class CountingFace(DrawnFace):
    """A face that counts how often it is drawn."""

    draws = 0

    def _bent(self, rects: list[Rect], pose: Pose) -> Iterator[Cutout]:
        self.draws += 1
        return super()._bent(rects, pose)

    def mouth(self, lips: Lips, pose: Pose) -> Cutout:
        self.draws += 1
        return super().mouth(lips, pose)


def test_what_is_kept_has_a_limit_in_bytes_and_keeps_the_latest() -> None:
    face = standing("omar", 320, 240, CountingFace)
    assert isinstance(face, CountingFace)
    composer = composer_for(face)
    limit = 8.0 * 320 * 240 * 1.5
    for state in states():
        composer.compose(state)
        assert composer.held_bytes <= limit
    face.draws = 0
    composer.compose(state)
    assert face.draws == 0


class StillTv(Tv):
    """Shows one picture."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    @property
    def rect(self) -> Rect:
        return self._shown.rect

    def shown(self) -> Shown:
        return self._shown


@pytest.mark.parametrize("aside", [0, 300])
def test_who_stands_before_the_tv_hides_it_in_every_pose(aside: int) -> None:
    scene = load_scene("lobby")
    tv = scene.file.tv
    assert tv is not None
    stand = scene.file.presenter.model_copy(update={"x": scene.file.presenter.x + aside})
    scene = replace(scene, file=scene.file.model_copy(update={"presenter": stand}))
    width, height = 640, 360
    stage, played_behind = Stage(scene, width, height), Stage(scene, width, height)
    screen = Screen(stage, tv)
    chess = np.indices(screen.canvas[::-1]).sum(axis=0) % 2 * np.uint8(150)
    grey = np.full((screen.canvas[1] // 2, screen.canvas[0] // 2), 128, np.uint8)
    shown = Shown(1, screen.project(Planes(chess.astype(np.uint8), grey, grey)), screen.rect)
    played_behind.below.paste(shown.below, shown.rect)
    played_behind.empty.paste(played_behind.finished(shown.below, shown.rect), shown.rect)
    portrait = load_presenter("omar").portrait
    face = DrawnFace(portrait, stage.presenter_place(portrait.places), width, height)
    with_tv, without = FrameComposer(face, stage, StillTv(shown)), FrameComposer(face, played_behind)
    for state in (
        AT_REST,
        FaceState(LEANING, Mouth(5, 0), 2),
        FaceState(Pose(0, -SWAY_STEPS), CLOSED_MOUTH, 0),
        AT_REST,
    ):
        assert with_tv.compose(state).buffer == without.compose(state).buffer


def states() -> Iterator[FaceState]:
    for breath in range(BREATH_STEPS):
        for sway in range(-4, 5):
            yield FaceState(Pose(breath, sway), Mouth(1 + breath % (MOUTH_OPENINGS - 1), WIDTH_AT_REST), 0)
