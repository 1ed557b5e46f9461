"""A presenter's pictures, read in the size of the frame."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.i420 import Rect
from agent.avatars.builtin.portrait_file import BrokenPortraitError, Portrait
from agent.avatars.builtin.presenters import Placement

Picture = NDArray[np.uint8]  # (height, width, 3), blue green red
Mask = NDArray[np.uint8]  # (height, width), 255 is opaque


class Layers(NamedTuple):
    """The presenter alone (also past the edge), and the presenter's mask."""

    presenter: Picture
    mask: Mask


class Still(NamedTuple):
    """The part `rect` of a presenter's picture, addressed by the places of the whole frame."""

    pixels: Picture
    rect: Rect

    def crop(self, rect: Rect) -> Picture:
        """A region of the frame; a view."""
        left, top = rect.left - self.rect.left, rect.top - self.rect.top
        return self.pixels[top : top + rect.height, left : left + rect.width]

    def at(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
        """Colours at places of the frame, each (height, width): (height, width, 3)."""
        source_x = np.asarray(x - self.rect.left, np.float32)
        source_y = np.asarray(y - self.rect.top, np.float32)
        sampled = cv2.remap(self.pixels, source_x, source_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(sampled, dtype=np.float32)


def read_layers(portrait: Portrait, placement: Placement, width: int, height: int) -> Layers:
    """Both in the frame's size. Raises `BrokenPortraitError` for a picture that is broken."""
    # A JPEG decodes at half size in a third of the time; take it where the frame needs no more.
    shrink = 2 if placement.scale <= 0.5 else 1
    colour = cv2.IMREAD_REDUCED_COLOR_2 if shrink == 2 else cv2.IMREAD_COLOR
    grey = cv2.IMREAD_REDUCED_GRAYSCALE_2 if shrink == 2 else cv2.IMREAD_GRAYSCALE
    canvas = (-(-portrait.places.height // shrink), -(-portrait.places.width // shrink))
    figure = np.zeros((*canvas, 3), np.uint8)
    mask = np.zeros(canvas, np.uint8)
    left, top = portrait.places.corner[0] // shrink, portrait.places.corner[1] // shrink
    for whole, part in ((figure, portrait.figure), (mask, portrait.mask)):
        if part is None:
            whole[:] = 255
            continue
        decoded = _decoded(part, colour if whole is figure else grey)
        decoded = decoded[: canvas[0] - top, : canvas[1] - left]
        whole[top : top + decoded.shape[0], left : left + decoded.shape[1]] = decoded
    return Layers(*(_fit(layer, placement, shrink, width, height) for layer in (figure, mask)))


def _decoded(content: bytes, how: int) -> Picture:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    if picture is None:
        raise BrokenPortraitError("the portrait's picture is broken: prepare it again")
    return np.asarray(picture, dtype=np.uint8)


def _fit(picture: Picture, placement: Placement, shrink: int, width: int, height: int) -> Picture:
    """The canvas in the frame; nothing where the frame is wider than the canvas."""
    left, top = round(placement.left / shrink), round(placement.top / shrink)
    right = left + round(width / placement.scale / shrink)
    bottom = top + round(height / placement.scale / shrink)
    around = (max(-top, 0), max(bottom - picture.shape[0], 0), max(-left, 0), max(right - picture.shape[1], 0))
    shown = picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if any(around):
        shown = np.asarray(cv2.copyMakeBorder(shown, *around, cv2.BORDER_CONSTANT, value=0), np.uint8)
    if shown.shape[:2] == (height, width):
        return shown
    how = cv2.INTER_AREA if shown.shape[0] >= height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(shown, (width, height), interpolation=how), dtype=np.uint8)
