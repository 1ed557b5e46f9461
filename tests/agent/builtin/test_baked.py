"""Pictures that are kept ready on a host: made once, shared, made anew where a file is broken, bounded."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.avatars.builtin import baked as module
from agent.avatars.builtin.baked import Baked, baked, key_of
from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace
from agent.avatars.builtin.face_state import FaceState, Mouth, Pose
from agent.avatars.builtin.presenters import load_presenter
from agent.avatars.builtin.scene.scene_file import load_scene
from agent.avatars.builtin.scene.stage import Stage


class Maker:
    """Counts how often it was asked."""

    def __init__(self, size: int = 12) -> None:
        self.made = 0
        self._array: NDArray[np.uint8] = np.arange(size, dtype=np.uint8).reshape(2, -1)

    def __call__(self) -> Baked:
        self.made += 1
        return Baked((self._array, self._array[:1]), (3, 4))


def test_what_was_made_once_is_read_the_next_time(tmp_path: Path) -> None:
    make = Maker()
    first, second = (baked(tmp_path / "new" / "folder", "key", make) for _ in range(2))
    assert make.made == 1
    for one, other, expected in zip(first.arrays, second.arrays, make().arrays, strict=True):
        assert np.array_equal(one, expected)
        assert np.array_equal(other, expected)
    assert first.numbers == second.numbers == (3, 4)


@pytest.mark.parametrize("content", [b"", b"no header", b"{}\n", b"[]\nabc", None])
def test_a_broken_file_is_made_anew(tmp_path: Path, content: bytes | None) -> None:
    make = Maker()
    baked(tmp_path, "key", make)
    file = next(tmp_path.glob("*.planes"))
    file.write_bytes(file.read_bytes()[:-1] + b"\xff" if content is None else content)
    assert np.array_equal(baked(tmp_path, "key", make).arrays[0], make().arrays[0])
    baked(tmp_path, "key", make)
    assert make.made == 3  # once, anew, and here to compare


def test_a_folder_that_can_not_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert baked(tmp_path / "file" / "folder", "key", Maker()).numbers == (3, 4)


def test_the_longest_unused_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 500)
    for number in range(6):
        baked(tmp_path, f"key-{number}", Maker(100))
        os.utime(tmp_path / f"key-{number}.planes", (number, number))
    kept = sorted(path.stem for path in tmp_path.glob("*.planes"))
    assert kept == ["key-4", "key-5"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 500


def test_other_content_has_another_name(tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"one")
    before = key_of(__file__, picture, 1280, 720)
    assert key_of(__file__, picture, 1280, 720) == before
    assert key_of(__file__, picture, 1280, 722) != before
    picture.write_bytes(b"two")
    assert key_of(__file__, picture, 1280, 720) != before


@pytest.mark.parametrize("name", ["omar", "maryam"])
def test_a_picture_from_kept_parts_is_the_same_picture(tmp_path: Path, name: str) -> None:
    portrait = load_presenter(name).portrait
    state = FaceState(Pose(3, 5), Mouth(4, 2), 1)

    def frame(folder: Path | None) -> bytearray:
        stage = Stage(load_scene("studio"), 320, 180, tv_is_on=True, kept_in=folder)
        face = DrawnFace(portrait, stage.presenter_place(portrait.places), 320, 180, folder)
        return FrameComposer(face, stage).compose(state).buffer

    assert frame(None) == frame(tmp_path) == frame(tmp_path)
