"""The seam between what a face does and how it is drawn."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from agent.avatars.builtin.drawing.i420 import Planes, Rect, planes_from_bgr, planes_of
from agent.avatars.builtin.drawing.lids import LidDrawing
from agent.avatars.builtin.drawing.mouth import MouthDrawing
from agent.avatars.builtin.drawing.warp import BodyWarp
from agent.avatars.builtin.face_state import LID_STEPS, MOUTH_OPENINGS, MOUTH_WIDTHS, UPRIGHT, Mouth, Pose
from agent.avatars.builtin.presenters import Presenter, place, read_picture


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
    """A presenter's still picture, bent and painted over."""

    def __init__(self, presenter: Presenter, width: int, height: int) -> None:
        """Reads the picture. Raises `FileNotFoundError` when it is missing."""
        self.width = width
        self.height = height
        placement = place(presenter, width, height)
        picture = read_picture(presenter, placement, width, height)
        self._still = planes_from_bgr(picture)
        self._body = BodyWarp(presenter.body, placement, self._still)
        self._mouth_drawing = MouthDrawing(picture, presenter.mouth, placement)
        self._lid_drawing = LidDrawing(picture, presenter.eyes, placement)
        self._mouths: dict[Mouth, Planes] = {}
        self._lids: dict[int, Planes] = {}

    def frame(self, pose: Pose) -> bytearray:
        buffer = bytearray(self.width * self.height * 3 // 2)
        planes = planes_of(buffer, self.width, self.height)
        for target, source in zip(planes, self._still, strict=True):
            target[:] = source
        if pose != UPRIGHT:
            self._body.into(planes, pose)
        return buffer

    def mouth(self, mouth: Mouth, pose: Pose) -> Patch:
        if mouth not in self._mouths:
            self._mouths[mouth] = planes_from_bgr(self._mouth_drawing.draw(mouth))
        return self._posed(self._mouths[mouth], self._mouth_drawing.rect, pose)

    def lids(self, lids: int, pose: Pose) -> Patch:
        if lids not in self._lids:
            self._lids[lids] = planes_from_bgr(self._lid_drawing.draw(lids))
        return self._posed(self._lids[lids], self._lid_drawing.rect, pose)

    def warm_up(self) -> Iterator[None]:
        for lids in range(1, LID_STEPS):
            self.lids(lids, UPRIGHT)
            yield
        for opening in range(1, MOUTH_OPENINGS):
            for width in range(MOUTH_WIDTHS):
                self.mouth(Mouth(opening, width), UPRIGHT)
                yield

    def _posed(self, planes: Planes, rect: Rect, pose: Pose) -> Patch:
        if pose == UPRIGHT:
            return Patch(planes, rect)
        return Patch(self._body.bend(planes, pose, rect, rect), rect)
