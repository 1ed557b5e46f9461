"""The seam between what a face does and how it is drawn."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import cv2

from agent.avatars.builtin.drawing.cutout import Cutout, cutout_of, lay_over, masks_from, premultiplied
from agent.avatars.builtin.drawing.eyes import EyesDrawing, eyes_rect
from agent.avatars.builtin.drawing.i420 import Planes, Rect, even_rect, planes_from_bgr, planes_of
from agent.avatars.builtin.drawing.kept import Kept
from agent.avatars.builtin.drawing.mouth import MouthDrawing, mouth_rect
from agent.avatars.builtin.drawing.pictures import Mask, Picture, Still, read_layers
from agent.avatars.builtin.drawing.warp import BodyWarp
from agent.avatars.builtin.face_state import (
    AHEAD,
    CLOSED_MOUTH,
    LID_STEPS,
    MOUTH_OPENINGS,
    MOUTH_WIDTHS,
    UPRIGHT,
    Contact,
    Gaze,
    Mouth,
    Pose,
)
from agent.avatars.builtin.presenters import Presenter, place

_BAND_ROWS: Final = 64  # bent at a time: what they take stays in the processor's cache
_KEPT_MOUTHS: Final = MOUTH_OPENINGS * MOUTH_WIDTHS + 20
_KEPT_EYES: Final = 48


class Patch(NamedTuple):
    """Pixels for one region of a frame."""

    planes: Planes
    rect: Rect


class Lips(NamedTuple):
    """What the mouth's patch shows. `smile` as in `FaceState`."""

    mouth: Mouth = CLOSED_MOUTH
    smile: int = 0


class Eyes(NamedTuple):
    """What the eyes' patch shows, as in `FaceState`."""

    lids: int = 0
    gaze: Gaze = AHEAD
    brows: int = 0
    smile: int = 0


class Face(Protocol):
    """Draws a presenter. Called from one thread at a time; what it returns is kept by `compose.FrameComposer`."""

    width: int
    height: int

    def frame(self, pose: Pose) -> bytearray:
        """A whole I420 frame in a pose, mouth closed and eyes open."""

    def mouth(self, lips: Lips, pose: Pose) -> Patch:
        """What the mouth changes in that frame."""

    def eyes(self, eyes: Eyes, pose: Pose) -> Patch:
        """What lids, gaze and brows change in that frame. Patches of eyes and mouth never overlap."""

    def warm_up(self) -> Iterator[None]:
        """Draw ahead what takes long, a little at each step."""


class DrawnFace:
    """A presenter's still picture, painted over, bent, and laid over the scene."""

    def __init__(self, presenter: Presenter, width: int, height: int) -> None:
        """Reads the pictures. Raises `FileNotFoundError`, `BrokenPortraitError` when one is missing or broken."""
        self.width = width
        self.height = height
        places = presenter.portrait.places
        placement = place(places, width, height)
        layers = read_layers(presenter, placement, width, height)
        self._masks = masks_from(layers.mask)
        self._scene = planes_from_bgr(layers.scene)
        self._body = BodyWarp(places.body, placement, width, height)
        margin = self._body.reach(Rect(0, 0, width, height))
        self._bands = _bands(layers.mask, margin)
        region = even_rect(
            min(band.left for band in self._bands),
            self._bands[0].top,
            max(band.right for band in self._bands),
            self._bands[-1].bottom,
            width,
            height,
        )
        masks = self._masks.crop(region)
        self._mouth_rect = mouth_rect(places.mouth, placement, width, height)
        self._eyes_rect = eyes_rect(places.eyes, placement, width, height)
        around = self._wider(_both(self._mouth_rect, self._eyes_rect), 2)
        still = Still(around.of(layers.presenter).copy(), around)
        self._still = still
        self._mouth_drawing = MouthDrawing(still, places.mouth, placement, self._mouth_rect)
        self._eyes_drawing = EyesDrawing(still, places.eyes, placement, self._eyes_rect)
        if self._mouth_drawing.parted:  # a mouth at rest is closed
            rect = self._mouth_rect
            rect.of(layers.presenter)[:] = self._mouth_drawing.draw(CLOSED_MOUTH, 0)
        self._figure = cutout_of(premultiplied(region.of(layers.presenter), masks), masks, region)
        self._mouths: Kept[Cutout] = Kept(_KEPT_MOUTHS, lambda _: 1)
        self._eyes: Kept[Cutout] = Kept(_KEPT_EYES, lambda _: 1)

    def frame(self, pose: Pose) -> bytearray:
        buffer = bytearray(self.width * self.height * 3 // 2)
        planes = planes_of(buffer, self.width, self.height)
        for target, source in zip(planes, self._scene, strict=True):
            target[:] = source
        for band in self._bands:
            planes.paste(self._posed(self._figure, band, pose).planes, band)
        return buffer

    def mouth(self, lips: Lips, pose: Pose) -> Patch:
        drawn = self._mouths.get(lips)
        if drawn is None:
            drawn = self._cut_out(self._mouth_drawing.draw(lips.mouth, lips.smile), self._mouth_rect)
            self._mouths.put(lips, drawn)
        return self._posed(drawn, self._wider(self._mouth_rect, 1), pose)

    def eyes(self, eyes: Eyes, pose: Pose) -> Patch:
        drawn = self._eyes.get(eyes)
        if drawn is None:
            drawn = self._cut_out(self._eyes_drawing.draw(*eyes), self._eyes_rect)
            self._eyes.put(eyes, drawn)
        return self._posed(drawn, self._wider(self._eyes_rect, 1), pose)

    def warm_up(self) -> Iterator[None]:
        for lids in range(1, LID_STEPS):
            self.eyes(Eyes(lids), UPRIGHT)
            yield
        shapes = [Mouth(0, 2, Contact.LIPS), Mouth(0, 2, Contact.TEETH)]
        shapes += [Mouth(opening, width) for opening in range(1, MOUTH_OPENINGS) for width in range(MOUTH_WIDTHS)]
        for shape in shapes:
            self.mouth(Lips(shape), UPRIGHT)
            yield

    def _cut_out(self, drawn: Picture, rect: Rect) -> Cutout:
        """What was drawn over the still picture, and as much around it as a pose may bring in."""
        source = self._wider(rect, 2)
        picture = self._still.crop(source).copy()
        left, top = rect.left - source.left, rect.top - source.top
        picture[top : top + rect.height, left : left + rect.width] = drawn
        masks = self._masks.crop(source)
        return cutout_of(premultiplied(picture, masks), masks, source)

    def _wider(self, rect: Rect, margins: int) -> Rect:
        """`rect` and as much around it as a pose may move it to, once or twice over."""
        by = self._body.reach(rect) * margins
        return even_rect(rect.left - by, rect.top - by, rect.right + by, rect.bottom + by, self.width, self.height)

    def _posed(self, cutout: Cutout, rect: Rect, pose: Pose) -> Patch:
        return Patch(lay_over(self._scene, self._body.bend(cutout, pose, rect)), rect)


def _both(one: Rect, other: Rect) -> Rect:
    return Rect(
        min(one.left, other.left), min(one.top, other.top), max(one.right, other.right), max(one.bottom, other.bottom)
    )


def _bands(mask: Mask, margin: int) -> list[Rect]:
    """The rows of a frame that a presenter may move over, a band after the other, each as wide as the presenter there."""
    height, width = mask.shape
    left, top, across, down = cv2.boundingRect(mask)
    bands = []
    for start in range(max(top - margin, 0) // 2 * 2, min(top + down + margin, height), _BAND_ROWS):
        end = min(start + _BAND_ROWS, top + down + margin, height)
        rows = mask[max(start - margin, 0) : end + margin]
        left, _, across, _ = cv2.boundingRect(rows)
        bands.append(even_rect(left - margin, start, left + across + margin, end, width, height))
    return bands
