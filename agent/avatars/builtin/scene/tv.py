"""The TV of a scene: a thread plays its programme ahead, the renderer takes the picture that is due.

Whatever the programme is, the renderer never waits for it: what is not there in time is not shown, and a programme that
cannot be played leaves a calm picture on the screen and a sentence with the operator.
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from agent.avatars.builtin.drawing.i420 import Planes, Rect
from agent.avatars.builtin.scene.programme import Programme, ProgrammeError, Warn
from agent.avatars.builtin.scene.screen import Screen
from agent.avatars.builtin.scene.slides import read_slide

logger = logging.getLogger(__name__)

STILL: Final = Path(__file__).parent.parent / "programmes/still.jpg"
_AHEAD: Final = 6  # pictures
_LATE_S: Final = 0.4  # a programme that is later than this goes on from where it is, and hurries nothing
_SOON_S: Final = 0.5
_SAME_S: Final = 0.002  # times that are no further apart are the same
_LOOK_S: Final = 0.01
_NICENESS: Final = 5  # the conversation goes first


class Shown(NamedTuple):
    """What the back is in the region of the screen; the same `number`, the same picture."""

    number: int
    below: Planes
    rect: Rect


class _Due(NamedTuple):
    shown: Shown
    at_s: float  # of the programme


class Tv:
    """Plays a programme on a screen. `shown` and `lively_fps` may be called from any thread, `close` ends it."""

    def __init__(
        self,
        screen: Screen,
        programme: Programme,
        fps: float,
        warn: Warn,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`warn` is called from the thread that plays."""
        self._screen, self._programme, self._fps, self._warn, self._clock = screen, programme, fps, warn, clock
        self._ahead: queue.Queue[_Due] = queue.Queue(_AHEAD)
        self._next: _Due | None = None
        self._current: Shown | None = None
        self._began_s: float | None = None
        self._count = 0
        self._closed = threading.Event()
        self._taking = threading.Lock()
        self._thread = threading.Thread(target=self._play, name="tv", daemon=True)
        self._thread.start()

    @property
    def rect(self) -> Rect:
        """The region of the frame that the screen is in."""
        return self._screen.rect

    def shown(self) -> Shown | None:
        """What is on the screen now; None as long as there is nothing."""
        now_s = self._clock()
        with self._taking:
            while (due := self._head()) is not None:
                if self._began_s is None or now_s - self._began_s - due.at_s > _LATE_S:
                    self._began_s = now_s - due.at_s
                if now_s - self._began_s < due.at_s - _SAME_S:
                    break
                self._current, self._next = due.shown, None
            return self._current

    def first(self) -> None:
        """Returns once a first picture is there, or none will ever be."""
        while self._head() is None and self._current is None and self._thread.is_alive():
            self._closed.wait(_LOOK_S)

    def lively_fps(self) -> float | None:
        """How often to look at the screen: the TV's rate while it moves, else None."""
        with self._taking:
            due = self._head()
            if due is None:
                return self._fps if self._thread.is_alive() else None  # the thread is behind, or done
            waits_s = 0.0 if self._began_s is None else self._began_s + due.at_s - self._clock()
            return self._fps if waits_s < _SOON_S else None

    def close(self) -> None:
        """Returns once the thread has ended."""
        self._closed.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._ahead.get_nowait()
        self._thread.join()

    def _head(self) -> _Due | None:
        if self._next is None:
            with contextlib.suppress(queue.Empty):
                self._next = self._ahead.get_nowait()
        return self._next

    def _play(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        at_s = 0.0
        try:
            for picture in self._programme.pictures(self._screen.canvas, self._fps, self._warn):
                at_s = picture.at_s
                if not self._hand_over(picture.planes, at_s):
                    return
        except ProgrammeError as error:
            self._give_up(str(error), error.still, at_s)
        except Exception as error:  # a decoder's surprise must not leave a screen that nobody understands
            logger.exception("the TV's programme failed")
            self._give_up(f"the TV's programme failed ({type(error).__name__}: {error}); choose another", None, at_s)

    def _give_up(self, sentence: str, still: Planes | None, at_s: float) -> None:
        self._warn(sentence)
        if still is None and self._count == 0:
            still = self._calm()
        if still is not None:
            self._hand_over(still, at_s)

    def _calm(self) -> Planes:
        try:
            return read_slide(STILL, self._screen.canvas)
        except ProgrammeError:
            width, height = self._screen.canvas
            chroma = np.full((height // 2, width // 2), 128, np.uint8)
            return Planes(np.full((height, width), 40, np.uint8), chroma, chroma)

    def _hand_over(self, planes: Planes, at_s: float) -> bool:
        """False once the TV is closed. Waits while enough is played ahead."""
        self._count += 1
        due = _Due(Shown(self._count, self._screen.project(planes), self._screen.rect), at_s)
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._ahead.put(due, timeout=0.2)
                return True
        return False
