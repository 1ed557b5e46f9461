"""The seam between what a face does and how it is drawn."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import cv2

from agent.avatars.builtin.drawing.cutout import Cutout, cutout_of, lay_over, masks_from, premultiplied
from agent.avatars.builtin.drawing.i420 import Planes, Rect, even_rect, planes_from_bgr, planes_of
from agent.avatars.builtin.drawing.lids import LidDrawing, lids_rect
from agent.avatars.builtin.drawing.mouth import MouthDrawing, mouth_rect
from agent.avatars.builtin.drawing.pictures import Mask, Still, read_layers
from agent.avatars.builtin.drawing.warp import REACH, BodyWarp
from agent.avatars.builtin.face_state import LID_STEPS, MOUTH_OPENINGS, MOUTH_WIDTHS, UPRIGHT, Mouth, Pose
from agent.avatars.builtin.presenters import Presenter, place

_BAND_ROWS: Final = 64  # bent at a time: what they take stays in the processor's cache


class Patch(NamedTuple):
    """Pixels for one region of a frame."""

    planes: Planes
    rect: Rect


class Face(Protocol):
    """Draws a presenter. Called from one thread at a time; what it returns is kept by `compose.FrameComposer`."""

    width: int
    height: int

    def frame(self, pose: Pose) -> bytearray:
        """A whole I420 frame in a pose, mouth closed and eyes open."""

    def mouth(self, mouth: Mouth, pose: Pose) -> Patch:
        """What the mouth changes in that frame."""

    def lids(self, lids: int, pose: Pose) -> Patch:
        """What the lids change in that frame. Patches of lids and mouth never overlap."""

    def warm_up(self) -> Iterator[None]:
        """Draw ahead what takes long, a little at each step."""


class DrawnFace:
    """A presenter's still picture, painted over, bent, and laid over the scene."""

    def __init__(self, presenter: Presenter, width: int, height: int) -> None:
        """Reads the pictures. Raises `FileNotFoundError` when one is missing."""
        self.width = width
        self.height = height
        placement = place(presenter, width, height)
        layers = read_layers(presenter, placement, width, height)
        self._margin = math.ceil(REACH * placement.scale * presenter.height) + 2
        self._masks = masks_from(layers.mask)
        self._scene = planes_from_bgr(layers.scene)
        self._body = BodyWarp(presenter.body, placement, width, height)
        self._bands = _bands(layers.mask, self._margin)
        region = even_rect(
            min(band.left for band in self._bands),
            self._bands[0].top,
            max(band.right for band in self._bands),
            self._bands[-1].bottom,
            width,
            height,
        )
        masks = self._masks.crop(region)
        self._figure = cutout_of(premultiplied(region.of(layers.presenter), masks), masks, region)
        self._mouth_rect = mouth_rect(presenter.mouth, placement, width, height)
        self._lids_rect = lids_rect(presenter.eyes, placement, width, height)
        around = self._wider(_both(self._mouth_rect, self._lids_rect), 2)
        still = Still(around.of(layers.presenter).copy(), around)
        self._mouth_drawing = MouthDrawing(still, presenter.mouth, placement)
        self._lid_drawing = LidDrawing(still, presenter.eyes, placement)
        self._mouths: dict[Mouth, Planes] = {}
        self._lids: dict[int, Planes] = {}

    def frame(self, pose: Pose) -> bytearray:
        buffer = bytearray(self.width * self.height * 3 // 2)
        planes = planes_of(buffer, self.width, self.height)
        for target, source in zip(planes, self._scene, strict=True):
            target[:] = source
        for band in self._bands:
            planes.paste(self._posed(self._figure, band, pose).planes, band)
        return buffer

    def mouth(self, mouth: Mouth, pose: Pose) -> Patch:
        source = self._wider(self._mouth_rect, 2)
        if mouth not in self._mouths:
            self._mouths[mouth] = premultiplied(self._mouth_drawing.draw(mouth, source), self._masks.crop(source))
        cutout = cutout_of(self._mouths[mouth], self._masks.crop(source), source)
        return self._posed(cutout, self._wider(self._mouth_rect, 1), pose)

    def lids(self, lids: int, pose: Pose) -> Patch:
        source = self._wider(self._lids_rect, 2)
        if lids not in self._lids:
            self._lids[lids] = premultiplied(self._lid_drawing.draw(lids, source), self._masks.crop(source))
        cutout = cutout_of(self._lids[lids], self._masks.crop(source), source)
        return self._posed(cutout, self._wider(self._lids_rect, 1), pose)

    def warm_up(self) -> Iterator[None]:
        for lids in range(1, LID_STEPS):
            self.lids(lids, UPRIGHT)
            yield
        for opening in range(1, MOUTH_OPENINGS):
            for width in range(0, MOUTH_WIDTHS, 2):
                self.mouth(Mouth(opening, width), UPRIGHT)
                yield

    def _wider(self, rect: Rect, margins: int) -> Rect:
        """`rect` and as much around it as a pose may move it to, once or twice over."""
        by = self._margin * margins
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
