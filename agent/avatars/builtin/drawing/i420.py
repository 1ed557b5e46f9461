"""Frames in I420: a plane of luma, then two of chroma at half the size, as LiveKit takes them without a conversion."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


class Rect(NamedTuple):
    """A region of a frame, pixels; all four even, so that it falls on whole chroma pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def half(self) -> "Rect":
        """The same region in the chroma planes."""
        return Rect(self.left // 2, self.top // 2, self.right // 2, self.bottom // 2)

    def of(self, plane: Plane) -> Plane:
        return plane[self.top : self.bottom, self.left : self.right]

    def common(self, other: "Rect") -> "Rect | None":
        """The region that both have."""
        rect = Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )
        return rect if rect.left < rect.right and rect.top < rect.bottom else None

    def inside(self, outer: "Rect") -> "Rect":
        """The same region, counted from the corner of `outer`."""
        return Rect(self.left - outer.left, self.top - outer.top, self.right - outer.left, self.bottom - outer.top)


def even_rect(left: float, top: float, right: float, bottom: float, width: int, height: int) -> Rect:
    """The smallest even region around the given one, within a frame of `width` x `height`."""
    return Rect(
        min(max(int(left) // 2 * 2, 0), width - 2),
        min(max(int(top) // 2 * 2, 0), height - 2),
        max(min(-(int(-right // 1) // 2 * 2), width), 2),
        max(min(-(int(-bottom // 1) // 2 * 2), height), 2),
    )


class Planes(NamedTuple):
    """Luma (height, width) and chroma (height / 2, width / 2), uint8."""

    y: Plane
    u: Plane
    v: Plane

    @property
    def nbytes(self) -> int:
        return self.y.nbytes + self.u.nbytes + self.v.nbytes

    def crop(self, rect: Rect) -> "Planes":
        """Views of a region."""
        half = rect.half()
        return Planes(rect.of(self.y), half.of(self.u), half.of(self.v))

    def paste(self, patch: "Planes", rect: Rect) -> None:
        """Write `patch` over the region `rect`."""
        half = rect.half()
        rect.of(self.y)[:] = patch.y
        half.of(self.u)[:] = patch.u
        half.of(self.v)[:] = patch.v


def planes_of(buffer: bytearray | NDArray[np.uint8], width: int, height: int) -> Planes:
    """Views of the planes of an I420 frame; writing to them writes to `buffer`."""
    flat = np.frombuffer(buffer, dtype=np.uint8)
    luma, chroma = width * height, (width // 2) * (height // 2)
    half = (height // 2, width // 2)
    return Planes(
        flat[:luma].reshape(height, width),
        flat[luma : luma + chroma].reshape(half),
        flat[luma + chroma : luma + 2 * chroma].reshape(half),
    )


def planes_from_bgr(picture: NDArray[np.uint8]) -> Planes:
    """I420 of a picture (height, width, 3), both even."""
    height, width = picture.shape[:2]
    converted = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    return planes_of(converted.reshape(-1), width, height)
