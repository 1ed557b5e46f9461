"""Uploaded portraits in a job, and the film in which one speaks."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.assets import AssetStore
from agent.avatars.builtin.compose import Composer
from agent.avatars.builtin.face_state import AT_REST
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.presenters import ASSETS
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.uploaded import portrait_file
from agent.portraits.clip import make_clip
from agent.scene_files.still import draw_scene
from protocol.assets import AssetRef
from protocol.avatar import BuiltinSettings, SceneOrder
from protocol.modes import BUILT_IN_MODES
from protocol.portraits import ClipOrder

MODE = BUILT_IN_MODES["constrained"]
SETTINGS = BuiltinSettings(presenter="maryam", scene="studio", portrait="6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
SOMEBODY = ASSETS / "daniel.portrait"


def frame(portrait: Path | None, warnings: list[str] | None = None) -> NDArray[np.int_]:
    told = [] if warnings is None else warnings
    composer: Composer = composer_of(SETTINGS, MODE, words=Words(), warn=told.append, portrait=lambda: portrait)()
    return np.frombuffer(composer.compose(AT_REST).buffer, np.uint8).astype(int)


def test_the_uploaded_face_is_shown_in_the_profile_s_place() -> None:
    drawn, uploaded = frame(None), frame(SOMEBODY)
    luma = np.abs(drawn - uploaded)[: MODE.video_width * MODE.video_height].reshape(MODE.video_height, -1)
    assert luma[:, MODE.video_width // 3 : -MODE.video_width // 3].max() > 60, "another person"
    assert luma[: MODE.video_height // 2, : MODE.video_width // 8].max() == 0, "in the same room"


def test_nothing_of_an_uploaded_face_is_kept_beside_its_file(tmp_path: Path) -> None:
    def kept(portrait: Path | None) -> set[str]:
        composer_of(SETTINGS, MODE, words=Words(), warn=pytest.fail, portrait=lambda: portrait, kept_in=tmp_path)()
        return {path.name for path in tmp_path.iterdir()}

    scene = kept(SOMEBODY)
    assert len(scene) == 1, "the scene that everybody stands in"
    assert len(kept(None)) == 2


@pytest.mark.parametrize("keep", [0, 200, 60_000])
def test_a_corrupt_portrait_leaves_the_drawn_face_and_a_warning(tmp_path: Path, keep: int) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(SOMEBODY.read_bytes()[:keep])
    warnings: list[str] = []
    assert (frame(broken, warnings) == frame(None)).all()
    assert len(warnings) == 1
    assert "'maryam' stands in" in warnings[0]


def test_a_portrait_that_went_between_looking_and_reading_is_no_end(tmp_path: Path) -> None:
    warnings: list[str] = []
    assert (frame(tmp_path / "gone", warnings) == frame(None)).all()
    assert warnings


async def test_a_portrait_that_can_not_be_had_is_told_with_its_reason(tmp_path: Path) -> None:
    store, warnings = AssetStore(tmp_path), list[str]()
    nowhere = AssetRef(sha256="a" * 64, size_bytes=9, url="http://127.0.0.1:9/gone")
    assert await portrait_file(None, store, warnings.append, stand_in="omar") is None
    assert await portrait_file(nowhere, store, warnings.append, stand_in="omar") is None
    assert "'omar' stands in. It was removed." in warnings[0]
    assert "could not be fetched" in warnings[1]
    store.path(nowhere.sha256).parent.mkdir(parents=True, exist_ok=True)
    store.path(nowhere.sha256).write_bytes(b"here")
    assert await portrait_file(nowhere, store, warnings.append, stand_in="omar") == store.path(nowhere.sha256)
    assert len(warnings) == 2


def test_a_scene_s_still_shows_the_uploaded_face(tmp_path: Path) -> None:
    store = AssetStore(tmp_path)
    store.path("b" * 64).parent.mkdir(parents=True)
    store.path("b" * 64).write_bytes(SOMEBODY.read_bytes())
    for name, portrait in (("drawn", None), ("uploaded", "b" * 64), ("lost", "c" * 64)):
        order = SceneOrder(settings=SETTINGS, portrait=portrait, width=320, height=180)
        assert draw_scene(order, tmp_path / name, tmp_path) == []
    drawn, uploaded, lost = ((tmp_path / name).read_bytes() for name in ("drawn", "uploaded", "lost"))
    assert uploaded != drawn
    assert lost == drawn


def test_a_clip_speaks_with_a_moving_mouth(tmp_path: Path) -> None:
    shares: list[float] = []
    order = ClipOrder(text="Hello, my name is Maryam.", voice="heart", settings=SETTINGS)
    seconds = make_clip(order, SOMEBODY, tmp_path / "clip.webm", progress=shares.append)
    assert shares == sorted(shares)
    with av.open(io.BytesIO((tmp_path / "clip.webm").read_bytes()), "r") as film:
        pictures = [picture.to_ndarray(format="gray") for picture in film.decode(video=0)]
        assert film.streams.video[0].codec_context.name == "vp8"
    with av.open(io.BytesIO((tmp_path / "clip.webm").read_bytes()), "r") as film:
        sound = np.concatenate([part.to_ndarray().ravel() for part in film.decode(audio=0)])
    assert len(pictures) == pytest.approx(25 * seconds, abs=2)
    assert sound.size / 48_000 == pytest.approx(seconds, abs=0.15)
    assert np.abs(sound).max() > 0.05
    middle = [picture[90:, 250:390].astype(int) for picture in pictures]
    assert max(np.abs(picture - middle[0]).max() for picture in middle) > 40


@pytest.mark.parametrize(("portrait", "voice"), [("none", "heart"), ("broken", "heart"), ("whole", "nobody")])
def test_a_clip_of_nothing_or_without_a_voice_is_refused(tmp_path: Path, portrait: str, voice: str) -> None:
    (tmp_path / "broken").write_bytes(SOMEBODY.read_bytes()[:9_000])
    (tmp_path / "whole").write_bytes(SOMEBODY.read_bytes())
    order = ClipOrder(text="!", voice=voice, settings=SETTINGS)
    with pytest.raises(ValueError, match=r"stands in|no voice"):
        make_clip(order, tmp_path / portrait, tmp_path / "clip.webm", progress=lambda share: None)
    assert not (tmp_path / "clip.webm").exists()
