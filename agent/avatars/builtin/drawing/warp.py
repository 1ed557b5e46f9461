"""Breathing and swaying: the still picture bent a little, most where the chest and the head are.

The bend is smooth and dies down in the presenter's surroundings, so that neither edges nor holes appear.
"""

from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step
from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect, even_rect
from agent.avatars.builtin.face_state import BREATH_STEPS, SWAY_STEPS, Pose
from agent.avatars.builtin.presenters import BodyPlaces, Placement

# Largest movements, as a share of the picture's height.
_CHEST_RISE: Final = 0.0042
_HEAD_RISE: Final = 0.0026
_SWAY: Final = 0.0052
_LEAN_RADIANS: Final = 0.010


class BodyWarp:
    """Bends a still frame into a pose. Keeps only a few vectors: the bend is a product of a row and a column."""

    def __init__(self, body: BodyPlaces, placement: Placement, still: Planes) -> None:
        height, width = still.y.shape
        self._still = still
        self._unit = placement.scale * 1080  # the height of the whole picture
        x = np.arange(width, dtype=np.float32)
        y = np.arange(height, dtype=np.float32)
        middle = placement.x(body.pivot[0])
        aside = np.abs(x - middle)
        head, reach = body.head_half_width * placement.scale, body.body_half_width * placement.scale
        self._head_x = smooth_step(head * 1.5, head * 0.95, aside)
        self._head_y = smooth_step(placement.y(body.shoulder_y), placement.y(body.head_bottom_y), y)
        self._chest_x = smooth_step(reach * 1.1, reach * 0.5, aside)
        self._chest_y = smooth_step(placement.y(body.desk_y), placement.y(body.desk_y - 120), y) * (1 - self._head_y)
        self._from_pivot_x = x - middle
        self._from_pivot_y = y - placement.y(body.pivot[1])
        side = max(head * 1.5, reach * 1.1)
        self.region: Rect = even_rect(middle - side, 0, middle + side, placement.y(body.desk_y) + 1, width, height)

    def into(self, target: Planes, pose: Pose) -> None:
        """Write the presenter in `pose` over `target`, a copy of the still frame."""
        target.paste(self.bend(self._still, pose, self.region, self.region), self.region)

    def bend(self, source: Planes, pose: Pose, rect: Rect, source_rect: Rect) -> Planes:
        """The region `rect` of the frame in `pose`, from `source`: the planes of the still frame, or those of
        `source_rect` alone when it is smaller than the frame."""
        offset = (0, 0) if source is self._still else (source_rect.left, source_rect.top)
        x, y = self._sources(pose, rect, 1, offset)
        half_x, half_y = self._sources(pose, rect.half(), 2, offset)
        return Planes(
            _sample(source.y, x, y, cv2.INTER_CUBIC),
            _sample(source.u, half_x, half_y, cv2.INTER_LINEAR),
            _sample(source.v, half_x, half_y, cv2.INTER_LINEAR),
        )

    def _sources(self, pose: Pose, rect: Rect, step: int, offset: tuple[int, int]) -> tuple[Field, Field]:
        """Where each pixel of `rect` comes from, in a plane of every `step`th pixel that begins at `offset`."""
        rows, columns = (
            slice(rect.top * step, rect.bottom * step, step),
            slice(rect.left * step, rect.right * step, step),
        )
        breath = pose.breath / (BREATH_STEPS - 1)
        sway = pose.sway / SWAY_STEPS
        lean = sway * _LEAN_RADIANS
        # Each field is a sum of products of a column and a row: one matrix product instead of passes over the pixels.
        head_y, head_x = self._head_y[rows], self._head_x[columns]
        across = sway * _SWAY * self._unit - lean * self._from_pivot_y[rows]
        up = breath * _HEAD_RISE * self._unit
        ones_x, ones_y = np.ones_like(head_x), np.ones_like(head_y)
        grid_x = np.arange(rect.left, rect.right, dtype=np.float32) - offset[0] / step
        grid_y = np.arange(rect.top, rect.bottom, dtype=np.float32) - offset[1] / step
        source_x = np.stack([ones_y, -head_y * across / step], 1) @ np.stack([grid_x, head_x])
        chest = self._chest_y[rows] * (breath * _CHEST_RISE * self._unit / step)
        source_y = np.stack([grid_y, head_y * (up / step), -head_y * (lean / step), chest], 1) @ np.stack(
            [ones_x, head_x, head_x * self._from_pivot_x[columns], self._chest_x[columns]]
        )
        return source_x.astype(np.float32, copy=False), source_y.astype(np.float32, copy=False)


def _sample(plane: Plane, x: Field, y: Field, interpolation: int) -> Plane:
    return np.asarray(cv2.remap(plane, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
