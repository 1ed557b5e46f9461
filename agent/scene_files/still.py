"""`python -m agent draw-scene`: a picture of the presenter in the scene, with what plays on the TV and the logo."""

import itertools
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from agent.assets import AssetStore
from agent.avatars.builtin.drawing.i420 import Planes
from agent.avatars.builtin.face_state import AT_REST
from agent.avatars.builtin.own_files import OwnFiles
from agent.avatars.builtin.picture import composer_of, programme_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.scene.programme import Canvas, Programme, ProgrammeError, Timed, Warn
from protocol.assets import AssetRef
from protocol.avatar import SceneOrder
from protocol.modes import BUILT_IN_MODES, DEFAULT_MODE_SLUG

_FILM_FPS: Final = 5
_INTO_S: Final = 2.0  # films begin in black
_QUALITY: Final = 88


class StandingStill:
    """A programme's picture from a little after its beginning, for good."""

    def __init__(self, programme: Programme) -> None:
        self._programme = programme

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> "itertools.chain[Timed]":
        shown: Planes | None = None
        for picture in self._programme.pictures(canvas, _FILM_FPS, warn):
            if shown is None or picture.at_s <= _INTO_S:
                shown = picture.planes
            if picture.at_s >= _INTO_S:
                break
        if shown is None:
            raise ProgrammeError("there is nothing to be seen in it")
        return itertools.chain([Timed(shown, 0.0)])


def draw_scene(order: SceneOrder, target: Path, home: Path) -> list[str]:
    """Write a JPEG of the scene; what it had to leave out, as sentences. Raises `UnknownPresenterError`, `SceneError`."""
    left_out: list[str] = []
    store = AssetStore(home)
    files = _files_here(order, store)
    programme = programme_of(order.settings, files)
    mode = BUILT_IN_MODES[DEFAULT_MODE_SLUG].model_copy(
        update={"video_width": order.width, "video_height": order.height}
    )
    composer = composer_of(
        order.settings,
        mode,
        words=Words(),
        warn=left_out.append,
        programme=None if programme is None else StandingStill(programme),
        files=files,
        portrait=lambda: None if order.portrait is None else store.find(order.portrait),
    )()
    try:
        composer.await_tv()
        buffer = composer.compose(AT_REST).buffer
    finally:
        composer.close()
    frame = np.frombuffer(buffer, np.uint8).reshape(order.height * 3 // 2, order.width)
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    target.write_bytes(packed.tobytes())
    return left_out


def _files_here(order: SceneOrder, store: AssetStore) -> OwnFiles:
    """The files that this host has; nothing is fetched."""
    refs = [AssetRef(sha256=file.sha256, size_bytes=0, url="") for file in order.settings.files]
    files = OwnFiles(store, refs)
    files.look()
    return files
