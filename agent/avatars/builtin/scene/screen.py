"""The TV's screen: a picture in perspective, straight into planes of the frame."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect, even_rect
from agent.avatars.builtin.scene.scene_file import TvPlace
from agent.avatars.builtin.scene.stage import Stage

ASPECT: Final = 16 / 9  # of every TV, whatever its corners make of it in the scene
_LARGEST: Final = 1280  # a canvas needs no more

_Map = tuple[NDArray[np.int16], NDArray[np.uint16]]


class Screen:
    """`canvas` is the size of the pictures that it shows, `rect` the region of the frame that they change."""

    def __init__(self, stage: Stage, tv: TvPlace) -> None:
        quad = np.array([[stage.place.x(x), stage.place.y(y)] for x, y in tv.corners], np.float32)
        self.rect = even_rect(
            quad[:, 0].min(), quad[:, 1].min(), quad[:, 0].max(), quad[:, 1].max(), stage.width, stage.height
        )
        sides = [math.dist(quad[i], quad[(i + 1) % 4]) for i in range(4)]
        width = min(max(sides[0], sides[2], max(sides[1], sides[3]) * ASPECT, 32), _LARGEST)
        self.canvas = round(width / 4) * 4, round(width / ASPECT / 2) * 2
        across, down = self.canvas
        corners = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
        to_canvas = cv2.getPerspectiveTransform(quad, corners)
        self._luma_map = _source_map(to_canvas, self.rect, 1)
        self._chroma_map = _source_map(to_canvas, self.rect, 2)
        self._cover = _cover(quad, self.rect)
        self._small_cover = np.asarray(
            cv2.resize(self._cover, (self.rect.width // 2, self.rect.height // 2), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
        around, small_around = cv2.bitwise_not(self._cover), cv2.bitwise_not(self._small_cover)
        back = stage.below.crop(self.rect)
        self._bezel = Planes(_times(back.y, around), _times(back.u, small_around), _times(back.v, small_around))

    def project(self, picture: Planes) -> Planes:
        """The back of the region `rect` with `picture`, of the size `canvas`, on the screen."""
        return Planes(
            self._shown(picture.y, self._luma_map, self._cover, self._bezel.y),
            self._shown(picture.u, self._chroma_map, self._small_cover, self._bezel.u),
            self._shown(picture.v, self._chroma_map, self._small_cover, self._bezel.v),
        )

    @property
    def is_seen(self) -> bool:
        """Whether any of it is in the frame; a narrow frame cuts the sides of the scene off."""
        return bool(self._cover.any())

    @staticmethod
    def _shown(plane: Plane, where: _Map, cover: Plane, bezel: Plane) -> Plane:
        warped = cv2.remap(plane, where[0], where[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.add(cv2.multiply(warped, cover, scale=1 / 255), bezel), np.uint8)


def _source_map(to_canvas: cv2.typing.MatLike, rect: Rect, step: int) -> _Map:
    """Where in the canvas's plane of every `step`th pixel each such pixel of `rect` comes from, in fixed point."""
    x, y = np.meshgrid(
        np.arange(rect.left + step / 2, rect.right, step, dtype=np.float32),
        np.arange(rect.top + step / 2, rect.bottom, step, dtype=np.float32),
    )
    places = cv2.perspectiveTransform(np.stack([x, y], axis=-1), to_canvas) / step - 0.5
    fixed, fractions = cv2.convertMaps(
        np.ascontiguousarray(places[..., 0]), np.ascontiguousarray(places[..., 1]), cv2.CV_16SC2
    )
    return np.asarray(fixed, np.int16), np.asarray(fractions, np.uint16)


def _cover(quad: NDArray[np.float32], rect: Rect) -> Plane:
    """How much of each pixel of `rect` the screen covers: its middle's distance to the nearest edge tells."""
    x = np.arange(rect.left + 0.5, rect.right, dtype=np.float32)
    y = np.arange(rect.top + 0.5, rect.bottom, dtype=np.float32)[:, None]
    depth = np.full((rect.height, rect.width), np.inf, np.float32)
    for corner, following in zip(quad, np.roll(quad, -1, axis=0), strict=True):
        across, down = (following - corner) / math.dist(following, corner)
        np.minimum(depth, across * (y - corner[1]) - down * (x - corner[0]), out=depth)
    return np.asarray(np.clip(depth + 0.5, 0, 1) * 255 + 0.5, np.uint8)


def _times(plane: Plane, mask: cv2.typing.MatLike) -> Plane:
    return np.asarray(cv2.multiply(plane, mask, scale=1 / 255), np.uint8)
