"""Breathing, swaying, nodding: the presenter bent a little, most where the chest and the head are, not at all at the desk.

A head that sways also turns: what is nearer to the viewer, the nose most, comes further.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.curves import Field, smooth_step
from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.face_state import BREATH_STEPS, NOD_STEPS, SWAY_STEPS, TILT_STEPS, UPRIGHT, Pose
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

# Past so many half widths nothing moves.
_HEAD_REACH: Final = 1.6
_CHEST_REACH: Final = 1.1

_GRID: Final = 8  # pixels


class BodyWarp:
    """Bends cutouts into a pose. Keeps only a few vectors: the bend is made of products of a row and a column, at
    nodes in the middle of squares of `_GRID` pixels, with one more row and column of them all around.

    Breath alone moves the trunk; the rest of a pose moves nothing outside `head`. The regions are in pixels of the frame.
    """

    def __init__(self, body: BodyPlaces, placement: Placement, width: int, height: int) -> None:
        self._unit = placement.scale * 1080 * body.motion
        self._motion = body.motion
        x, y = _nodes(width), _nodes(height)
        middle = placement.x(body.pivot[0])
        aside = np.abs(x - middle)
        head, side = body.head_half_width * placement.scale, body.body_half_width * placement.scale
        self._head_x = smooth_step(head * _HEAD_REACH, head * 0.95, aside)
        self._head_y = smooth_step(placement.y(body.shoulder_y), placement.y(body.head_bottom_y), y)
        self._chest_x = smooth_step(side * _CHEST_REACH, side * 0.5, aside)
        self._chest_y = smooth_step(placement.y(body.desk_y), placement.y(body.desk_y - 120), y) * (1 - self._head_y)
        self._face_x = _bump((x - placement.x(body.face_middle[0])) / (body.face_half_size[0] * placement.scale))
        self._face_y = _bump((y - placement.y(body.face_middle[1])) / (body.face_half_size[1] * placement.scale))
        self._from_pivot_x = x - middle
        self._from_pivot_y = y - placement.y(body.pivot[1])
        self._nodes = np.dstack(np.meshgrid(x, y)).astype(np.float32, copy=False)
        face_left, face_right = (placement.x(body.face_middle[0] + side * body.face_half_size[0]) for side in (-1, 1))
        self.head = even_rect(
            min(middle - _HEAD_REACH * head, face_left),
            0,
            max(middle + _HEAD_REACH * head, face_right),
            placement.y(max(body.shoulder_y, body.face_middle[1] + body.face_half_size[1])),
            width,
            height,
        )
        self.trunk = even_rect(
            middle - _CHEST_REACH * side,
            placement.y(body.head_bottom_y),
            middle + _CHEST_REACH * side,
            placement.y(body.desk_y),
            width,
            height,
        )
        self._pose = UPRIGHT
        self._sources = self._nodes

    def reach(self, rect: Rect) -> int:
        """How far a pixel of the region `rect` moves at most, either way, pixels."""
        ends = [edge // _GRID + 1 for edge in (rect.top, rect.bottom - 1, rect.left, rect.right - 1)]
        arm = float(np.abs(self._from_pivot_y[ends[:2]]).max()) + _GRID
        span = float(np.abs(self._from_pivot_x[ends[2:]]).max()) + _GRID
        angle = (_LEAN_RADIANS + _TILT_RADIANS) * self._motion
        across = angle * arm + (_SWAY + _TURN) * self._unit
        up = angle * span + (_HEAD_RISE + _NOD + _LOOK_DOWN) * self._unit
        return int(max(across, up, _CHEST_RISE * self._unit)) + 2

    def bend(self, source: Cutout, pose: Pose, rect: Rect) -> Cutout:
        """The region `rect` in `pose`, from a `source` that reaches as far around as its `reach`, or to where nothing is."""
        if pose == UPRIGHT:
            return source.crop(rect)
        if pose != self._pose:
            self._pose, self._sources = pose, self._sources_in(pose)
        maps = self._map(rect, source.rect, 1)
        small_maps = self._map(rect.half(), source.rect.half(), 2)
        return Cutout(_bent(source.luma, maps), tuple(_bent(plane, small_maps) for plane in source.chroma), rect)

    def _sources_in(self, pose: Pose) -> Field:
        """Where the nodes' pixels come from: (rows, columns, x and y), pixels of the frame's luma."""
        breath = pose.breath / (BREATH_STEPS - 1)
        sway, nod = pose.sway / SWAY_STEPS, pose.nod / NOD_STEPS
        lean = (sway * _LEAN_RADIANS + pose.tilt / TILT_STEPS * _TILT_RADIANS) * self._motion
        unit = self._unit
        # Broadcast: a matrix product would start BLAS threads for every frame.
        sources = self._nodes.copy()
        across, down = sources[..., 0], sources[..., 1]
        across += np.multiply.outer((lean * self._from_pivot_y - sway * _SWAY * unit) * self._head_y, self._head_x)
        across -= np.multiply.outer(self._face_y * (sway * _TURN * unit), self._face_x)
        up = breath * _HEAD_RISE * unit - nod * _NOD * unit - lean * self._from_pivot_x
        down += np.multiply.outer(self._head_y, self._head_x * up)
        down -= np.multiply.outer(self._face_y * (nod * _LOOK_DOWN * unit), self._face_x)
        down += np.multiply.outer(self._chest_y, self._chest_x * (breath * _CHEST_RISE * unit))
        return sources

    def _map(self, rect: Rect, source: Rect, step: int) -> Field:
        """For the pixels of `rect`, in the plane of every `step`th pixel: where in the part `source` of that plane each
        comes from, (height, width, x and y)."""
        # The ways are smooth: their few nodes, scaled up, save most of the work on a map for each pixel.
        grid = _GRID // step
        first_row, first_column = rect.top // grid, rect.left // grid
        rows, columns = -(-rect.bottom // grid) + 2 - first_row, -(-rect.right // grid) + 2 - first_column
        nodes = self._sources[first_row : first_row + rows, first_column : first_column + columns] * (1 / step)
        middle = (step - 1) / (2 * step)  # of a pixel of the plane: it lies between two of luma
        nodes[..., 0] -= source.left + middle
        nodes[..., 1] -= source.top + middle
        scaled = cv2.resize(nodes, (columns * grid, rows * grid), interpolation=cv2.INTER_LINEAR)
        left, top = rect.left - (first_column - 1) * grid, rect.top - (first_row - 1) * grid
        return np.asarray(scaled, np.float32)[top : top + rect.height, left : left + rect.width]


def _nodes(size: int) -> Field:
    return np.asarray((np.arange(-1, -(-size // _GRID) + 1) + 0.5) * _GRID - 0.5, np.float32)


def _bent(plane: NDArray[np.uint8], sources: Field) -> NDArray[np.uint8]:
    bent = cv2.remap(plane, sources, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(bent, np.uint8)


def _bump(distance: Field) -> Field:
    """1 in the middle, 0 from a distance of 1 on, without a corner anywhere."""
    return np.asarray(np.clip(1 - distance * distance, 0, 1) ** 1.5, np.float32)
