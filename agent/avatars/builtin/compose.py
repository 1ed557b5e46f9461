"""Frames put together from what was drawn, and drawn states kept for when they come again."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Literal

from agent.avatars.builtin.drawing.face import Eyes, Face, Lips, Patch
from agent.avatars.builtin.drawing.i420 import planes_of
from agent.avatars.builtin.drawing.kept import Kept
from agent.avatars.builtin.face_state import FaceState

# Frames that are kept: the breath, all of its steps, at one place of the head; and as much as one and a half in patches.
_KEPT_FRAMES: Final = 9
_KEPT_PATCHES: Final = 1.5


@dataclass(frozen=True)
class ComposedFrame:
    """An I420 frame, not to be written to, and how it came about."""

    buffer: bytearray
    kind: Literal["composed", "cached"]
    took_ms: float


class FrameComposer:
    """One face's frames. Called from one thread at a time."""

    def __init__(self, face: Face) -> None:
        self._face = face
        frame_bytes = face.width * face.height * 3 // 2
        self._frames: Kept[bytearray] = Kept(_KEPT_FRAMES * frame_bytes, len)
        self._patches: Kept[Patch] = Kept(int(_KEPT_PATCHES * frame_bytes), lambda patch: patch.planes.nbytes)

    @property
    def held_bytes(self) -> int:
        """Memory in kept frames and patches."""
        return self._frames.held + self._patches.held

    def compose(self, state: FaceState) -> ComposedFrame:
        """The frame of `state`: a kept one when the face is quiet and has been so before."""
        started = time.perf_counter()
        base = self._frames.get(state.pose)
        kept = base is not None
        if base is None:
            base = self._face.frame(state.pose)
            self._frames.put(state.pose, base)
        lips, eyes = Lips(state.mouth, state.smile), Eyes(state.lids, state.gaze, state.brows, state.smile)
        quiet = lips == Lips() and eyes == Eyes()
        buffer = base if quiet else self._changed(base, state, lips, eyes)
        took_ms = (time.perf_counter() - started) * 1000
        return ComposedFrame(buffer, "cached" if kept and quiet else "composed", took_ms)

    def _changed(self, base: bytearray, state: FaceState, lips: Lips, eyes: Eyes) -> bytearray:
        buffer = bytearray(base)
        planes = planes_of(buffer, self._face.width, self._face.height)
        if lips != Lips():
            patch = self._patch((lips, state.pose), lambda: self._face.mouth(lips, state.pose))
            planes.paste(patch.planes, patch.rect)
        if eyes != Eyes():
            patch = self._patch((eyes, state.pose), lambda: self._face.eyes(eyes, state.pose))
            planes.paste(patch.planes, patch.rect)
        return buffer

    def _patch(self, key: Hashable, draw: Callable[[], Patch]) -> Patch:
        patch = self._patches.get(key)
        if patch is None:
            patch = draw()
            self._patches.put(key, patch)
        return patch
