"""An eye's ball between its lids: the white where the iris was, and the iris where it looks."""

from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.curves import Field, smooth_step
from agent.avatars.builtin.drawing.i420 import Rect
from agent.avatars.builtin.drawing.pictures import Still
from agent.avatars.builtin.face_state import Gaze

_STEP_ACROSS: Final = 0.27  # of the iris's radius, by gaze step
_STEP_DOWN: Final = 0.22
_RIM: Final = 1.14  # how far the iris's soft edge reaches, in radii


class Eyeball:
    """What lies behind the lids of one eye, within `box`."""

    def __init__(self, still: Still, box: Rect, upper: Field, lower: Field, iris: tuple[float, float, float]) -> None:
        """`upper` and `lower`: edges of the lids by column of the box; `iris`: middle and radius; pixels of the frame."""
        self._x = np.arange(box.left, box.right, dtype=np.float32)
        self._y = np.arange(box.top, box.bottom, dtype=np.float32)[:, None]
        self._iris = iris
        picture = still.at(*np.meshgrid(self._x, self._y[:, 0]))
        width = float(np.ptp(self._x))
        soft = max(0.6, 0.012 * width)
        inside = smooth_step(-0.5 * soft, soft, self._y - upper) * smooth_step(0, 1.5 * soft, lower - self._y)
        self._cover = (inside * smooth_step(0, 3 * soft, lower - upper))[..., None]
        x, y, radius = iris
        distance = np.hypot(self._x - x, self._y - y) / radius
        self._white = self._whitened(picture, distance, upper, lower)
        self._disc, self._disc_cover, self._disc_at = self._whole_iris(still, upper, lower, box)

    def draw(self, region: Field, gaze: Gaze) -> None:
        """Over `region`, the box: the ball, looking at `gaze`."""
        radius = self._iris[2]
        across, down = gaze.across * _STEP_ACROSS * radius, gaze.down * _STEP_DOWN * radius
        shift = np.array([[1, 0, self._disc_at[0] + across], [0, 1, self._disc_at[1] + down]], np.float32)
        size = (region.shape[1], region.shape[0])
        disc = cv2.warpAffine(self._disc, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(self._disc_cover, shift, size, flags=cv2.INTER_LINEAR)
        ball = self._white + (disc - self._white) * cover[..., None]
        region += (ball - region) * self._cover

    def _whitened(self, picture: Field, distance: Field, upper: Field, lower: Field) -> Field:
        """The ball without its iris: row by row from the white at its left to that at its right, and darker under the
        upper lid, as it is there."""
        x, _, radius = self._iris
        at = np.array([x - 1.3 * radius, x + 1.3 * radius]) - float(self._x[0])
        columns = np.clip(np.round(at).astype(int), 1, picture.shape[1] - 2)
        sides = []
        for column in columns:
            # Beside the lids' edges the white is no white any more.
            first = float(upper[column]) + 0.25 * radius - float(self._y[0, 0])
            last = max(float(lower[column]) - 0.2 * radius - float(self._y[0, 0]), first + 1)
            rows = np.clip(np.arange(picture.shape[0]), round(first), max(round(last), round(first) + 1))
            rows = np.minimum(rows, picture.shape[0] - 1)
            sides.append(picture[:, column - 1 : column + 2].mean(axis=1)[rows])
        share = np.clip((self._x - x) / (2.6 * radius) + 0.5, 0, 1)[None, :, None]
        filled = sides[0][:, None] * (1 - share) + sides[1][:, None] * share
        filled = cv2.GaussianBlur(filled, (0, 0), max(0.2 * radius, 0.8))
        shade = 1 - 0.30 * np.exp(-np.maximum(self._y - upper, 0) / (0.25 * radius))
        iris = smooth_step(1.32, 1.12, distance)[..., None]
        return np.asarray(picture + (filled * shade[..., None] - picture) * iris, np.float32)

    def _whole_iris(
        self, still: Still, upper: Field, lower: Field, box: Rect
    ) -> tuple[Field, Field, tuple[float, float]]:
        """The iris as a disc (n, n, 3), its soft edge (n, n), and where in the box it lies. What a lid hides has the colour
        that is seen at the same distance from the middle."""
        x, y, radius = self._iris
        reach = int(np.ceil(radius * _RIM)) + 1
        offsets = np.arange(-reach, reach + 1, dtype=np.float32)
        dx, dy = np.meshgrid(offsets, offsets)
        own = still.at(x + dx, y + dy)
        columns = np.clip(x + offsets - box.left, 0, upper.size - 1)
        at = np.arange(upper.size)
        edge_up, edge_low = np.interp(columns, at, upper), np.interp(columns, at, lower)
        soft = max(1.0, 0.12 * radius)
        hidden = np.maximum(
            smooth_step(2.6 * soft, 1.2 * soft, y + dy - edge_up), smooth_step(soft, 0, edge_low - y - dy)
        )
        ring = np.hypot(dx, dy)
        seen = hidden < 0.05
        radii = np.arange(reach + 2)
        profile = np.zeros((radii.size, 3), np.float32)
        for index in range(radii.size):
            around = own[seen & (np.abs(ring - index) < 1.0)]
            profile[index] = np.median(around, axis=0) if len(around) else profile[index - 1 if index else 0]
        beyond = np.stack([np.interp(ring, radii, profile[:, channel]) for channel in range(3)], -1)
        disc = own + (beyond - own) * hidden[..., None]
        cover = smooth_step(_RIM * radius, 0.97 * radius, ring)
        return (
            np.asarray(disc, np.float32),
            np.asarray(cover, np.float32),
            (x - reach - box.left, y - reach - box.top),
        )
