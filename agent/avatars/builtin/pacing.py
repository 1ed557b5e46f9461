"""When the next picture is due, while nothing is said.

During speech the receiver paces: it takes sound no faster than it plays. The pacer keeps count of what was handed over,
so that pictures without sound start when the sound before them has been played, and not on top of it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable


class FramePacer:
    """One timeline of due frames. Being late once makes no later frame late, and none come in a rush to catch up."""

    def __init__(self, longest_queue_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`longest_queue_s`: how much the receiver holds at most."""
        self._longest_queue_s = longest_queue_s
        self._clock = clock
        self._due_s: float | None = None

    def set_longest_queue(self, longest_queue_s: float) -> None:
        self._longest_queue_s = longest_queue_s

    def handed_over(self, duration_s: float) -> None:
        """A frame of `duration_s` went out at the receiver's pace."""
        now = self._clock()
        start = now if self._due_s is None else max(self._due_s, now)
        self._due_s = min(start + duration_s, now + self._longest_queue_s)

    def queued_s(self) -> float:
        """How long the receiver can go on with what it has."""
        return 0.0 if self._due_s is None else max(self._due_s - self._clock(), 0.0)

    def drop_queue(self) -> None:
        """The receiver's queue was thrown away: what comes next is due now."""
        self._due_s = None

    async def wait(self, interval_s: float, woken: asyncio.Event) -> bool:
        """Until the next frame is due; the one after it is due `interval_s` later. False, at once, when `woken` is set."""
        now = self._clock()
        if self._due_s is None or now - self._due_s > interval_s:
            self._due_s = now
        if not woken.is_set() and self._due_s > now:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._due_s - now):
                    await woken.wait()
        if woken.is_set():
            return False
        self._due_s += interval_s
        return True
