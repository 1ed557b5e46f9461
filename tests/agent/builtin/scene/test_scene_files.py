"""Scene files: those that ship are whole, and a mistake is told with its line and what to do."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.avatars.builtin.scene.scene_file import SCENES, SceneError, load_scene, read_scene, scene_names
from agent.avatars.builtin.scene.stage import Stage
from protocol.avatar import SCENES as CHOICES

STATIC = Path(__file__).parents[4] / "static/img/scenes"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a scene, to be spoilt."""
    return Path(shutil.copytree(SCENES / "museum-hall", tmp_path / "hall"))


def spoil(folder: Path, old: str, new: str) -> int:
    """Change the scene's file; the number of the line that changed."""
    path = folder / "scene.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def problem_of(folder: Path) -> str:
    with pytest.raises(SceneError) as raised:
        read_scene(folder)
    return str(raised.value)


def test_every_scene_that_ships_can_be_chosen_and_staged() -> None:
    assert tuple(scene_names()) == CHOICES
    for name in scene_names():
        stage = Stage(load_scene(name), 320, 180, tv_is_on=True)
        assert stage.empty.y.std() > 10
        assert (STATIC / f"{name}.jpg").is_file()


def test_pictures_of_scenes_stay_small() -> None:
    assert [path for path in SCENES.rglob("*") if path.is_file() and path.stat().st_size > 400_000] == []


def test_a_scene_that_does_not_ship_is_named_with_those_that_do() -> None:
    with pytest.raises(SceneError, match=r"'cellar'.*lobby, museum-hall, studio"):
        load_scene("cellar")
    with pytest.raises(SceneError):
        load_scene("../scenes/lobby")


def test_a_file_that_is_not_toml_is_told_with_its_line(folder: Path) -> None:
    line = spoil(folder, "y = 1080", "y : 1080")
    assert f"scene.toml, line {line}: this is not TOML" in problem_of(folder)


def test_a_misspelt_key_is_told_with_the_likely_one(folder: Path) -> None:
    line = spoil(folder, "tv_light =", "tv_ligth =")
    assert f"line {line}: tv_ligth is unknown; did you mean 'tv_light'?" in problem_of(folder)
    line = spoil(folder, "text_height = 46", "text_height = 46\nfont = 3") + 1
    assert f"line {line}: captions.font is unknown; take it out; known here: left, top" in problem_of(folder)


def test_a_missing_key_is_told_with_its_table(folder: Path) -> None:
    spoil(folder, "scale = 1.0\n", "")
    line = (folder / "scene.toml").read_text(encoding="utf-8").splitlines().index("[presenter]") + 1
    assert f"line {line}: presenter.scale is missing; add it" in problem_of(folder)


def test_a_number_out_of_bounds_is_told_with_the_bound(folder: Path) -> None:
    line = spoil(folder, "scale = 1.0", "scale = 40")
    assert f"line {line}: presenter.scale is 40; input should be less than or equal to 2" in problem_of(folder)


def test_a_picture_that_is_missing_is_told_with_those_that_are_there(folder: Path) -> None:
    line = spoil(folder, 'front = "front.webp"', 'front = "desk.webp"')
    problem = problem_of(folder)
    assert f"line {line}: front: the picture 'desk.webp' is not in the folder" in problem
    assert "front.webp" in problem


def test_a_picture_outside_of_the_folder_is_refused(folder: Path) -> None:
    spoil(folder, 'back = "back.jpg"', 'back = "../hall/back.jpg"')
    assert "is not in the folder" in problem_of(folder)


@pytest.mark.parametrize(
    ("corners", "fix"),
    [
        ("[[1318, 236], [1806, 536], [1806, 212], [1318, 514]]", "list top left, top right, bottom right, bottom left"),
        ("[[1318, 236], [1318, 514], [1806, 536], [1806, 212]]", "list top left, top right, bottom right, bottom left"),
        ("[[1318, 236], [1320, 236], [1320, 238], [1318, 238]]", "move the corners apart"),
    ],
)
def test_a_screen_that_is_none_is_told_with_what_to_do(folder: Path, corners: str, fix: str) -> None:
    line = spoil(folder, "corners = [[1318, 236], [1806, 212], [1806, 536], [1318, 514]]", f"corners = {corners}")
    problem = problem_of(folder)
    assert f"line {line}: tv.corners" in problem
    assert fix in problem


def test_all_mistakes_of_a_file_are_told_at_once(folder: Path) -> None:
    spoil(folder, "scale = 1.0", "scale = 40")
    spoil(folder, "text_height = 46", "text_height = 4600")
    assert len(problem_of(folder).splitlines()) == 2


def test_a_back_of_another_size_and_a_front_without_opacity_are_refused(folder: Path) -> None:
    cv2.imwrite(str(folder / "back.jpg"), np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(SceneError, match=r"back\.jpg.*1920 by 1080"):
        Stage(read_scene(folder), 320, 180)
    shutil.copy(SCENES / "museum-hall/back.jpg", folder)
    cv2.imwrite(str(folder / "front.webp"), np.zeros((100, 100, 3), np.uint8))
    with pytest.raises(SceneError, match=r"front\.webp.*no opacity"):
        Stage(read_scene(folder), 320, 180)
    (folder / "front.webp").write_bytes(b"no picture")
    with pytest.raises(SceneError, match=r"front\.webp.*broken"):
        Stage(read_scene(folder), 320, 180)
