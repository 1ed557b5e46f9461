"""Frames put together from what was drawn, and drawn states kept for when they come again."""

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.face import Face, Part
from agent.avatars.builtin.drawing.i420 import Rect, planes_of
from agent.avatars.builtin.drawing.kept import Kept
from agent.avatars.builtin.drawing.packing import PACKS, Packed, Patch
from agent.avatars.builtin.face_state import FaceState
from agent.avatars.builtin.scene.captions import BurntCaptions
from agent.avatars.builtin.scene.stage import Stage
from agent.avatars.builtin.scene.tv import Tv
from protocol.modes import CompressMethod

# Of drawn parts, in bytes of frames: some places of the head, and what the mouth says there. JPEGs hold as many in a third.
_KEPT_FRAMES: Final = {CompressMethod.NONE: 3, CompressMethod.JPEG: 1, CompressMethod.TEMP_FILE: 3}


@dataclass(frozen=True)
class ComposedFrame:
    """An I420 frame, not to be written to, and how it came about: "cached" where nothing had to be drawn for it."""

    buffer: bytearray
    kind: Literal["composed", "cached"]
    took_ms: float


class _Ground(NamedTuple):
    """A posture in the scene, as all frames begin that have it, and what of it stands in front of the TV's screen."""

    posture: tuple[Hashable, ...]
    buffer: bytearray
    before_tv: list[Cutout]


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

    def __init__(
        self,
        face: Face,
        stage: Stage,
        tv: Tv | None = None,
        captions: BurntCaptions | None = None,
        compress_method: CompressMethod = CompressMethod.NONE,
    ) -> None:
        """`compress_method` is how drawn states are kept. The few that come with each breath stay as they are."""
        self._face, self._stage, self._tv, self._captions = face, stage, tv, captions
        self._screen = None if tv is None else self._covered(tv.rect)
        self._still, self._still_before_tv = self._upright()
        self._ground = _Ground((), self._still, self._still_before_tv)
        self._pack = PACKS[compress_method]
        self._kept: Kept[Packed] = Kept(_KEPT_FRAMES[compress_method] * len(self._still), lambda packed: packed.nbytes)
        self._recurring: dict[Hashable, list[Patch]] = {}
        self._drew = False
        self._last: tuple[Hashable, bytearray] | None = None

    @property
    def tv_rect(self) -> Rect | None:
        """The region of a frame that the TV's screen is in."""
        return None if self._tv is None else self._tv.rect

    @property
    def held_bytes(self) -> int:
        """What kept parts take, in memory or in files."""
        recurring = (patch.nbytes for patches in self._recurring.values() for patch in patches)
        return self._kept.held + sum(recurring)

    def compose(self, state: FaceState) -> ComposedFrame:
        """The frame of `state` with the TV and the caption of this moment: the last one where nothing has changed."""
        started = time.perf_counter()
        shown = None if self._tv is None else self._tv.shown()
        caption = None if self._captions is None else self._captions.shown()
        parts = self._face.parts(state)
        moment = (*(part.key for part in parts), shown and shown.number, caption and caption.text)
        if self._last is not None and self._last[0] == moment:
            return ComposedFrame(self._last[1], "cached", (time.perf_counter() - started) * 1000)
        self._drew = shown is not None or caption is not None or self._last is None
        standing = [part for part in parts if part.is_posture]
        posture = tuple(part.key for part in standing)
        if self._ground.posture != posture:
            buffer, before_tv = self._with(self._still, self._still_before_tv, standing)
            self._ground = _Ground(posture, buffer, before_tv)
        buffer, before_tv = self._with(
            self._ground.buffer, self._ground.before_tv, [part for part in parts if not part.is_posture]
        )
        frame = planes_of(buffer, self._stage.width, self._stage.height)
        if shown is not None:
            frame.paste(self._stage.finished(shown.below, shown.rect), shown.rect)
            for cutout in _visible(before_tv):
                below = shown.below.crop(cutout.rect.inside(shown.rect))
                frame.paste(self._stage.lay(cutout, below), cutout.rect)
        if caption is not None:
            caption.overlay.lie_over(frame)
        self._last = moment, buffer
        return ComposedFrame(buffer, "composed" if self._drew else "cached", (time.perf_counter() - started) * 1000)

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

    def _upright(self) -> tuple[bytearray, list[Cutout]]:
        """The presenter standing still in the scene, and what of that stands in front of the TV's screen."""
        buffer = bytearray(self._stage.width * self._stage.height * 3 // 2)
        frame = planes_of(buffer, self._stage.width, self._stage.height)
        for target, source in zip(frame, self._stage.empty, strict=True):
            target[:] = source
        before_tv = []
        for cutout in self._face.figure():
            patch = self._patch(cutout)
            frame.paste(patch.planes, patch.rect)
            if patch.before_tv is not None:
                before_tv.append(patch.before_tv)
        return buffer, before_tv

    def _with(self, buffer: bytearray, before_tv: list[Cutout], parts: list[Part]) -> tuple[bytearray, list[Cutout]]:
        """A copy of a frame with some parts over it, and what stands in front of the TV's screen then."""
        buffer, before_tv = bytearray(buffer), before_tv.copy()
        frame = planes_of(buffer, self._stage.width, self._stage.height)
        for part in parts:
            for patch in self._patches(part):
                frame.paste(patch.planes, patch.rect)
                if patch.before_tv is not None:
                    before_tv.append(patch.before_tv)
        return buffer, before_tv

    def _patches(self, part: Part) -> list[Patch]:
        if part.recurs and (recurring := self._recurring.get(part.key)) is not None:
            return recurring
        kept = self._kept.get(part.key)
        return self._draw(part) if kept is None else kept.patches()

    def _draw(self, part: Part) -> list[Patch]:
        self._drew = True
        patches = [self._patch(cutout) for cutout in part.draw()]
        if part.recurs:
            self._recurring[part.key] = patches
        else:
            self._kept.put(part.key, self._pack(patches))
        return patches

    def _patch(self, cutout: Cutout) -> Patch:
        screen = self._screen and cutout.rect.common(self._screen)
        return Patch(self._stage.lay(cutout), cutout.rect, cutout.crop(screen).copy() if screen else None)

    def _covered(self, screen: Rect) -> Rect | None:
        """The TV's screen, where any of the presenter may come in front of it."""
        by = self._stage.height // 40 * 2  # further than any movement
        around = Rect(screen.left - by, screen.top - by, screen.right + by, screen.bottom + by)
        near = ((cutout, cutout.rect.common(around)) for cutout in self._face.figure())
        return screen if any(rect and not cutout.crop(rect).empty for cutout, rect in near) else None


def _visible(cutouts: list[Cutout]) -> Iterator[Cutout]:
    """Those that change anything, of cutouts of which the later replace the earlier."""
    last: dict[Rect, Cutout] = {}
    for cutout in cutouts:
        last.pop(cutout.rect, None)
        last[cutout.rect] = cutout
    shown: list[Rect] = []
    for cutout in last.values():
        if not cutout.empty or any(cutout.rect.common(rect) for rect in shown):
            shown.append(cutout.rect)
            yield cutout
