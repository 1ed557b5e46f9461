"""What the renderer does, as telemetry: counts and times once a second, a warning when frames overrun their budget."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol

from protocol.events import FrameOverrun, FrameStats

MOST_OVER: Final = 0.1  # of a second's frames: with more over budget, the second has missed it


class FrameTiming(Protocol):
    """One frame of a renderer: composed anew, taken from a cache, or the last one repeated; `took_ms` to make it."""

    @property
    def kind(self) -> Literal["composed", "cached", "repeated"]: ...

    @property
    def took_ms(self) -> float: ...


class FrameReporter:
    """Collects frame timings (from any thread) and emits `FrameStats` and `FrameOverrun` once a second each at most."""

    def __init__(
        self, emit: Callable[..., None], budget_ms: float, on_missed: Callable[[int], None] = lambda _: None
    ) -> None:
        """`on_missed` is called once a second with how many seconds in a row frames have missed their budget, if any."""
        self._emit = emit
        self._on_missed = on_missed
        self._budget_ms = budget_ms
        self._timings: list[FrameTiming] = []
        self.missed_s = 0  # seconds in a row, up to now, in which frames missed their budget

    def follow(self, budget_ms: float) -> None:
        """Frames have another budget from now on."""
        self.report()
        self._budget_ms = budget_ms
        self.missed_s = 0

    def on_frame(self, timing: FrameTiming) -> None:
        self._timings.append(timing)

    async def run(self) -> None:
        """Reports until it is cancelled, on an absolute schedule."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + 1.0, loop.time())
            await asyncio.sleep(due - loop.time())
            self.report()

    def report(self) -> None:
        """Emits what happened since the last report; nothing when no frame was made."""
        timings, self._timings = self._timings, []
        if not timings:
            return
        # a repeated frame costs nothing: it says nothing about how long frames take
        times_ms = sorted(timing.took_ms for timing in timings if timing.kind != "repeated")
        counts: dict[str, Any] = {
            kind: sum(timing.kind == kind for timing in timings) for kind in ("composed", "cached", "repeated")
        }
        if times_ms:
            counts |= {
                "frame_p50_ms": _percentile(times_ms, 0.5),
                "frame_p95_ms": _percentile(times_ms, 0.95),
                "frame_max_ms": times_ms[-1],
            }
        self._emit(FrameStats, budget_ms=self._budget_ms, **counts)
        # of a repeated frame, the time is how long its successor has been waited for
        over = [timing.took_ms for timing in timings if timing.took_ms > self._budget_ms]
        self.missed_s = self.missed_s + 1 if len(over) > MOST_OVER * len(timings) else 0
        if over:
            self._emit(FrameOverrun, took_ms=max(over), budget_ms=self._budget_ms, count=len(over))
        if self.missed_s:
            self._on_missed(self.missed_s)


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
