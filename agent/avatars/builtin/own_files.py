"""An operator's own film, slides and logo in a session: found on this host, or fetched while the session starts.

The first picture waits for the logo alone. The TV shows its calm picture until its file is here, and for good where it can't be
had: then the operator is told, and the session goes on.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from agent.assets import AssetStore, AssetUnavailable
from agent.avatars.builtin.scene.programme import Canvas, ProgrammeError, Timed, Warn
from agent.avatars.builtin.scene.slides import Slides, read_slide
from agent.avatars.builtin.scene.stage import Picture
from agent.avatars.builtin.scene.tv import STILL
from agent.avatars.builtin.scene.video import Video
from protocol.assets import AssetRef
from protocol.scene_files import SceneFile

logger = logging.getLogger(__name__)

LOGO_LIMIT_S: Final = 3.0


class OwnFiles:
    """Paths of files by their sha256. `start` on the event loop; `path` from any thread; `aclose` lets go of who waits."""

    def __init__(self, store: AssetStore, refs: list[AssetRef]) -> None:
        self._store = store
        self._refs = {ref.sha256: ref for ref in refs}
        self._paths: dict[str, concurrent.futures.Future[Path | None]] = {
            sha256: concurrent.futures.Future() for sha256 in self._refs
        }
        self._fetching: asyncio.Task[None] | None = None

    def start(self, first: SceneFile | None = None) -> None:
        """Look for the files, and fetch those that are not here, `first` before the others."""
        order = sorted(self._refs, key=lambda sha256: first is None or sha256 != first.sha256)
        self._fetching = asyncio.create_task(self._fetch(order), name="scene-files")

    def look(self) -> None:
        """Instead of `start`, where there is no event loop: only what is on this host is found."""
        for sha256, found in self._paths.items():
            path = self._store.find(sha256)
            if path is None:
                found.set_exception(AssetUnavailable("It is not on this host."))
            else:
                found.set_result(path)

    def is_here(self, file: SceneFile) -> bool:
        found = self._paths.get(file.sha256)
        return found is not None and found.done()

    def path(self, file: SceneFile, timeout_s: float | None = None) -> Path | None:
        """Waits for a file; None once the session is closing. Raises `ProgrammeError` for one that can't be had."""
        found = self._paths.get(file.sha256)
        if found is None:
            raise ProgrammeError(f"{file.name}: the file is lost; upload it again")
        try:
            return found.result(timeout_s)
        except AssetUnavailable as error:
            raise ProgrammeError(
                f"{file.name}: the file could not be brought here ({error}) Upload it again."
            ) from None
        except TimeoutError:
            raise ProgrammeError(f"{file.name}: the file did not come in {timeout_s:g} s") from None

    async def aclose(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching
        for waiting in self._paths.values():
            if not waiting.done():
                waiting.set_result(None)

    async def _fetch(self, order: list[str]) -> None:
        for sha256 in order:
            try:
                path = await self._store.get(self._refs[sha256])
            except AssetUnavailable as error:
                logger.warning("%s", error)
                self._paths[sha256].set_exception(error)
            else:
                self._paths[sha256].set_result(path)


@dataclass(frozen=True)
class OwnFilm:
    """The profile's film."""

    file: SceneFile
    files: OwnFiles

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> Iterator[Timed]:
        if not self.files.is_here(self.file):
            yield Timed(read_slide(STILL, canvas), 0.0)
        path = self.files.path(self.file)
        if path is not None:
            yield from Video(path, self.file.name).pictures(canvas, fps, warn)


@dataclass(frozen=True)
class OwnSlides:
    """The profile's slides; those that can't be had are left out."""

    slides: tuple[SceneFile, ...]
    seconds_each: float
    files: OwnFiles

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> Iterator[Timed]:
        if not all(self.files.is_here(slide) for slide in self.slides):
            yield Timed(read_slide(STILL, canvas), 0.0)
        found: dict[Path, str] = {}
        paths: list[Path] = []
        for slide in self.slides:
            try:
                path = self.files.path(slide)
            except ProgrammeError as error:
                warn(str(error))
                continue
            if path is None:
                return
            paths.append(path)
            found[path] = slide.name
        if not paths:
            raise ProgrammeError("none of the slides could be brought here; the TV shows a still picture")
        names = tuple(found[path] for path in paths)
        yield from Slides(tuple(paths), self.seconds_each, names).pictures(canvas, fps, warn)


def read_logo(file: SceneFile, files: OwnFiles, warn: Warn) -> Picture | None:
    """The logo (height, width, 4), for `Stage`; None, and the operator is told, where it can't be had."""
    try:
        path = files.path(file, LOGO_LIMIT_S)
    except ProgrammeError as error:
        warn(f"{error} The picture has no logo.")
        return None
    if path is None:
        return None
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
        warn(f"{file.name}: the logo is damaged; upload it again. The picture has no logo.")
        return None
    return np.asarray(picture, np.uint8)
