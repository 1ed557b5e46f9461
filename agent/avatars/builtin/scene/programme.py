"""What a TV can play. Bad files end in a `ProgrammeError` with a sentence.

Pictures come as I420 planes of the size that the screen wants, each with the time at which it is due, counted on over loops.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

import cv2
import numpy as np

from agent.avatars.builtin.drawing.i420 import Planes

Canvas = tuple[int, int]  # width and height of the pictures that a screen takes, pixels, even
Warn = Callable[[str], None]  # takes a sentence about what is left out

_BLACK: Final = (16, 128, 128)
_ALMOST: Final = 0.98


class Timed(NamedTuple):
    """A picture and when it is due, seconds from the programme's start."""

    planes: Planes
    at_s: float


class ProgrammeError(Exception):
    """Nothing of it can be played, or not any further. `still` is a picture out of it, where there is one."""

    def __init__(self, sentence: str, still: Planes | None = None) -> None:
        super().__init__(sentence)
        self.still = still


class Programme(Protocol):
    """A video, or slides."""

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> Iterator[Timed]:
        """At most `fps` pictures a second. Ends where the last picture stays for good. Raises `ProgrammeError`."""


def fitted(width: float, height: float, canvas: Canvas) -> Canvas:
    """The largest even size of these proportions within a canvas; what almost fills it is stretched over the last pixels."""
    scale = min(canvas[0] / width, canvas[1] / height)
    across, down = width * scale, height * scale
    return (
        canvas[0] if across > _ALMOST * canvas[0] else max(round(across / 2) * 2, 2),
        canvas[1] if down > _ALMOST * canvas[1] else max(round(down / 2) * 2, 2),
    )


def on_canvas(picture: Planes, canvas: Canvas) -> Planes:
    """A picture no larger than the canvas, in the middle of it, on black."""
    height, width = picture.y.shape
    if (width, height) == canvas:
        return picture
    left, top = (canvas[0] - width) // 4 * 2, (canvas[1] - height) // 4 * 2
    planes = []
    for plane, black, step in zip(picture, _BLACK, (1, 2, 2), strict=True):
        whole = np.full((canvas[1] // step, canvas[0] // step), black, np.uint8)
        whole[top // step : top // step + plane.shape[0], left // step : left // step + plane.shape[1]] = plane
        planes.append(whole)
    return Planes(*planes)


def mixed(one: Planes, other: Planes, share: float) -> Planes:
    """`share` of `other` in `one`."""
    return Planes(
        *(
            np.asarray(cv2.addWeighted(first, 1 - share, second, share, 0), np.uint8)
            for first, second in zip(one, other, strict=True)
        )
    )
