"""A figure between back and front, light over all of it, a screen in perspective."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect
from agent.avatars.builtin.presenters import load_presenter
from agent.avatars.builtin.scene.scene_file import SCENES, Scene, TvPlace, load_scene, read_scene
from agent.avatars.builtin.scene.screen import Screen
from agent.avatars.builtin.scene.stage import Stage

WIDTH, HEIGHT = 640, 360


def figure(rect: Rect, grey: int, opacity: int = 255) -> Cutout:
    """A rectangle of one grey."""
    luma = np.zeros((rect.height, rect.width, 4), np.uint8)
    chroma = np.zeros((rect.height // 2, rect.width // 2, 4), np.uint8)
    luma[..., 0], luma[..., 1] = round(grey * opacity / 255), opacity
    chroma[..., :2], chroma[..., 2] = round(128 * opacity / 255), opacity
    return Cutout(luma, (chroma,), rect)


def without(tmp_path: Path, *keys: str) -> Scene:
    """The museum's hall without some of its pictures."""
    folder = Path(shutil.copytree(SCENES / "museum-hall", tmp_path / "-".join(("hall", *keys))))
    lines = (folder / "scene.toml").read_text(encoding="utf-8").splitlines()
    (folder / "scene.toml").write_text("\n".join(line for line in lines if line.split(" ")[0] not in keys), "utf-8")
    return read_scene(folder)


def brighter(one: Plane, other: Plane) -> NDArray[np.int16]:
    return other.astype(np.int16) - one.astype(np.int16)


def test_the_front_hides_a_figure_and_the_back_does_not() -> None:
    stage = Stage(load_scene("museum-hall"), WIDTH, HEIGHT)
    standing = Rect(260, 200, 380, 360)
    laid = stage.lay(figure(standing, 20))
    desk = slice(345 - standing.top, None)
    assert np.abs(brighter(stage.empty.crop(standing).y, laid.y)[desk]).max() <= 1
    assert np.abs(brighter(stage.empty.crop(standing).y, laid.y)[:60]).min() > 20


def test_a_figure_that_is_half_there_lets_the_back_through() -> None:
    stage = Stage(load_scene("museum-hall"), WIDTH, HEIGHT)
    rect = Rect(300, 100, 340, 140)
    back = stage.empty.crop(rect).y.mean()
    solid = stage.lay(figure(rect, 220)).y.mean()
    half = stage.lay(figure(rect, 220, 128)).y.mean()
    assert half == pytest.approx((back + solid) / 2, abs=3)


def test_light_brightens_back_and_figure_and_darkens_nothing(tmp_path: Path) -> None:
    dark = Stage(without(tmp_path, "light", "tv_light"), WIDTH, HEIGHT)
    lit = Stage(without(tmp_path, "tv_light"), WIDTH, HEIGHT)
    shone = brighter(dark.empty.y, lit.empty.y)
    assert shone.min() >= 0
    assert shone.max() > 8
    rect = Rect(0, 0, WIDTH, HEIGHT // 2)
    on_figure = brighter(dark.lay(figure(rect, 90)).y, lit.lay(figure(rect, 90)).y)
    assert on_figure.max() > 8
    assert np.array_equal(on_figure > 0, shone[: HEIGHT // 2] > 0)


def test_the_light_of_the_tv_is_there_while_it_is_on_and_not_on_its_screen() -> None:
    scene = load_scene("studio")
    off, on = Stage(scene, WIDTH, HEIGHT), Stage(scene, WIDTH, HEIGHT, tv_is_on=True)
    shone = brighter(off.empty.y, on.empty.y)
    assert scene.file.tv is not None
    rect = Screen(on, scene.file.tv).rect
    assert shone[rect.top + 4 : rect.bottom - 4, rect.left + 4 : rect.right - 4].max() <= 1
    assert shone[rect.top : rect.bottom, rect.left - 8 : rect.left - 4].mean() > 8


def chequered(canvas: tuple[int, int]) -> Planes:
    """Upper left grey, upper right light, lower left light, lower right grey; no colour."""
    width, height = canvas
    y = np.full((height, width), 100, np.uint8)
    y[: height // 2, width // 2 :] = y[height // 2 :, : width // 2] = 230
    chroma = np.full((height // 2, width // 2), 128, np.uint8)
    return Planes(y, chroma, chroma)


@pytest.mark.parametrize("name", ["museum-hall", "lobby", "studio"])
@pytest.mark.parametrize(("width", "height"), [(640, 360), (1280, 720), (480, 360)])
def test_the_screen_shows_the_picture_within_its_corners_and_nowhere_else(name: str, width: int, height: int) -> None:
    stage = Stage(load_scene(name), width, height)
    tv = stage.scene.file.tv
    assert tv is not None
    screen = Screen(stage, tv)
    shown = screen.project(chequered(screen.canvas))
    changed = np.abs(brighter(stage.below.crop(screen.rect).y, shown.y)) > 12
    quad = np.array([[stage.place.x(x), stage.place.y(y)] for x, y in tv.corners])
    x, y = np.meshgrid(
        np.arange(screen.rect.left, screen.rect.right) + 0.5, np.arange(screen.rect.top, screen.rect.bottom) + 0.5
    )
    depth = np.min([_inside(quad[i], quad[(i + 1) % 4], x, y) for i in range(4)], axis=0)
    assert changed[depth > 1].mean() > 0.9
    assert not changed[depth < -1].any()


def _inside(one: NDArray[np.float64], other: NDArray[np.float64], x: Plane, y: Plane) -> NDArray[np.float64]:
    """How far to the right of the line from `one` to `other`, pixels."""
    along = (other - one) / np.linalg.norm(other - one)
    return np.asarray(along[0] * (y - one[1]) - along[1] * (x - one[0]))


def test_a_narrow_frame_may_have_no_screen() -> None:
    stage = Stage(load_scene("lobby"), 362, 640)
    assert stage.scene.file.tv is not None
    assert not Screen(stage, stage.scene.file.tv).is_seen


def test_the_picture_stands_upright_in_perspective() -> None:
    stage = Stage(load_scene("museum-hall"), WIDTH, HEIGHT)
    tv = TvPlace(corners=((100, 100), (900, 200), (900, 600), (100, 700)))
    screen = Screen(stage, tv)
    y = screen.project(chequered(screen.canvas)).y
    height, width = y.shape
    # the far side is lower: its half of the picture is the smaller one on the frame
    corners = [
        y[height // 4, 20],
        y[height * 2 // 5, width - 20],
        y[height * 3 // 4, 20],
        y[height * 3 // 5, width - 20],
    ]
    assert [int(grey) > 160 for grey in corners] == [False, True, True, False]
    middle = int(np.argmax(y[height * 2 // 5] > 160))
    assert middle > width * 0.55


def test_any_size_is_filled_and_keeps_the_presenter_in_the_middle() -> None:
    for width, height in ((160, 120), (362, 640), (1366, 768)):
        stage = Stage(load_scene("studio"), width, height)
        assert stage.empty.y.shape == (height, width)
        places = load_presenter("omar").portrait.places
        placed = stage.presenter_place(places)
        assert placed.x(places.width / 2) == pytest.approx(width / 2, abs=1)
        assert placed.scale == pytest.approx(stage.place.scale)


def test_a_logo_stands_in_its_place_over_everything() -> None:
    logo = np.zeros((50, 100, 4), np.uint8)
    logo[..., 3], logo[..., :3] = 255, 255
    scene = load_scene("lobby")
    plain, marked = Stage(scene, WIDTH, HEIGHT), Stage(scene, WIDTH, HEIGHT, logo=logo)
    rows, columns = np.where(np.abs(brighter(plain.empty.y, marked.empty.y)) > 10)
    box = scene.file.logo
    scale = WIDTH / 1920
    assert columns.min() >= box.left * scale - 2
    assert columns.max() <= (box.left + box.width) * scale + 2
    assert rows.min() >= box.top * scale - 2
    assert rows.max() <= (box.top + box.height) * scale + 2
    over = marked.lay(figure(Rect(0, 0, WIDTH, HEIGHT), 20)).y
    assert over[rows.min() + 4, columns.min() + 4] > 220
