"""Lids: the skin above each eye drawn down over it, its lash line with it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.curves import smooth_step, through
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.presenters import EyePlaces, Placement

_CLOSURES: Final = (0.0, 0.3, 0.62, 0.88, 1.0)  # by lid step


@dataclass(frozen=True)
class LidDrawing:
    """Draws the lids over a still picture (height, width, 3), blue green red."""

    still: NDArray[np.uint8]
    eyes: tuple[EyePlaces, ...]
    placement: Placement

    @property
    def rect(self) -> Rect:
        """The region that holds both eyes."""
        place = self.placement
        points = [point for eye in self.eyes for point in (*eye.upper, *eye.lower)]
        crease = max(eye.crease_height for eye in self.eyes) * 2.5
        height, width = self.still.shape[:2]
        return even_rect(
            place.x(min(x for x, _ in points)) - 6,
            place.y(min(y for _, y in points) - crease),
            place.x(max(x for x, _ in points)) + 6,
            place.y(max(y for _, y in points)) + 8,
            width,
            height,
        )

    def draw(self, lids: int) -> NDArray[np.uint8]:
        """The region `rect` with the lids at a step: (rect.height, rect.width, 3)."""
        rect = self.rect
        drawn = self.still[rect.top : rect.bottom, rect.left : rect.right].astype(np.float32)
        for eye in self.eyes:
            self._draw_eye(drawn, eye, _CLOSURES[lids], rect)
        return np.asarray(np.clip(drawn + 0.5, 0, 255), dtype=np.uint8)

    def _draw_eye(self, drawn: NDArray[np.float32], eye: EyePlaces, closure: float, rect: Rect) -> None:
        place = self.placement
        upper_curve, lower_curve = place.curve(eye.upper), place.curve(eye.lower)
        x, y = np.meshgrid(
            np.arange(rect.left, rect.right, dtype=np.float32), np.arange(rect.top, rect.bottom, dtype=np.float32)
        )
        upper, lower = through(upper_curve, x), through(lower_curve, x)
        crease, lash = eye.crease_height * place.scale, eye.lash_height * place.scale
        left, right = upper_curve[0][0], upper_curve[-1][0]
        within = smooth_step(left - 2, left + 1, x) * smooth_step(right + 2, right - 1, x)

        edge = upper + (lower - upper) * closure * 0.94
        top = upper - crease
        # The lash line travels as it is; the skin between it and the crease stretches.
        stretch = (upper - lash - top) / np.maximum(edge - lash - top, 0.1)
        source_y = np.where(y > edge - lash, y - (edge - upper), top + (y - top) * stretch)
        skin = cv2.remap(self.still, x, source_y.astype(np.float32), cv2.INTER_LINEAR).astype(np.float32)

        # Between old and new lid edge the skin is the lid's own: even, rounder light in its middle.
        span = np.clip((y - upper + lash) / np.maximum(edge - upper, 0.5), 0, 1)
        round_light = 1.02 - 0.10 * np.abs(span - 0.4)
        skin *= np.where(y < edge - lash, round_light, 1.0)[..., None]

        soft = max(0.7, 1.0 * place.scale)
        cover = within * smooth_step(-soft, soft, y - top) * smooth_step(-soft, soft, edge + 0.12 * lash - y)
        cover *= smooth_step(0, 1.5 * soft, edge - upper)
        shadow = within * smooth_step(5 * soft, 0, y - edge) * smooth_step(-soft, soft, y - edge) * 0.22
        shadow *= smooth_step(-soft, soft, lower - y) * closure
        drawn *= 1 - shadow[..., None]
        drawn += (skin - drawn) * cover[..., None]
