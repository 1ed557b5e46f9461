"""Lids: the skin above each eye drawn down over it, its lash line with it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step, through
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.drawing.pictures import Picture, Still
from agent.avatars.builtin.presenters import EyePlaces, Placement

_CLOSURES: Final = (0.0, 0.3, 0.62, 0.88, 1.0)  # by lid step
_FOLD: Final = 0.78  # brightness of the lid where it folds in
_LASHES: Final = np.array([16, 20, 36], np.float32)  # blue, green, red


def lids_rect(eyes: tuple[EyePlaces, ...], place: Placement, width: int, height: int) -> Rect:
    """The region of a frame of `width` x `height` that holds all eyes and the skin that the lids take their colour from."""
    points = [point for eye in eyes for point in (*eye.upper, *eye.lower)]
    crease = max(eye.crease_height for eye in eyes) * 2.0
    return even_rect(
        place.x(min(x for x, _ in points)) - 6,
        place.y(min(y for _, y in points) - crease),
        place.x(max(x for x, _ in points)) + 6,
        place.y(max(y for _, y in points) + crease),
        width,
        height,
    )


@dataclass(frozen=True)
class LidDrawing:
    """Draws the lids over the still picture."""

    still: Still
    eyes: tuple[EyePlaces, ...]
    placement: Placement

    def draw(self, lids: int, rect: Rect) -> Picture:
        """The region `rect`, which holds `lids_rect`, with the lids at a step: (rect.height, rect.width, 3)."""
        drawn = self.still.crop(rect).astype(np.float32)
        for eye in self.eyes:
            self._draw_eye(drawn, eye, _CLOSURES[lids], rect)
        return np.asarray(np.clip(drawn + 0.5, 0, 255), dtype=np.uint8)

    def _draw_eye(self, drawn: Field, eye: EyePlaces, closure: float, rect: Rect) -> None:
        place = self.placement
        upper_curve, lower_curve = place.curve(eye.upper), place.curve(eye.lower)
        x, y = np.meshgrid(
            np.arange(rect.left, rect.right, dtype=np.float32), np.arange(rect.top, rect.bottom, dtype=np.float32)
        )
        upper, lower = through(upper_curve, x), through(lower_curve, x)
        crease, lash = eye.crease_height * place.scale, eye.lash_height * place.scale
        left, right = upper_curve[0][0], upper_curve[-1][0]
        within = smooth_step(left - 2, left + 1, x) * smooth_step(right + 2, right - 1, x)

        edge = upper + (lower - upper) * closure
        top = upper - lash
        # The lash line travels as it is. The lid that unfolds behind it has the colour of the skin around the eye,
        # lighter where it is round, darker where it folds in.
        moved = self.still.at(x, y - (edge - upper))
        column = x[:1]
        above = self.still.at(column, through(upper_curve, column) - 1.7 * crease)
        below = self.still.at(column, through(lower_curve, column) + 1.5 * crease)
        colour = cv2.GaussianBlur(0.35 * above + 0.65 * below, (0, 0), 8 * place.scale, borderType=cv2.BORDER_REPLICATE)
        span = np.clip((y - top) / np.maximum(edge - lash - top, 1), 0, 1)
        lid = colour * (_FOLD + (1.0 - _FOLD) * np.sin(np.pi * (0.12 + 0.76 * span)))[..., None]

        soft = max(0.7, 1.0 * place.scale)
        lashes = smooth_step(-soft, soft, y - (edge - lash))
        skin = lid + (moved - lid) * lashes[..., None]
        line = 0.85 * np.exp(-(((y - edge + 0.35 * lash) / (0.4 * lash)) ** 2))
        skin += (_LASHES - skin) * line[..., None]
        cover = within * smooth_step(-0.35 * crease, 0.35 * crease, y - top) * smooth_step(-soft, soft, edge + soft - y)
        cover *= smooth_step(0, 1.5 * soft, edge - upper)
        shadow = within * smooth_step(5 * soft, 0, y - edge) * smooth_step(-soft, soft, y - edge) * 0.22
        shadow *= smooth_step(-soft, soft, lower - y) * closure
        drawn *= 1 - shadow[..., None]
        drawn += (skin - drawn) * cover[..., None]
