"""Breathing, swaying, nodding: the presenter bent a little, most where the chest and the head are, not at all at the desk.

A head that sways also turns: what is nearer to the viewer, the nose most, comes further.
"""

from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step
from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.i420 import Rect
from agent.avatars.builtin.face_state import BREATH_STEPS, NOD_STEPS, SWAY_STEPS, TILT_STEPS, Pose
from agent.avatars.builtin.portrait_file import BodyPlaces
from agent.avatars.builtin.presenters import Placement

# Largest movements, as a share of the canvas's height.
_CHEST_RISE: Final = 0.0042
_HEAD_RISE: Final = 0.0026
_SWAY: Final = 0.0046
_TURN: Final = 0.0040
_NOD: Final = 0.0040
_LOOK_DOWN: Final = 0.0030
_LEAN_RADIANS: Final = 0.010
_TILT_RADIANS: Final = 0.024


class BodyWarp:
    """Bends cutouts into a pose. Keeps only a few vectors: the bend is made of products of a row and a column."""

    def __init__(self, body: BodyPlaces, placement: Placement, width: int, height: int) -> None:
        self._unit = placement.scale * 1080 * body.motion
        self._motion = body.motion
        x = np.arange(width, dtype=np.float32)
        y = np.arange(height, dtype=np.float32)
        middle = placement.x(body.pivot[0])
        aside = np.abs(x - middle)
        head, side = body.head_half_width * placement.scale, body.body_half_width * placement.scale
        self._head_x = smooth_step(head * 1.6, head * 0.95, aside)
        self._head_y = smooth_step(placement.y(body.shoulder_y), placement.y(body.head_bottom_y), y)
        self._chest_x = smooth_step(side * 1.1, side * 0.5, aside)
        self._chest_y = smooth_step(placement.y(body.desk_y), placement.y(body.desk_y - 120), y) * (1 - self._head_y)
        self._face_x = _bump((x - placement.x(body.face_middle[0])) / (body.face_half_size[0] * placement.scale))
        self._face_y = _bump((y - placement.y(body.face_middle[1])) / (body.face_half_size[1] * placement.scale))
        self._from_pivot_x = x - middle
        self._from_pivot_y = y - placement.y(body.pivot[1])

    def reach(self, rect: Rect) -> int:
        """How far a pixel of the region `rect` moves at most, either way, pixels."""
        arm = max(abs(float(self._from_pivot_y[rect.top])), abs(float(self._from_pivot_y[rect.bottom - 1])))
        span = float(np.abs(self._from_pivot_x[rect.left : rect.right]).max())
        angle = (_LEAN_RADIANS + _TILT_RADIANS) * self._motion
        across = angle * arm + (_SWAY + _TURN) * self._unit
        up = angle * span + (_HEAD_RISE + _NOD + _LOOK_DOWN) * self._unit
        return int(max(across, up, _CHEST_RISE * self._unit)) + 2

    def bend(self, source: Cutout, pose: Pose, rect: Rect) -> Cutout:
        """The region `rect` in `pose`, from a `source` that reaches as far around as its `reach`, or to where nothing is."""
        x, y = self._sources(pose, rect, 1, source.rect)
        half_x, half_y = self._sources(pose, rect.half(), 2, source.rect)
        return Cutout(
            np.asarray(cv2.remap(source.luma, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8),
            np.asarray(
                cv2.remap(source.chroma, half_x, half_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
            ),
            rect,
        )

    def _sources(self, pose: Pose, rect: Rect, step: int, source: Rect) -> tuple[Field, Field]:
        """Where in the source each pixel of `rect` comes from, in planes of every `step`th pixel."""
        rows, columns = (
            slice(rect.top * step, rect.bottom * step, step),
            slice(rect.left * step, rect.right * step, step),
        )
        breath = pose.breath / (BREATH_STEPS - 1)
        sway, nod = pose.sway / SWAY_STEPS, pose.nod / NOD_STEPS
        lean = (sway * _LEAN_RADIANS + pose.tilt / TILT_STEPS * _TILT_RADIANS) * self._motion
        head_y, head_x = self._head_y[rows], self._head_x[columns]
        face_y, face_x = self._face_y[rows], self._face_x[columns]
        unit = self._unit
        across = (sway * _SWAY * unit - lean * self._from_pivot_y[rows]) * head_y / step
        up = breath * _HEAD_RISE * unit - nod * _NOD * unit - lean * self._from_pivot_x[columns]
        # Broadcast in place: a matrix product would start BLAS threads for every frame.
        source_x = np.multiply.outer(-across, head_x)
        if sway:
            source_x -= np.multiply.outer(face_y * (sway * _TURN * unit / step), face_x)
        source_x += np.arange(rect.left, rect.right, dtype=np.float32) - source.left // step
        source_y = np.multiply.outer(head_y, head_x * up / step)
        if nod:
            source_y -= np.multiply.outer(face_y * (nod * _LOOK_DOWN * unit / step), face_x)
        if breath:
            chest = breath * _CHEST_RISE * unit / step
            source_y += np.multiply.outer(self._chest_y[rows], self._chest_x[columns] * chest)
        source_y += (np.arange(rect.top, rect.bottom, dtype=np.float32) - source.top // step)[:, None]
        return source_x.astype(np.float32, copy=False), source_y.astype(np.float32, copy=False)


def _bump(distance: Field) -> Field:
    """1 in the middle, 0 from a distance of 1 on, without a corner anywhere."""
    return np.asarray(np.clip(1 - distance * distance, 0, 1) ** 1.5, np.float32)
