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


def iris_radius(picture: Picture, iris: Iris) -> float:
    """Where, to the sides, dark turns to white near the radius that the model says."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (0, 0), 0.7).astype(np.float32)
    radii = np.linspace(0.75, 1.45, 29) * iris.radius
    angles = np.radians([-25, -12, 0, 12, 155, 168, 180, 192])[:, None]
    x = (iris.x + radii * np.cos(angles)).astype(np.float32)
    y = (iris.y + radii * np.sin(angles)).astype(np.float32)
    if x.min() < 0 or y.min() < 0 or x.max() >= grey.shape[1] - 1 or y.max() >= grey.shape[0] - 1:
        return iris.radius
    rise = np.gradient(np.median(cv2.remap(grey, x, y, cv2.INTER_LINEAR), axis=0))
    steepest = int(rise.argmax())
    return float(radii[steepest]) if rise[steepest] > 4 else iris.radius


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
    columns = np.flatnonzero(seen.any(axis=0))
    lowest = np.where(seen.any(axis=0), (bottom - top - 1) - seen[::-1].argmax(axis=0), edge_low)
    at = lower.copy()
    # Shade below the eye that goes on to where the search ends is no part of it.
    limit = edge_low + 0.12 * width - 1.5
    lowest = np.where(lowest >= limit, edge_low, lowest)
    inner = at[1:-1]
    inner[:, 1] = np.maximum(inner[:, 1], np.interp(inner[:, 0], np.arange(left, right), lowest + top))
    for end, column in ((0, columns[0]), (-1, columns[-1])):
        if (column + left - at[end, 0]) * (1 if end else -1) > 0:
            at[end] = (column + left, float(np.median(np.flatnonzero(seen[:, column]))) + top)
    return at
