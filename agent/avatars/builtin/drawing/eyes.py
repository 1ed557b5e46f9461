"""Eyes: brows raised, irises turned, lids drawn down over them with their lashes."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step, through
from agent.avatars.builtin.drawing.eyeball import Eyeball
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.drawing.pictures import Picture, Still
from agent.avatars.builtin.face_state import AHEAD, BROW_STEPS, GAZE_STEPS_DOWN, SMILE_STEPS, Gaze
from agent.avatars.builtin.portrait_file import EyePlaces
from agent.avatars.builtin.presenters import Placement

_CLOSURES: Final = (0.0, 0.3, 0.62, 0.9, 1.0)  # by lid step
_UPPER_WAY: Final = 0.93  # of the eye's height; the lower lid comes up the rest
_SQUINT: Final = 0.22  # of the eye's height that the lower lid comes up in a full smile
_LID_WITH_GAZE: Final = 0.16  # of the eye's height that the upper lid follows the lowest gaze
_BROW_LIFT: Final = 0.16  # of the eye's width


def eyes_rect(eyes: tuple[EyePlaces, EyePlaces], place: Placement, width: int, height: int) -> Rect:
    """The region of a frame of `width` x `height` that lids, irises and brows change."""
    points = [point for eye in eyes for point in (*eye.upper, *eye.lower)]
    brows = [point for eye in eyes for point in eye.brow]
    eye_width = _width(eyes[0])
    return even_rect(
        place.x(min(x for x, _ in points + brows) - 0.4 * eye_width),
        place.y(min(y for _, y in brows) - 1.1 * eye_width),
        place.x(max(x for x, _ in points + brows) + 0.4 * eye_width),
        place.y(max(y for _, y in points) + 0.3 * eye_width),
        width,
        height,
    )


@dataclass
class EyesDrawing:
    """Draws both eyes over the still picture."""

    still: Still
    eyes: tuple[EyePlaces, EyePlaces]
    placement: Placement
    rect: Rect

    def __post_init__(self) -> None:
        self._drawings = [_Eye(self.still, eye, self.placement, self.rect) for eye in self.eyes]

    def draw(self, lids: int, gaze: Gaze, brows: int, smile: int) -> Picture:
        """The region `rect`: (rect.height, rect.width, 3)."""
        drawn = self._with_brows(brows / (BROW_STEPS - 1)).astype(np.float32)
        squint = _SQUINT * smile / (SMILE_STEPS - 1)
        for eye in self._drawings:
            eye.draw(drawn, self.rect, _CLOSURES[lids], gaze, squint)
        return np.asarray(np.clip(drawn + 0.5, 0, 255), dtype=np.uint8)

    def _with_brows(self, lift: float) -> Picture:
        rect = self.rect
        if lift == 0:
            return self.still.crop(rect)
        step = 4
        rows, columns = -(-rect.height // step), -(-rect.width // step)
        x = rect.left + (np.arange(columns, dtype=np.float32) + 0.5) * step - 0.5
        y = (rect.top + (np.arange(rows, dtype=np.float32) + 0.5) * step - 0.5)[:, None]
        left, right = (eye.brow_lift(x, y) for eye in self._drawings)
        up = left + right - left * right
        source_y = y + up * (lift * _BROW_LIFT * _width(self.eyes[0]) * self.placement.scale)
        size = (columns * step, rows * step)
        map_y = np.asarray(cv2.resize(source_y.astype(np.float32), size), np.float32)[: rect.height, : rect.width]
        map_x = np.broadcast_to(np.arange(rect.left, rect.right, dtype=np.float32), map_y.shape)
        return np.asarray(np.clip(self.still.at(map_x, map_y), 0, 255), np.uint8)


class _Eye:
    def __init__(self, still: Still, eye: EyePlaces, place: Placement, rect: Rect) -> None:
        self._still = still
        self._upper, self._lower, self._brow = (place.curve(curve) for curve in (eye.upper, eye.lower, eye.brow))
        self._left, self._right = self._upper[0][0], self._upper[-1][0]
        self._crease, self._lash = eye.crease_height * place.scale, max(eye.lash_height * place.scale, 1.0)
        self._width = self._right - self._left
        iris = (place.x(eye.iris[0]), place.y(eye.iris[1]), eye.iris[2] * place.scale)
        top, bottom = min(y for _, y in self._upper), max(y for _, y in self._lower)
        margin = 0.12 * self._width
        self._box = Rect(
            max(int(self._left - margin), rect.left),
            max(int(top - 1.6 * self._crease - 2), rect.top),
            min(int(self._right + margin) + 1, rect.right),
            min(int(bottom + 0.30 * self._width) + 1, rect.bottom),
        )
        x = np.arange(self._box.left, self._box.right, dtype=np.float32)
        self._x = x
        self._y = np.arange(self._box.top, self._box.bottom, dtype=np.float32)[:, None]
        self._top_edge, self._bottom_edge = through(self._upper, x), through(self._lower, x)
        self._bottom_edge = np.maximum(self._bottom_edge, self._top_edge)
        self._within = smooth_step(self._left - 1, self._left + 2, x) * smooth_step(self._right + 1, self._right - 2, x)
        self._ball = Eyeball(still, self._box, self._top_edge, self._bottom_edge, iris)
        self._skin = self._lid_skin(place.scale)
        self._fold_skin = cv2.blur(
            self._still.at(self._x[None, :], self._top_edge[None, :] - self._lash - 0.8 * self._crease), (5, 1)
        )
        self._lashes = self._lash_colour()

    def brow_lift(self, x: Field, y: Field) -> Field:
        """Share of the lift that each place takes part in."""
        middle = through(self._brow, x, 2)
        reach = 0.75 * self._width
        inner_outer = smooth_step(self._brow[0][0] - reach, self._brow[0][0] + 0.1 * reach, x)
        inner_outer = inner_outer * smooth_step(self._brow[-1][0] + reach, self._brow[-1][0] - 0.1 * reach, x)
        lid = np.interp(x, self._x, self._top_edge) - self._lash
        above = smooth_step(middle - 1.0 * self._width, middle - 0.15 * self._width, y)
        below = smooth_step(lid, middle + 0.05 * self._width, y)
        return np.asarray(above * below * inner_outer, np.float32)

    def draw(self, drawn: Field, rect: Rect, closure: float, gaze: Gaze, squint: float) -> None:
        """Over `drawn`, the region `rect`."""
        box = self._box
        region = drawn[box.top - rect.top : box.bottom - rect.top, box.left - rect.left : box.right - rect.left]
        height = np.maximum(self._bottom_edge - self._top_edge, 0.1)
        follow = _LID_WITH_GAZE * max(gaze.down, 0) / GAZE_STEPS_DOWN
        upper_way = closure * _UPPER_WAY + follow * (1 - closure)
        if gaze != AHEAD:
            self._ball.draw(region, gaze)
        lower_way = closure * (1 - _UPPER_WAY) + squint * (1 - closure)
        if lower_way > 0:
            self._raise_lower(region, height, lower_way)
        if upper_way > 0:
            self._lower_upper(region, height, upper_way)

    def _raise_lower(self, region: Field, height: Field, way: float) -> None:
        """The skin below the eye moved up over it."""
        rise = way * height * self._within
        edge = self._bottom_edge - rise
        fall = smooth_step(self._bottom_edge + 0.28 * self._width, self._bottom_edge, self._y)
        moved = self._at(np.maximum(self._y + rise * fall, self._bottom_edge - 1))
        cover = smooth_step(-1.0, 1.0, self._y - edge) * self._within
        region += (moved - region) * cover[..., None]

    def _lower_upper(self, region: Field, height: Field, way: float) -> None:
        """The upper lid with its lashes; above it the skin that it unfolds from."""
        y, lash, crease = self._y, self._lash, self._crease
        edge = self._top_edge + height * way * self._within
        top = self._top_edge - lash
        # The lash line travels as it is. Behind it the lid: skin, lighter where it is round, darker where it folds in.
        moved = self._at(y - (edge - self._top_edge))
        fold = top - 0.6 * crease
        span = np.clip((y - fold) / np.maximum(edge - lash - fold, 1), 0, 1)
        # It begins in the colour that is there, dips where it folds in, is lightest where it is round.
        round_ = 1 - 0.10 * np.exp(-(((span - 0.16) / 0.10) ** 2)) + 0.03 * np.sin(np.pi * span) - 0.09 * span**3
        begins = smooth_step(0.75, 0.0, span)[..., None]
        lid = (self._skin + (self._fold_skin - self._skin) * begins) * round_[..., None]
        soft = max(0.7, 0.014 * self._width)
        lashes = smooth_step(-soft, soft, y - (edge - lash))
        skin = lid + (moved - lid) * (lashes * (1 - 0.3 * way))[..., None]
        taper = 0.45 + 0.55 * np.sqrt(self._within * np.clip(height / (0.5 * height.max()), 0, 1))
        line = (0.45 + 0.35 * way) * np.exp(-(((y - edge + 0.4 * lash) / (0.42 * lash * taper)) ** 2))
        skin += (self._lashes - skin) * line[..., None]
        # Where the lid stays near its place the picture's own skin shows through.
        unfolded = smooth_step(0.0, 0.5 * crease, edge - self._top_edge)
        cover = self._within * smooth_step(-0.9 * crease, -0.1 * crease, y - top) * unfolded
        cover = np.maximum(cover, self._within * lashes)
        cover = cover * smooth_step(-soft, soft, edge + 0.5 * soft - y)
        shadow = self._within * smooth_step(0.16 * self._width, 0, y - edge) * smooth_step(-soft, soft, y - edge)
        shadow = shadow * smooth_step(-soft, soft, self._bottom_edge - y) * (0.2 * way)
        region *= 1 - shadow[..., None]
        region += (skin - region) * cover[..., None]

    def _lid_skin(self, scale: float) -> Field:
        """Colour of the closed lid by column (1, n, 3): of the skin above the crease and below the eye."""
        column = self._x[None, :]
        above = self._still.at(column, self._top_edge[None, :] - 1.3 * self._crease)
        below = self._still.at(column, self._bottom_edge[None, :] + 0.30 * self._width)
        mixed = 0.72 * above + 0.28 * below
        # Lashes and shadows must not show as stripes.
        bright = np.median(mixed, axis=1, keepdims=True)
        mixed = 0.5 * mixed + 0.5 * bright
        return np.asarray(
            cv2.GaussianBlur(mixed, (0, 0), max(8 * scale, 2), borderType=cv2.BORDER_REPLICATE), np.float32
        )

    def _lash_colour(self) -> Field:
        """Blue, green, red of the darkest that the edge of the upper lid has."""
        middle = slice(self._x.size // 4, -(self._x.size // 4))
        rows = self._top_edge[middle] + np.linspace(-self._lash, 0.5 * self._lash, 5, dtype=np.float32)[:, None]
        edge = self._still.at(np.broadcast_to(self._x[middle], rows.shape), rows).reshape(-1, 3)
        darkest = edge[edge.sum(1) <= np.percentile(edge.sum(1), 20)].mean(0)
        return np.asarray(np.minimum(darkest, 0.45 * self._skin.mean((0, 1))), np.float32)

    def _at(self, y: Field) -> Field:
        x = np.broadcast_to(self._x, y.shape)
        return self._still.at(x, np.asarray(y, np.float32))


def _width(eye: EyePlaces) -> float:
    return eye.upper[-1][0] - eye.upper[0][0]
