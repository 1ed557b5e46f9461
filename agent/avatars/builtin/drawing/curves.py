"""Smooth shapes that the drawing is made of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Field = NDArray[np.float32]


def through(points: Sequence[tuple[float, float]], x: Field, degree: int = 4) -> Field:
    """Height at `x` of a smooth curve near `points` (x growing); beyond its ends, the height of the nearer end."""
    xs = np.array([point[0] for point in points])
    ys = np.array([point[1] for point in points])
    middle, reach = (xs[0] + xs[-1]) / 2, (xs[-1] - xs[0]) / 2
    ends = np.ones(len(points))
    ends[[0, -1]] = 8  # corners are where they are
    polynomial = np.polyfit((xs - middle) / reach, ys, min(degree, len(points) - 1), w=ends)
    # A polynomial runs away past the points it was fitted to.
    return np.polyval(polynomial, np.clip((x - middle) / reach, -1, 1)).astype(np.float32)


def smooth_step(start: ArrayLike, end: ArrayLike, value: ArrayLike) -> Field:
    """0 up to `start`, 1 from `end` on, smooth between; falls instead when `start` is above `end`."""
    start, end = np.asarray(start, np.float32), np.asarray(end, np.float32)
    t = np.clip((np.asarray(value, np.float32) - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
