"""Mouth shapes: the picture's own lips, jaw and chin moved, and a mouth drawn between the parted lips.

Everything is in pixels of the frame. A shape is two smooth maps back to the still picture, one for what is above the parting
of the lips and one for what is below. Both say nothing new beside the corners of the mouth, where they meet.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step, through
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.drawing.pictures import Picture, Still
from agent.avatars.builtin.drawing.teeth import Inside, MouthInside, StillLips
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, SMILE_STEPS, Contact, Mouth
from agent.avatars.builtin.portrait_file import MouthPlaces
from agent.avatars.builtin.presenters import Placement

_SMILING: Final = (
    0.16,
    0.26,
)  # elevation of the corners, in half widths: the drawn presenters' at rest, a photographed smile's
_WIDEST_OPENING: Final = 0.62  # of half the mouth's width
_ROUNDED_OPENING: Final = 0.5
_UPPER_SHARE: Final = 0.2  # of the opening that the upper lip gives; the lower lip gives the rest
_JAW_SHARE: Final = 0.82  # of the lower lip's way that the chin follows
_WIDTHS: Final = (0.70, 0.85, 1.0, 1.045, 1.09)  # by width step; of the mouth's width at rest
_ROUNDNESS: Final = (1.0, 0.5, 0.0, 0.0, 0.0)
_COLUMNS: Final = 97  # of the lips' curves from corner to corner


class _Shape(NamedTuple):
    """`opening` is the gap in the middle and `corner_drop` the way down of the corners, both in half mouth widths."""

    opening: float
    width: float
    roundness: float
    pressed: bool
    on_teeth: bool
    corner_drop: float


class _Lips(NamedTuple):
    """By column of a grid: in the still picture (`u` from corner to corner -1 to 1), and where they are to be."""

    u: Field
    source_upper: Field
    source_lower: Field
    upper: Field
    lower: Field
    upper_outer_from: Field
    upper_outer: Field
    lower_outer_from: Field
    lower_outer: Field
    shift: Field  # of everything at the column: up or down with the corners


def mouth_rect(places: MouthPlaces, place: Placement, width: int, height: int) -> Rect:
    """The region of a frame of `width` x `height` that a mouth shape changes."""
    line = places.upper_inner
    middle, half = (line[0][0] + line[-1][0]) / 2, (line[-1][0] - line[0][0]) / 2
    aside = max(places.jaw_half_width, 1.75 * half)
    return even_rect(
        place.x(middle - aside),
        place.y(places.nose_y),
        place.x(middle + aside),
        place.y(places.neck_y),
        width,
        height,
    )


@dataclass
class MouthDrawing:
    """Draws the mouth over the still picture."""

    still: Still
    places: MouthPlaces
    placement: Placement
    rect: Rect

    def __post_init__(self) -> None:
        place, places = self.placement, self.places
        curves = [
            place.curve(curve)
            for curve in (places.upper_outer, places.upper_inner, places.lower_inner, places.lower_outer)
        ]
        left, right = curves[1][0][0], curves[1][-1][0]
        self._middle, self._half = (left + right) / 2, (right - left) / 2
        at = np.linspace(left, right, _COLUMNS, dtype=np.float32)
        self._outer_up, self._inner_up, self._inner_low, self._outer_low = (through(curve, at, 6) for curve in curves)
        self._inner_low = np.maximum(self._inner_low, self._inner_up)
        self._outer_up = np.minimum(self._outer_up, self._inner_up - 0.02 * self._half)
        self._outer_low = np.maximum(self._outer_low, self._inner_low + 0.02 * self._half)
        self._u = np.linspace(-1, 1, _COLUMNS, dtype=np.float32)
        seam = 0.45 * self._inner_up + 0.55 * self._inner_low
        middle = float(seam[_COLUMNS // 2])
        self._elevation = (
            middle - float(seam[0] + seam[-1]) / 2
        ) / self._half  # of the corners: a smile, if it is large
        self._smiles_more = float(np.interp(self._elevation, _SMILING, (1, 0)))  # who smiles already smiles no wider
        self.parted = float((self._inner_low - self._inner_up).max()) / self._half > 0.07
        self._nose, self._chin = place.y(places.nose_y), place.y(places.chin_y)
        self._neck, self._jaw_side = place.y(places.neck_y), places.jaw_half_width * place.scale
        lips = StillLips(left, right, self._inner_up, self._inner_low, self.parted)
        self._inside = MouthInside(self.still, places, lips)

    def draw(self, mouth: Mouth, smile: int) -> Picture:
        """The region `rect` with the mouth in a shape: (rect.height, rect.width, 3)."""
        rect, shape = self.rect, self._shape_of(mouth, smile)
        step = max(round(self._half / 18), 1)
        rows, columns = -(-rect.height // step), -(-rect.width // step)
        # The nodes lie so that scaling the grid up puts them back in their places.
        x = rect.left + (np.arange(columns, dtype=np.float32) + 0.5) * step - 0.5
        y = (rect.top + (np.arange(rows, dtype=np.float32) + 0.5) * step - 0.5)[:, None]
        coarse = self._lips(x, shape)
        above = y - coarse.upper - coarse.shift
        near = np.exp(-((above / np.where(above < 0, 0.5 * self._half, 0.9 * self._half)) ** 2))
        near = near * smooth_step(self._nose, self._nose + 0.5 * self._half, y)
        source_x = self._middle + (x - self._middle) * (1 + (1 / shape.width - 1) * self._aside(x) * near)
        upper_y, lower_y = self._from_above(y, coarse), self._from_below(x, y, coarse, shape)
        size = (columns * step, rows * step)
        map_x, map_upper, map_lower = (
            cv2.resize(np.asarray(grid, np.float32), size, interpolation=cv2.INTER_LINEAR)[: rect.height, : rect.width]
            for grid in (source_x, upper_y, lower_y)
        )

        x = np.arange(rect.left, rect.right, dtype=np.float32)
        y = np.arange(rect.top, rect.bottom, dtype=np.float32)[:, None]
        lips = self._lips(x, shape)
        # A pixel of the gap's edge takes its colour from the lip that it touches, not from beyond it.
        within = np.abs(lips.u) < 1
        most = np.where(within, lips.source_upper, np.inf).astype(np.float32)
        least = np.where(within, lips.source_lower, -np.inf).astype(np.float32)
        parting = (lips.upper + lips.lower) / 2 + lips.shift
        map_y = np.where(y < parting, np.minimum(map_upper, most), np.maximum(map_lower, least))
        drawn = self.still.at(np.asarray(map_x, np.float32), map_y)
        inside = Inside(lips.u, lips.upper + lips.shift, lips.lower + lips.shift, shape.opening, shape.roundness)
        self._inside.draw(drawn, rect, inside)
        if shape.opening == 0 and (shape.pressed or self.parted):
            self._seam(
                drawn, y, np.asarray(parting, np.float32), within.astype(np.float32), 0.22 if shape.pressed else 0.3
            )
        return np.asarray(np.clip(drawn + 0.5, 0, 255), dtype=np.uint8)

    def _shape_of(self, mouth: Mouth, smile: int) -> _Shape:
        roundness = _ROUNDNESS[mouth.width]
        smiling = self._smiles_more * smile / (SMILE_STEPS - 1) * (1 - 0.8 * roundness)
        opening = mouth.opening / (MOUTH_OPENINGS - 1)
        opening *= _WIDEST_OPENING + (_ROUNDED_OPENING - _WIDEST_OPENING) * roundness
        drop = 0.9 * max(self._elevation, 0) * roundness - 0.18 * smiling + 0.03 * opening
        if self.parted and mouth.opening + smile == 0:
            drop += 0.25 * max(self._elevation, 0)
        width = _WIDTHS[mouth.width] + 0.09 * smiling
        pressed, on_teeth = mouth.contact is Contact.LIPS, mouth.contact is Contact.TEETH
        return _Shape(0.0 if pressed else opening, width - 0.015 * pressed, roundness, pressed, on_teeth, drop)

    def _aside(self, x: Field) -> Field:
        """How far a column takes part in getting narrower or wider."""
        return smooth_step(1.7 * self._half, 0.8 * self._half, np.abs(x - self._middle))

    def _lips(self, x: Field, shape: _Shape) -> _Lips:
        half = self._half
        u = (x - self._middle) / half * (1 + (1 / shape.width - 1) * self._aside(x))
        outer_up, inner_up, inner_low, outer_low = (
            np.interp(u, self._u, curve) for curve in (self._outer_up, self._inner_up, self._inner_low, self._outer_low)
        )
        seam = 0.45 * inner_up + 0.55 * inner_low
        arch = np.clip(1 - u * u, 0, 1)
        gap = arch ** (0.57 - 0.17 * shape.roundness)
        opening = shape.opening * half
        upper, lower = seam - _UPPER_SHARE * opening * gap, seam + (1 - _UPPER_SHARE) * opening * gap
        if shape.on_teeth:
            upper, lower = seam - 0.10 * half * gap, seam - 0.015 * half * gap
        # Pressed lips roll in, rounded ones push out.
        roll = 0.3 * shape.pressed * arch
        source_upper = inner_up - roll * (inner_up - outer_up) - (0.02 * half * arch if self.parted else 0)
        source_lower = inner_low + (roll + 0.35 * shape.on_teeth * arch) * (outer_low - inner_low)
        fuller = (0.22 * shape.roundness - 0.12 * shape.pressed) * arch
        upper_outer = outer_up + 0.85 * (upper - inner_up) - fuller * (inner_up - outer_up)
        lower_outer = outer_low + 0.92 * (lower - inner_low) + fuller * (outer_low - inner_low)
        beyond = np.exp(-((np.maximum(np.abs(u) - 1, 0) / 0.45) ** 2))
        shift = shape.corner_drop * half * np.minimum(u * u, 1) * beyond
        fields = (u, source_upper, source_lower, upper, lower, outer_up, upper_outer, outer_low, lower_outer, shift)
        return _Lips(*(np.asarray(field, np.float32) for field in fields))

    def _from_above(self, y: Field, lips: _Lips) -> Field:
        """Source rows of what is above the parting."""
        top = lips.upper + lips.shift
        y = y - lips.shift * np.exp(-((np.maximum(top - y, 0) / (0.9 * self._half)) ** 2))
        inner, outer = lips.upper - lips.source_upper, lips.upper_outer - lips.upper_outer_from
        rise = outer * smooth_step(self._nose, np.maximum(lips.upper_outer, self._nose + 2), y)
        inward = np.clip((y - lips.upper_outer) / np.maximum(lips.upper - lips.upper_outer, 0.5), 0, 1)
        return np.asarray(y - (rise + (inner - rise) * inward), np.float32)

    def _from_below(self, x: Field, y: Field, lips: _Lips, shape: _Shape) -> Field:
        """Source rows of what is below the parting."""
        half = self._half
        bottom = lips.lower + lips.shift
        y = y - lips.shift * np.exp(-((np.maximum(y - bottom, 0) / (0.9 * half)) ** 2))
        inner, outer = lips.lower - lips.source_lower, lips.lower_outer - lips.lower_outer_from
        outward = np.clip((y - lips.lower) / np.maximum(lips.lower_outer - lips.lower, 0.5), 0, 1)
        lip = inner + (outer - inner) * outward
        lip = lip * smooth_step(lips.lower_outer + 0.75 * half, lips.lower_outer, y)
        jaw = _JAW_SHARE * (1 - _UPPER_SHARE) * shape.opening * half
        aside = smooth_step(self._jaw_side, 0.3 * self._jaw_side, np.abs(x - self._middle))
        seam = np.interp(np.clip(lips.u, -1, 1), self._u, self._inner_low)
        along = smooth_step(seam, seam + 0.9 * (self._chin - seam), y) * smooth_step(
            self._neck, self._chin + 0.2 * (self._neck - self._chin) + jaw, y
        )
        follow = jaw * aside * along
        share = np.clip(lip / jaw, 0, 1) if jaw > 0 else 0
        return np.asarray(y - (lip + follow * (1 - share)), np.float32)

    def _seam(self, drawn: Field, y: Field, parting: Field, within: Field, depth: float) -> None:
        """The dark line of lips that touch."""
        line = np.exp(-(((y - parting) / max(0.022 * self._half, 0.8)) ** 2)) * within
        drawn *= (1 - depth * line)[..., None]
