"""What is seen between parted lips: the dark, the tongue, the lower teeth, and the upper ones, fast to the skull."""

from typing import Final, NamedTuple

import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step
from agent.avatars.builtin.drawing.i420 import Rect
from agent.avatars.builtin.drawing.pictures import Still
from agent.avatars.builtin.portrait_file import MouthPlaces

# Blue, green, red in full light.
_DEEP: Final = np.array([20, 14, 40], np.float32)
_GUM: Final = np.array([44, 36, 92], np.float32)
_TONGUE: Final = np.array([98, 96, 182], np.float32)

_TEETH_EDGES: Final = (0.0, 0.30, 0.53, 0.72)  # between neighbours, in half mouth widths from the middle
_UPPER_LENGTH: Final = 0.15  # of the front teeth below the parting, in half mouth widths


class Inside(NamedTuple):
    """A gap between lips, by column: `u` across, `upper` and `lower` in rows of the frame; `opening` in half mouth widths."""

    u: Field
    upper: Field
    lower: Field
    opening: float
    roundness: float


class StillLips(NamedTuple):
    """Inner edges of the lips in the still picture, rows of the frame, in even steps from `left` to `right`."""

    left: float
    right: float
    upper: Field
    lower: Field
    parted: bool


class MouthInside:
    """Draws into a picture of the mouth's region."""

    def __init__(self, still: Still, places: MouthPlaces, lips: StillLips) -> None:
        """Lips that are parted in the still picture show teeth, which are then used."""
        self._still = still
        self._lips = lips
        self._half = (lips.right - lips.left) / 2
        self._teeth = np.array(places.teeth, np.float32)
        self._light = float(self._teeth.max()) / 235

    def draw(self, drawn: Field, rect: Rect, gap: Inside) -> None:
        """Over `drawn`, the region `rect`, where the lips are apart."""
        half = self._half
        columns = np.flatnonzero((np.abs(gap.u) < 1) & (gap.lower - gap.upper > 0.2))
        if columns.size == 0:
            return
        left, right = int(columns[0]), int(columns[-1]) + 1
        top = max(int(gap.upper[left:right].min()) - 2 - rect.top, 0)
        bottom = min(int(gap.lower[left:right].max()) + 3 - rect.top, rect.height)
        u, upper, lower = gap.u[left:right], gap.upper[left:right], gap.lower[left:right]
        y = np.arange(rect.top + top, rect.top + bottom, dtype=np.float32)[:, None]
        soft = max(0.7, 0.022 * half)  # lips are round: no edge between them and the dark is hard
        cover = smooth_step(-0.6 * soft, soft, y - upper) * smooth_step(-0.6 * soft, soft, lower - y)
        cover *= smooth_step(1.0, 0.94, np.abs(u)) * smooth_step(0, 1.8 * soft, lower - upper)
        colour = self._colours(y, u, upper, lower, gap)
        if self._lips.parted:
            self._own_teeth(colour, np.arange(rect.left + left, rect.left + right, dtype=np.float32), y)
        # The lips throw a shadow into the mouth.
        shade = 1 - 0.45 * np.exp(-np.maximum(y - upper, 0) / (0.07 * half))
        region = drawn[top:bottom, left:right]
        region += (colour * shade[..., None] - region) * cover[..., None]

    def _colours(self, y: Field, u: Field, upper: Field, lower: Field, gap: Inside) -> Field:
        half, opening = self._half, gap.opening * self._half
        depth = np.clip((y - upper) / np.maximum(lower - upper, 1), 0, 1)[..., None]
        colour = (_DEEP + (_GUM - _DEEP) * depth**3) * (0.6 + 0.4 * self._light)

        # The tongue lies on the floor of the mouth and shows once it is open enough.
        tongue_top = lower - 0.58 * opening * np.sqrt(np.clip(1 - (u / 0.74) ** 2, 0, 1))
        tongue = smooth_step(0, 0.16 * half, y - tongue_top) * smooth_step(0.14, 0.42, gap.opening)
        round_ = 0.5 + 0.5 * smooth_step(0.75, 0.05, np.abs(u)) - 0.12 * np.exp(-((u / 0.06) ** 2))
        colour = colour + (_TONGUE * self._light * round_[..., None] - colour) * (0.8 * tongue)[..., None]

        # Lower teeth ride on the jaw and show in spread shapes, dim behind the lip.
        low_edge = lower - (0.085 - 0.05 * u * u) * half
        low = smooth_step(-1, 1, y - low_edge) * smooth_step(0.62, 0.4, np.abs(u)) * smooth_step(0.12, 0.3, gap.opening)
        low *= 1 - gap.roundness
        colour = colour + (self._teeth * 0.6 * self._gaps(u, 0.19) - colour) * (0.6 * low)[..., None]

        if self._lips.parted:
            return np.asarray(colour, np.float32)

        # Upper teeth: as they come out the lip uncovers them; their own line is a shallow bow with the canines' points.
        middle = float(upper[u.size // 2]) + 0.2 * opening
        bow = middle + half * (_UPPER_LENGTH - 0.10 * u * u + 0.008 * np.cos(2 * np.pi * u / 0.30))
        edge = np.minimum(bow, lower + 2) if gap.opening < 0.01 else bow
        soft = max(0.7, 0.016 * half)
        teeth = smooth_step(-soft, soft, edge - y) * smooth_step(0.93, 0.70, np.abs(u))
        teeth *= 1 - 0.72 * gap.roundness
        light = 1.02 - 0.5 * np.abs(u) ** 1.8 - 0.10 * smooth_step(0.5, 0, (edge - y) / (0.10 * half))
        return np.asarray(
            colour + (self._teeth * light[..., None] * self._gaps(u, 0.30) - colour) * teeth[..., None], np.float32
        )

    def _gaps(self, u: Field, front: float) -> Field:
        """Brightness by column (1, n, 1): teeth are dimmer where they meet; `front` is the width of the first one."""
        scale = front / _TEETH_EDGES[1]
        dim = np.zeros_like(u)
        for edge in _TEETH_EDGES:
            dim += 0.08 * np.exp(-(((np.abs(u) - edge * scale) / 0.024) ** 2))
        return np.asarray(1 - dim, np.float32)[None, :, None]

    def _own_teeth(self, colour: Field, x: Field, y: Field) -> None:
        """Teeth that the picture shows stay where they are, and are seen as far as the lips part now."""
        lips, soft = self._lips, max(0.7, 0.02 * self._half)
        at = np.linspace(lips.left, lips.right, lips.upper.size)
        upper, lower = np.interp(x, at, lips.upper), np.interp(x, at, lips.lower)
        seen = smooth_step(0, 2 * soft, y - upper) * smooth_step(-soft, 1.5 * soft, lower - y - soft)
        seen *= smooth_step(0, 2 * soft, lower - upper)
        own = self._still.at(*np.meshgrid(x, y[:, 0]))
        colour += (own - colour) * seen[..., None]
