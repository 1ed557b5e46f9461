"""Mouth shapes: the picture's own lips, jaw and chin moved, and a mouth drawn between the parted lips.

Everything is in pixels of the frame; `opening` is the gap between the lips in the middle of the mouth.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step, through
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.drawing.pictures import Picture, Still
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, Mouth
from agent.avatars.builtin.presenters import MouthPlaces, Placement

_WIDEST_OPENING: Final = 0.64  # of half the mouth's width
_UPPER_SHARE: Final = 0.18  # of the opening that the upper lip gives; the lower lip gives the rest
_JAW_SHARE: Final = 0.52  # of the opening that the chin follows
_WIDTHS: Final = (0.74, 0.87, 1.0, 1.04, 1.07)  # by width step; of the mouth's width

# Blue, green, red.
_DEEP: Final = np.array([14, 10, 34], np.float32)
_GUM: Final = np.array([42, 34, 96], np.float32)
_TONGUE: Final = np.array([92, 92, 178], np.float32)
_TEETH: Final = np.array([208, 224, 234], np.float32)


def mouth_rect(places: MouthPlaces, place: Placement, width: int, height: int) -> Rect:
    """The region of a frame of `width` x `height` that a mouth shape changes."""
    middle = place.x((places.line[0][0] + places.line[-1][0]) / 2)
    side = places.jaw_half_width * place.scale + 4
    return even_rect(
        middle - side, place.y(places.nose_y) - 4, middle + side, place.y(places.neck_y) + 4, width, height
    )


@dataclass(frozen=True)
class MouthDrawing:
    """Draws the mouth over the still picture."""

    still: Still
    places: MouthPlaces
    placement: Placement

    def draw(self, mouth: Mouth, rect: Rect) -> Picture:
        """The region `rect`, which holds `mouth_rect`, with the mouth in a shape: (rect.height, rect.width, 3)."""
        place, places = self.placement, self.places
        opening_share = mouth.opening / (MOUTH_OPENINGS - 1)
        line = place.curve(places.line)
        middle, reach = (line[0][0] + line[-1][0]) / 2, (line[-1][0] - line[0][0]) / 2
        opening = opening_share * _WIDEST_OPENING * reach
        x, y = np.meshgrid(
            np.arange(rect.left, rect.right, dtype=np.float32), np.arange(rect.top, rect.bottom, dtype=np.float32)
        )

        # Across: the corners of the mouth come in or go out, and the cheeks beside them a little.
        level = float(through(line, np.array([middle], np.float32))[0])
        near = np.exp(-(((x - middle) / (1.45 * reach)) ** 4) - ((y - level - opening * 0.3) / (0.72 * reach)) ** 2)
        width = _WIDTHS[mouth.width]
        source_x = np.asarray(middle + (x - middle) * (1 + (1 / width - 1) * near), np.float32)

        # Down: lips part about their line, the chin follows the lower one.
        u = np.asarray((source_x - middle) / reach, np.float32)
        roundness = (0.4, 0.48, 0.57, 0.57, 0.57)[mouth.width]
        gap = np.asarray(np.clip(1 - u * u, 0, 1) ** roundness, np.float32)
        parting = through(line, source_x)
        upper, lower = parting - _UPPER_SHARE * opening * gap, parting + (1 - _UPPER_SHARE) * opening * gap
        rise = (
            _UPPER_SHARE
            * opening
            * gap
            * np.clip((y - place.y(places.nose_y)) / (upper - place.y(places.nose_y)), 0, 1)
        )
        drop = self._drop(x, y, parting, lower, opening, gap, middle, reach)
        in_upper = y < (upper + lower) / 2
        source_y = np.where(in_upper, y + rise, y - drop)
        # A pixel of the gap's edge takes its colour from the lip that it touches, not from beyond the line.
        source_y = np.where(in_upper, np.minimum(source_y, parting), np.maximum(source_y, parting))

        drawn = self.still.at(source_x, source_y)
        inside, cover = self._inside(u, y, parting, upper, lower, opening, reach)
        mixed = drawn + (inside - drawn) * cover[..., None]
        return np.asarray(np.clip(mixed + 0.5, 0, 255), dtype=np.uint8)

    def _drop(
        self, x: Field, y: Field, parting: Field, lower: Field, opening: float, gap: Field, middle: float, reach: float
    ) -> Field:
        """How far down each pixel at or below the mouth has come."""
        chin, neck = self.placement.y(self.places.chin_y), self.placement.y(self.places.neck_y)
        jaw = _JAW_SHARE * opening
        side = self.places.jaw_half_width * self.placement.scale
        aside = smooth_step(side, 0.35 * side, np.abs(x - middle))
        along = smooth_step(parting, chin - 0.1 * reach, y) * smooth_step(neck, chin + jaw + 2, y)
        follow = jaw * aside * along
        most = (1 - _UPPER_SHARE) * opening
        lip = most * gap * np.exp(-((np.maximum(y - lower, 0) / (0.8 * reach)) ** 3))
        return np.asarray(lip + follow - (lip * follow / most if most > 0 else 0), np.float32)

    def _inside(
        self, u: Field, y: Field, parting: Field, upper: Field, lower: Field, opening: float, reach: float
    ) -> tuple[Field, Field]:
        """Colours behind the lips (height, width, 3) and how much of each pixel they cover (0 to 1)."""
        soft = max(0.6, 0.02 * reach)  # lips are round: no edge between them and the dark is hard
        cover = smooth_step(-soft, soft, y - upper) * smooth_step(-soft, soft, lower - y)
        cover *= smooth_step(1.0, 0.93, np.abs(u)) * smooth_step(0, 2.2 * soft, lower - upper)
        depth = np.clip((y - upper) / np.maximum(lower - upper, 1), 0, 1)[..., None]
        colour = _DEEP + (_GUM - _DEEP) * depth**2

        # The tongue lies on the floor of the mouth and shows once it is open enough.
        tongue_top = lower - 0.42 * opening * np.sqrt(np.clip(1 - (u / 0.72) ** 2, 0, 1))
        tongue = smooth_step(0, 0.16 * reach, y - tongue_top) * smooth_step(0.12, 0.4, opening / reach)
        shade = 0.55 + 0.45 * smooth_step(0.75, 0.1, np.abs(u))
        colour = colour + (_TONGUE * shade[..., None] - colour) * (0.85 * tongue)[..., None]

        # The upper teeth are fast to the skull: they come out as the lips part.
        edge = parting + 0.115 * reach * (1 - 0.55 * u * u)
        teeth = smooth_step(-soft, soft, edge - y) * smooth_step(0.86, 0.66, np.abs(u))
        teeth *= smooth_step(0.0, 0.16, opening / reach)
        light = (0.97 - 0.42 * np.abs(u) ** 1.6) * (0.7 + 0.3 * smooth_step(0, 0.1 * reach, y - upper))
        colour = colour + (_TEETH * light[..., None] - colour) * teeth[..., None]
        return colour.astype(np.float32), cover
