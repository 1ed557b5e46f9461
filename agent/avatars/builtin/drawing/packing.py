"""How drawn states are kept for when they come again: as they are, as JPEGs, or in files. A mode's `compress_method` says."""

import tempfile
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np

from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect
from protocol.modes import CompressMethod

_QUALITY: Final = (cv2.IMWRITE_JPEG_QUALITY, 95)  # what it loses is less than what the stream's encoder loses after it


class Patch(NamedTuple):
    """Finished pixels for one region of a frame, and what of the presenter in it stands in front of the TV's screen."""

    planes: Planes
    rect: Rect
    before_tv: Cutout | None

    @property
    def nbytes(self) -> int:
        return self.planes.nbytes + (0 if self.before_tv is None else self.before_tv.nbytes)


class Packed(Protocol):
    """Patches of one state, kept."""

    @property
    def nbytes(self) -> int:
        """What they take, in memory or in their file."""

    def patches(self) -> list[Patch]:
        """To be shown, not to be written to."""


Pack = Callable[[list[Patch]], Packed]


class AsTheyAre(NamedTuple):
    """Nothing to unpack: the quickest, and the largest."""

    kept: list[Patch]

    @property
    def nbytes(self) -> int:
        return sum(patch.nbytes for patch in self.kept)

    def patches(self) -> list[Patch]:
        return self.kept


class AsJpegs:
    """A JPEG a plane, about a sixth of its size. What is a mask stays exact."""

    def __init__(self, patches: list[Patch]) -> None:
        self._kept = [([_jpeg(plane) for plane in patch.planes], patch.rect, patch.before_tv) for patch in patches]
        self.nbytes = sum(
            sum(jpeg.nbytes for jpeg in jpegs) + (0 if before_tv is None else before_tv.nbytes)
            for jpegs, _, before_tv in self._kept
        )

    def patches(self) -> list[Patch]:
        return [
            Patch(Planes(*(_plane(jpeg) for jpeg in jpegs)), rect, before_tv) for jpegs, rect, before_tv in self._kept
        ]


class InFile:
    """A nameless file of its own, gone with it."""

    def __init__(self, patches: list[Patch]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (kept open as long as it is kept)
        self._others = [(patch.rect, patch.before_tv) for patch in patches]
        self.nbytes = 0
        for patch in patches:
            for plane in patch.planes:
                self.nbytes += self._file.write(plane.tobytes())

    def patches(self) -> list[Patch]:
        self._file.seek(0)
        return [Patch(self._planes(rect), rect, before_tv) for rect, before_tv in self._others]

    def _planes(self, rect: Rect) -> Planes:
        half = rect.half()
        return Planes(*(self._read(region.height, region.width) for region in (rect, half, half)))

    def _read(self, height: int, width: int) -> Plane:
        return np.frombuffer(self._file.read(height * width), np.uint8).reshape(height, width)


PACKS: Final[dict[CompressMethod, Pack]] = {
    CompressMethod.NONE: AsTheyAre,
    CompressMethod.JPEG: AsJpegs,
    CompressMethod.TEMP_FILE: InFile,
}


def _jpeg(plane: Plane) -> Plane:
    encoded, jpeg = cv2.imencode(".jpg", plane, _QUALITY)
    if not encoded:
        raise ValueError(f"a picture of {plane.shape} can't be a JPEG")
    return np.asarray(jpeg, np.uint8)


def _plane(jpeg: Plane) -> Plane:
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)
