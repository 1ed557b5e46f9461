"""Frames put together from what was drawn, and drawn states kept for when they come again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from agent.avatars.builtin.drawing.face import Face, Patch
from agent.avatars.builtin.drawing.i420 import planes_of
from agent.avatars.builtin.face_state import CLOSED_MOUTH, FaceState

# Frames that are kept: the breath at a few places of the head, and as much as one and a half in patches.
_KEPT_FRAMES: Final = 7
_KEPT_PATCHES: Final = 1.5


Drawn = TypeVar("Drawn")


class Kept(Generic[Drawn]):
    """What was drawn lately, up to `limit_bytes`; the longest unused goes first."""

    def __init__(self, limit_bytes: int, size_bytes: Callable[[Drawn], int]) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes = size_bytes
        self._items: OrderedDict[Hashable, Drawn] = OrderedDict()
        self.held_bytes = 0

    def get(self, key: Hashable) -> Drawn | None:
        item = self._items.get(key)
        if item is not None:
            self._items.move_to_end(key)
        return item

    def put(self, key: Hashable, item: Drawn) -> None:
        self._items[key] = item
        self.held_bytes += self._size_bytes(item)
        while self.held_bytes > self._limit_bytes and len(self._items) > 1:
            _, oldest = self._items.popitem(last=False)
            self.held_bytes -= self._size_bytes(oldest)


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
        return self._frames.held_bytes + self._patches.held_bytes

    def compose(self, state: FaceState) -> ComposedFrame:
        """The frame of `state`: a kept one when the face is quiet and has been so before."""
        started = time.perf_counter()
        base = self._frames.get(state.pose)
        kept = base is not None
        if base is None:
            base = self._face.frame(state.pose)
            self._frames.put(state.pose, base)
        quiet = state.mouth == CLOSED_MOUTH and state.lids == 0
        buffer = base if quiet else self._changed(base, state)
        took_ms = (time.perf_counter() - started) * 1000
        return ComposedFrame(buffer, "cached" if kept and quiet else "composed", took_ms)

    def _changed(self, base: bytearray, state: FaceState) -> bytearray:
        buffer = bytearray(base)
        planes = planes_of(buffer, self._face.width, self._face.height)
        if state.mouth != CLOSED_MOUTH:
            patch = self._patch((state.mouth, state.pose), lambda: self._face.mouth(state.mouth, state.pose))
            planes.paste(patch.planes, patch.rect)
        if state.lids:
            patch = self._patch((state.lids, state.pose), lambda: self._face.lids(state.lids, state.pose))
            planes.paste(patch.planes, patch.rect)
        return buffer

    def _patch(self, key: Hashable, draw: Callable[[], Patch]) -> Patch:
        patch = self._patches.get(key)
        if patch is None:
            patch = draw()
            self._patches.put(key, patch)
        return patch
