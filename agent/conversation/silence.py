"""Breaks a long silence, a few times at most, while somebody is there who could answer."""

import asyncio
import contextlib
from collections.abc import Callable


class SilencePrompts:
    """Calls `prompt()` when nothing was said for `after_s`, at most `most` times running.

    `somebody()` tells whether anybody is there to hear it.
    """

    def __init__(self, after_s: float, most: int, somebody: Callable[[], bool], prompt: Callable[[], None]) -> None:
        self._after_s = after_s
        self._most = most
        self._somebody = somebody
        self._prompt = prompt
        self._in_a_row = 0
        self._broken = asyncio.Event()
        self._busy = False
        self._waiting = asyncio.create_task(self._run(), name="silence-prompts")

    def visitor_spoke(self) -> None:
        self._in_a_row = 0
        self._broken.set()

    def busy(self, busy: bool) -> None:
        """The avatar or a visitor speaks, or an answer is being made: it is not silent."""
        self._busy = busy
        self._broken.set()

    async def aclose(self) -> None:
        self._waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._waiting

    async def _run(self) -> None:
        while True:
            self._broken.clear()
            try:
                await asyncio.wait_for(self._broken.wait(), self._after_s)
            except TimeoutError:
                if not self._busy and self._in_a_row < self._most and self._somebody():
                    self._in_a_row += 1
                    self._prompt()
