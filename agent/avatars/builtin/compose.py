"""Frames put together from what was drawn, and drawn states kept for when they come again."""

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.face import Face, Part
from agent.avatars.builtin.drawing.i420 import Planes, Rect, planes_of
from agent.avatars.builtin.drawing.kept import Kept
from agent.avatars.builtin.face_state import FaceState
from agent.avatars.builtin.scene.captions import BurntCaptions
from agent.avatars.builtin.scene.stage import Stage
from agent.avatars.builtin.scene.tv import Tv

# Frames that are kept: the breath, all of its steps, at one place of the head; and as much as one and a half in patches.
_KEPT_FRAMES: Final = 9
_KEPT_PATCHES: Final = 1.5


@dataclass(frozen=True)
class ComposedFrame:
    """An I420 frame, not to be written to, and how it came about."""

    buffer: bytearray
    kind: Literal["composed", "cached"]
    took_ms: float


class Patch(NamedTuple):
    """Finished pixels for one region of a frame."""

    planes: Planes
    rect: Rect


class Composer(Protocol):
    """Makes the frames of a picture. Called from one thread at a time."""

    def compose(self, state: FaceState) -> ComposedFrame:
        """The frame of `state`, now."""

    def warm_up(self) -> Iterator[None]:
        """Do ahead what takes long, a little at each step."""

    def lively_fps(self) -> float | None:
        """How often the picture changes by itself while the face is quiet; None where it does not. From any thread."""

    def close(self) -> None:
        """Let go of threads and files."""


class FrameComposer:
    """One face in one scene, with what plays on its TV and what is written under it."""

    def __init__(self, face: Face, stage: Stage, tv: Tv | None = None, captions: BurntCaptions | None = None) -> None:
        self._face, self._stage, self._tv, self._captions = face, stage, tv, captions
        frame_bytes = stage.width * stage.height * 3 // 2
        self._frames: Kept[bytearray] = Kept(_KEPT_FRAMES * frame_bytes, len)
        self._patches: Kept[Patch] = Kept(int(_KEPT_PATCHES * frame_bytes), lambda patch: patch.planes.nbytes)
        self._last: tuple[Hashable, bytearray] | None = None

    @property
    def held_bytes(self) -> int:
        """Memory in kept frames and patches."""
        return self._frames.held + self._patches.held

    def compose(self, state: FaceState) -> ComposedFrame:
        """The frame of `state` with the TV and the caption of this moment: a kept one when it has been so before."""
        started = time.perf_counter()
        shown = None if self._tv is None else self._tv.shown()
        caption = None if self._captions is None else self._captions.shown()
        posture, parts = self._face.posture(state), self._face.parts(state)
        moment = (posture, *(part.key for part in parts), shown and shown.number, caption and caption.text)
        if self._last is not None and self._last[0] == moment:
            return ComposedFrame(self._last[1], "cached", (time.perf_counter() - started) * 1000)
        base, kept = self._frames.get(posture), True
        if base is None:
            base, kept = self._whole(state), False
            self._frames.put(posture, base)
        buffer = base
        if parts or shown is not None or caption is not None:
            kept = False
            buffer = bytearray(base)
            planes = planes_of(buffer, self._stage.width, self._stage.height)
            for part in parts:
                patch = self._patch(part)
                planes.paste(patch.planes, patch.rect)
            if shown is not None:
                planes.paste(self._stage.finished(shown.below, shown.rect), shown.rect)
                for cutout in self._before_tv(state, parts, shown.rect):
                    below = shown.below.crop(cutout.rect.inside(shown.rect))
                    planes.paste(self._stage.lay(cutout, below), cutout.rect)
            if caption is not None:
                caption.overlay.lie_over(planes)
        self._last = moment, buffer
        return ComposedFrame(buffer, "cached" if kept else "composed", (time.perf_counter() - started) * 1000)

    def warm_up(self) -> Iterator[None]:
        yield from self._face.warm_up()

    def lively_fps(self) -> float | None:
        return None if self._tv is None else self._tv.lively_fps()

    def await_tv(self) -> None:
        """Returns once there is something on the TV's screen, where it has one."""
        if self._tv is not None:
            self._tv.first()

    def close(self) -> None:
        if self._tv is not None:
            self._tv.close()

    def _whole(self, state: FaceState) -> bytearray:
        """The presenter in a posture before the still scene."""
        buffer = bytearray(self._stage.width * self._stage.height * 3 // 2)
        planes = planes_of(buffer, self._stage.width, self._stage.height)
        for target, source in zip(planes, self._stage.empty, strict=True):
            target[:] = source
        for cutout in self._face.figure(state):
            planes.paste(self._stage.lay(cutout), cutout.rect)
        return buffer

    def _before_tv(self, state: FaceState, parts: list[Part], screen: Rect) -> Iterator[Cutout]:
        """What of the presenter stands in front of the TV's screen."""
        yield from self._face.figure(state, within=screen)
        for part in parts:
            cutout = part.draw() if self._patch(part).rect.common(screen) else None
            rect = cutout and cutout.rect.common(screen)
            if cutout and rect:
                yield cutout.crop(rect)

    def _patch(self, part: Part) -> Patch:
        patch = self._patches.get(part.key)
        if patch is None:
            cutout = part.draw()
            patch = Patch(self._stage.lay(cutout), cutout.rect)
            self._patches.put(part.key, patch)
        return patch
