"""Edges found in the picture itself, where the models' points come close: drawn faces are drawn finer than these see."""

from typing import Final

import cv2
import numpy as np

from agent.portraits.models import Iris, Picture, Points

_SEAM_PLACES: Final = 25
_SKIN_DISTANCE: Final = 18.0  # in Lab: what differs more from the skin below belongs to the eye


def dark_line(picture: Picture, line: Points, lips_height: float) -> Points:
    """Closed lips meet in the darkest line near `line`, which it may outrun a little at the corners; places on it."""
    width = float(line[-1, 0] - line[0, 0])
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 1.0).astype(np.float32)
    polynomial = np.polyfit(line[:, 0] - line[5, 0], line[:, 1], 4)
    reach = max(round(0.3 * lips_height), 3)
    offsets = np.arange(-reach, reach + 1)
    x = np.linspace(line[0, 0] - 0.12 * width, line[-1, 0] + 0.12 * width, _SEAM_PLACES)
    inside = np.clip(x, line[0, 0], line[-1, 0])
    expected = np.polyval(polynomial, inside - line[5, 0])
    rows = np.clip(np.round(expected)[:, None].astype(int) + offsets, 0, grey.shape[0] - 1)
    darkness = 255 - grey[rows, np.clip(np.round(x).astype(int), 0, grey.shape[1] - 1)[:, None]]
    contrast = darkness.max(axis=1) - np.minimum(darkness[:, 0], darkness[:, -1])
    darkness = darkness - 25 * (offsets / reach) ** 2
    found = rows[np.arange(x.size), darkness.argmax(axis=1)].astype(np.float64)
    middle = slice(_SEAM_PLACES // 4, -(_SEAM_PLACES // 4))
    clear = contrast > 0.5 * float(np.median(contrast[middle]))
    first, last = 0, x.size - 1
    while x[first] < line[0, 0] and not clear[first]:
        first += 1
    while x[last] > line[-1, 0] and not clear[last]:
        last -= 1
    x, found, contrast = x[first : last + 1], found[first : last + 1], contrast[first : last + 1]
    across = (x - x.mean()) / (np.ptp(x) / 2)
    weights = np.maximum(contrast, 1.0)
    fit = found
    for _ in range(3):  # a moustache's hair or a shadow pulls single places away
        fit = np.polyval(np.polyfit(across, found, 6, w=weights), across)
        weights = weights / (1 + ((found - fit) / 2) ** 2)
    return np.stack([x, fit], 1).astype(np.float32)


def refined_iris(picture: Picture, iris: Iris) -> Iris:
    """Where, to the sides, dark turns to white; the height is the pupil's."""
    reach = round(2.2 * iris.radius) + 2
    left, top = round(iris.x) - reach, round(iris.y) - reach
    side = 2 * reach + 1
    if left < 0 or top < 0 or left + side > picture.shape[1] or top + side > picture.shape[0]:
        return iris
    part = picture[top : top + side, left : left + side]
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), (0, 0), 0.7).astype(np.float32)
    band = max(round(0.25 * iris.radius), 1)
    middle = round(iris.y) - top
    rise = np.gradient(np.median(grey[middle - band : middle + band + 1], axis=0))
    near, far = round(0.6 * iris.radius), round(1.5 * iris.radius)
    before, after = rise[reach - far : reach - near + 1], rise[reach + near : reach + far + 1]
    if -before.min() < 4 or after.max() < 4:
        return iris
    first, last = reach - far + int(before.argmin()), reach + near + int(after.argmax())
    x, radius = (first + last) / 2, (last - first) / 2
    if abs(x - reach) > 0.35 * iris.radius:
        return iris
    window = slice(max(round(x - 0.5 * radius), 0), round(x + 0.5 * radius) + 1)
    rows = slice(max(round(middle - 0.6 * radius), 0), round(middle + 0.6 * radius) + 1)
    pupil = grey[rows, window]
    darkest = np.maximum(pupil.min() + 0.2 * np.ptp(pupil) - pupil, 0)
    down = (
        float((darkest.sum(axis=1) * np.arange(darkest.shape[0])).sum() / max(float(darkest.sum()), 1e-6)) + rows.start
    )
    shift = float(np.clip(0.8 * (down - middle), -0.3 * radius, 0.3 * radius))
    return Iris(x + left, iris.y + shift, radius)


def lash_line(picture: Picture, upper: Points) -> Points:
    """The upper edge of an eye, moved to just below the darkest of its lashes."""
    width = float(upper[-1, 0] - upper[0, 0])
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 0.8).astype(np.float32)
    moved = upper.copy()
    offsets = np.arange(round(-0.11 * width), round(0.03 * width) + 1)
    for index in range(1, len(upper) - 1):
        column = min(max(round(float(upper[index, 0])), 0), grey.shape[1] - 1)
        rows = np.clip(round(float(upper[index, 1])) + offsets, 0, grey.shape[0] - 1)
        darkness = 255 - grey[rows, column] - 12 * np.abs(offsets) / (0.11 * width)
        moved[index, 1] = rows[int(darkness.argmax())] + 0.02 * width
    # One lash that stands out pulls no edge with it.
    inner = moved[1:-1, 1] - upper[1:-1, 1]
    moved[1:-1, 1] = upper[1:-1, 1] + 0.5 * inner + 0.5 * float(np.median(inner))
    return moved


def reach_of_eye(picture: Picture, upper: Points, lower: Points, iris: tuple[float, float]) -> Points:
    """The lower edge of an eye, down and out to where the skin begins if that is a little further than `lower`."""
    width = float(lower[-1, 0] - lower[0, 0])
    left, right = int(lower[0, 0] - 0.16 * width), int(lower[-1, 0] + 0.16 * width) + 1
    top, bottom = int(upper[:, 1].min()), int(lower[:, 1].max() + 0.34 * width) + 1
    if left < 0 or top < 0 or right > picture.shape[1] or bottom > picture.shape[0]:
        return lower
    lab = cv2.cvtColor(cv2.GaussianBlur(picture[top:bottom, left:right], (0, 0), 0.8), cv2.COLOR_BGR2LAB)
    pixels = lab.astype(np.float32)
    skin = np.median(pixels[-max(int(0.08 * width), 2) :, pixels.shape[1] // 4 : -pixels.shape[1] // 4], axis=(0, 1))
    eye = (np.linalg.norm(pixels - skin, axis=2) > _SKIN_DISTANCE).astype(np.uint8)
    edge_low = np.interp(np.arange(left, right), lower[:, 0], lower[:, 1]) - top
    rows = np.arange(bottom - top)[:, None]
    eye[rows > edge_low + 0.12 * width] = 0
    # Of what is not skin, only what hangs together with the iris, from the middle of the eye down.
    middle = (np.interp(np.arange(left, right), upper[:, 0], upper[:, 1]) - top + edge_low) / 2
    eye[rows < middle - 0.02 * width] = 0
    _, labels = cv2.connectedComponents(eye)
    label = labels[min(int(iris[1]) - top + 2, bottom - top - 1), int(iris[0]) - left]
    if label == 0:
        return lower
    seen = labels == label
    white = np.flatnonzero((seen & (pixels[..., 0] > skin[0] + 10)).any(axis=0))
    lowest = np.where(seen.any(axis=0), (bottom - top - 1) - seen[::-1].argmax(axis=0), edge_low)
    at = lower.copy()
    # Shade below the eye that goes on to where the search ends is no part of it.
    limit = edge_low + 0.12 * width - 1.5
    lowest = np.where(lowest >= limit, edge_low, lowest)
    inner = at[1:-1]
    inner[:, 1] = np.maximum(inner[:, 1], np.interp(inner[:, 0], np.arange(left, right), lowest + top))
    for end, column in ((0, white[0]), (-1, white[-1])) if white.size else ():
        if (column + left - at[end, 0]) * (1 if end else -1) > 0:
            at[end] = (column + left, float(np.median(np.flatnonzero(seen[:, column]))) + top)
    return at
