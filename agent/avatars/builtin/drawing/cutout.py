"""A presenter, or a part of one, cut out to be laid over the scene.

Colour is premultiplied by the mask, so that laying over is one multiplication and one addition, and interpolation at
the edge draws in no other colour.
"""

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect, planes_from_bgr
from agent.avatars.builtin.drawing.pictures import Mask, Picture

_SHARPENING: Final = 0.35  # gives back what bending by parts of a pixel softens


class Masks(NamedTuple):
    """How opaque each pixel of luma and of chroma is."""

    luma: Plane
    chroma: Plane

    def crop(self, rect: Rect) -> "Masks":
        """Views of a region of a whole frame's masks."""
        return Masks(rect.of(self.luma), rect.half().of(self.chroma))

    @property
    def opaque(self) -> bool:
        return bool(self.luma.min() == 255)


class Cutout(NamedTuple):
    """The region `rect`. Where all of it is opaque: `luma` (height, width), `chroma` two planes (height / 2, width / 2).
    Else `luma` (height, width, 4) is Y, mask and two more that mean nothing, `chroma` one array (height / 2, width / 2, 4)
    of U, V, mask and one more: OpenCV bends one channel or four fast, and two or three slowly."""

    luma: NDArray[np.uint8]
    chroma: tuple[NDArray[np.uint8], ...]
    rect: Rect

    @property
    def opaque(self) -> bool:
        return self.luma.ndim == 2

    @property
    def empty(self) -> bool:
        """Whether nothing of the figure is in it."""
        return not self.opaque and not self.luma[..., 1].any()

    @property
    def nbytes(self) -> int:
        return self.luma.nbytes + sum(plane.nbytes for plane in self.chroma)

    def crop(self, rect: Rect) -> "Cutout":
        """A part of it; views."""
        inner = rect.inside(self.rect)
        half = inner.half()
        return Cutout(inner.of(self.luma), tuple(half.of(plane) for plane in self.chroma), rect)

    def copy(self) -> "Cutout":
        return Cutout(self.luma.copy(), tuple(plane.copy() for plane in self.chroma), self.rect)


def masks_from(mask: Mask) -> Masks:
    """Of a whole frame's mask (height, width)."""
    height, width = mask.shape
    return Masks(mask, np.asarray(cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8))


def premultiplied(picture: Picture, masks: Masks) -> Planes:
    """A picture (height, width, 3) as the colour of a cutout, `masks` being of the same region."""
    planes = planes_from_bgr(np.ascontiguousarray(picture))
    soft = cv2.GaussianBlur(planes.y, (0, 0), 0.8)
    luma = cv2.addWeighted(planes.y, 1 + _SHARPENING, soft, -_SHARPENING, 0)
    if masks.opaque:
        return Planes(np.asarray(luma, np.uint8), planes.u.copy(), planes.v.copy())
    return Planes(_times(luma, masks.luma), _times(planes.u, masks.chroma), _times(planes.v, masks.chroma))


def cutout_of(planes: Planes, masks: Masks, rect: Rect) -> Cutout:
    """Premultiplied `planes` and `masks` of the region `rect`, together."""
    if masks.opaque:
        return Cutout(planes.y, (planes.u, planes.v), rect)
    return Cutout(
        np.asarray(cv2.merge([planes.y, masks.luma, planes.y, planes.y]), np.uint8),
        (np.asarray(cv2.merge([planes.u, planes.v, masks.chroma, masks.chroma]), np.uint8),),
        rect,
    )


def _times(plane: cv2.typing.MatLike, mask: cv2.typing.MatLike) -> Plane:
    return np.asarray(cv2.multiply(plane, mask, scale=1 / 255), dtype=np.uint8)
