"""A presenter's pictures, read in the size of the frame."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.i420 import Rect
from agent.avatars.builtin.presenters import Placement, Presenter

Picture = NDArray[np.uint8]  # (height, width, 3), blue green red
Mask = NDArray[np.uint8]  # (height, width), 255 is opaque


class Layers(NamedTuple):
    """The scene without the presenter, the presenter alone (also past the edge), and the presenter's mask."""

    scene: Picture
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


def read_layers(presenter: Presenter, placement: Placement, width: int, height: int) -> Layers:
    """All three in the frame's size. Raises `FileNotFoundError` for a picture that is missing or broken."""
    # A JPEG decodes at half size in a third of the time; take it where the frame needs no more.
    shrink = 2 if placement.scale <= 0.5 else 1
    colour = cv2.IMREAD_REDUCED_COLOR_2 if shrink == 2 else cv2.IMREAD_COLOR
    grey = cv2.IMREAD_REDUCED_GRAYSCALE_2 if shrink == 2 else cv2.IMREAD_GRAYSCALE
    scene = _read(str(presenter.scene), colour)
    figure = np.zeros_like(scene)
    mask = np.zeros(scene.shape[:2], np.uint8)
    left, top = presenter.corner[0] // shrink, presenter.corner[1] // shrink
    for whole, part in ((figure, _read(str(presenter.picture), colour)), (mask, _read(str(presenter.mask), grey))):
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
    return Layers(*(_fit(layer, placement, shrink, width, height) for layer in (scene, figure, mask)))


def _read(path: str, how: int) -> Picture:
    picture = cv2.imread(path, how)
    if picture is None:
        raise FileNotFoundError(f"the picture {path} is missing or broken")
    return np.asarray(picture, dtype=np.uint8)


def _fit(picture: Picture, placement: Placement, shrink: int, width: int, height: int) -> Picture:
    left, top = round(placement.left / shrink), round(placement.top / shrink)
    right = left + round(width / placement.scale / shrink)
    bottom = top + round(height / placement.scale / shrink)
    shown = picture[top:bottom, left:right]
    if shown.shape[:2] == (height, width):
        return shown
    how = cv2.INTER_AREA if shown.shape[0] >= height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(shown, (width, height), interpolation=how), dtype=np.uint8)
