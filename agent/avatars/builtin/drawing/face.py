"""The seam between what a face does and how it is drawn."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import cv2

from agent.avatars.builtin.baked import Baked, baked, key_of
from agent.avatars.builtin.drawing import pictures
from agent.avatars.builtin.drawing.cutout import Cutout, Masks, cutout_of, masks_from, premultiplied
from agent.avatars.builtin.drawing.eyes import EyesDrawing, eyes_rect
from agent.avatars.builtin.drawing.i420 import Rect, even_rect
from agent.avatars.builtin.drawing.kept import Kept
from agent.avatars.builtin.drawing.mouth import MouthDrawing, mouth_rect
from agent.avatars.builtin.drawing.pictures import Layers, Mask, Picture, Still, read_layers
from agent.avatars.builtin.drawing.warp import BodyWarp
from agent.avatars.builtin.face_state import (
    AHEAD,
    CLOSED_MOUTH,
    LID_STEPS,
    MOUTH_OPENINGS,
    MOUTH_WIDTHS,
    UPRIGHT,
    Contact,
    FaceState,
    Gaze,
    Mouth,
    Pose,
)
from agent.avatars.builtin.portrait_file import Portrait
from agent.avatars.builtin.presenters import Placement

_BAND_ROWS: Final = 192  # bent at a time: what they take stays in the processor's cache
_KEPT_MOUTHS: Final = MOUTH_OPENINGS * MOUTH_WIDTHS + 20
_KEPT_EYES: Final = 32


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


class Part(NamedTuple):
    """Regions of the figure that a state of the face changes. `key` names what is drawn: the same key, the same pixels.
    `is_posture`: it mostly stays for some frames. `recurs`: there are only a few of the kind, which come again and again."""

    key: Hashable
    draw: Callable[[], Iterable[Cutout]]
    is_posture: bool = False
    recurs: bool = False


class Face(Protocol):
    """Draws a presenter as a figure without a scene. Called from one thread at a time; `compose.FrameComposer` keeps what
    it returns."""

    def figure(self) -> Iterator[Cutout]:
        """The whole presenter, upright and breathed out, mouth closed and eyes open."""

    def parts(self, state: FaceState) -> list[Part]:
        """What replaces regions of that figure, the later the earlier too."""

    def warm_up(self) -> Iterator[None]:
        """Draw ahead what takes long, a little at each step."""


class DrawnFace:
    """A presenter's still picture, painted over and bent."""

    def __init__(
        self, portrait: Portrait, placement: Placement, width: int, height: int, kept_in: Path | None = None
    ) -> None:
        """`placement` says where the portrait's canvas is in the frame. What the picture is in this size is kept in the
        folder `kept_in`. Raises `BrokenPortraitError`."""
        self.width = width
        self.height = height
        places = portrait.places
        key = key_of(pictures.__file__, portrait.figure, portrait.mask, places, placement, width, height)
        layers = Layers(*baked(kept_in, key, lambda: Baked(read_layers(portrait, placement, width, height))).arrays)
        whole = masks_from(layers.mask)
        self._body = BodyWarp(places.body, placement, width, height)
        margin = self._body.reach(Rect(0, 0, width, height))
        self._bands = _bands(layers.mask, margin)
        region = _around(self._bands)
        self._trunk, self._head = (
            [common for band in self._bands if (common := band.common(moving))]
            for moving in (self._body.trunk, self._body.head)
        )
        masks = whole.crop(region)
        self._mouth_rect = mouth_rect(places.mouth, placement, width, height)
        self._eyes_rect = eyes_rect(places.eyes, placement, width, height)
        self._mouth_seen, self._eyes_seen = self._wider(self._mouth_rect, 1), self._wider(self._eyes_rect, 1)
        around = self._wider(_around([self._mouth_rect, self._eyes_rect]), 2)
        still = Still(around.of(layers.presenter).copy(), around)
        self._still = still
        self._masks = Masks(*(plane.copy() for plane in whole.crop(around)))  # of the region of the still picture
        self._mouth_drawing = MouthDrawing(still, places.mouth, placement, self._mouth_rect)
        self._eyes_drawing = EyesDrawing(still, places.eyes, placement, self._eyes_rect)
        figure = region.of(layers.presenter)
        if self._mouth_drawing.parted:  # a mouth at rest is closed
            figure = figure.copy()
            self._mouth_rect.inside(region).of(figure)[:] = self._mouth_drawing.draw(CLOSED_MOUTH, 0)
        self._figure = cutout_of(premultiplied(figure, masks), masks, region)
        self._mouths: Kept[Cutout] = Kept(_KEPT_MOUTHS, lambda _: 1)
        self._eyes: Kept[Cutout] = Kept(_KEPT_EYES, lambda _: 1)

    def figure(self) -> Iterator[Cutout]:
        for band in self._bands:
            yield self._figure.crop(band)

    def parts(self, state: FaceState) -> list[Part]:
        pose, lips = state.pose, Lips(state.mouth, state.smile)
        eyes = Eyes(state.lids, state.gaze, state.brows, state.smile)
        breathing = UPRIGHT._replace(breath=pose.breath)
        parts = []
        if breathing != UPRIGHT:
            trunk = Part(("trunk", breathing), lambda: self._bent(self._trunk, breathing), is_posture=True, recurs=True)
            parts.append(trunk)
        if pose != UPRIGHT:
            parts.append(Part(("head", pose), lambda: self._bent(self._head, pose), is_posture=True))
        if lips != Lips():
            parts.append(Part((lips, pose), lambda: [self.mouth(lips, pose)]))
        if eyes != Eyes():
            parts.append(Part((eyes, pose), lambda: [self.eyes(eyes, pose)]))
        return parts

    def mouth(self, lips: Lips, pose: Pose) -> Cutout:
        """What the mouth changes in a pose."""
        drawn = self._mouths.get(lips)
        if drawn is None:
            drawn = self._cut_out(self._mouth_drawing.draw(lips.mouth, lips.smile), self._mouth_rect)
            self._mouths.put(lips, drawn)
        return self._body.bend(drawn, pose, self._mouth_seen)

    def eyes(self, eyes: Eyes, pose: Pose) -> Cutout:
        """What lids, gaze and brows change in a pose."""
        drawn = self._eyes.get(eyes)
        if drawn is None:
            drawn = self._cut_out(self._eyes_drawing.draw(*eyes), self._eyes_rect)
            self._eyes.put(eyes, drawn)
        return self._body.bend(drawn, pose, self._eyes_seen)

    def warm_up(self) -> Iterator[None]:
        for lids in range(1, LID_STEPS):
            self.eyes(Eyes(lids), UPRIGHT)
            yield
        shapes = [Mouth(0, 2, Contact.LIPS), Mouth(0, 2, Contact.TEETH)]
        shapes += [Mouth(opening, width) for opening in range(1, MOUTH_OPENINGS) for width in range(MOUTH_WIDTHS)]
        for shape in shapes:
            self.mouth(Lips(shape), UPRIGHT)
            yield

    def _bent(self, rects: list[Rect], pose: Pose) -> Iterator[Cutout]:
        for rect in rects:
            yield self._body.bend(self._figure, pose, rect)

    def _cut_out(self, drawn: Picture, rect: Rect) -> Cutout:
        """What was drawn over the still picture, and as much around it as a pose may bring in."""
        source = self._wider(rect, 2)
        picture = self._still.crop(source).copy()
        left, top = rect.left - source.left, rect.top - source.top
        picture[top : top + rect.height, left : left + rect.width] = drawn
        masks = self._masks.crop(source.inside(self._still.rect))
        return cutout_of(premultiplied(picture, masks), masks, source)

    def _wider(self, rect: Rect, margins: int) -> Rect:
        """`rect` and as much around it as a pose may move it to, once or twice over."""
        by = self._body.reach(rect) * margins
        return even_rect(rect.left - by, rect.top - by, rect.right + by, rect.bottom + by, self.width, self.height)


def _around(rects: list[Rect]) -> Rect:
    return Rect(
        min(rect.left for rect in rects),
        min(rect.top for rect in rects),
        max(rect.right for rect in rects),
        max(rect.bottom for rect in rects),
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
