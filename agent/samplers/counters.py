"""Counters that only grow, as rates."""

from collections.abc import Mapping


class Counters:
    """Growth of named counters between readings. A counter that is new, or went backwards, has none."""

    def __init__(self) -> None:
        self._before: Mapping[str, int] = {}
        self._at_s: float | None = None

    def per_s(self, now: Mapping[str, int], now_s: float) -> dict[str, float]:
        """By name; `now_s` is on the monotonic clock. Empty at the first reading."""
        before, self._before = self._before, now
        at_s, self._at_s = self._at_s, now_s
        if at_s is None or now_s <= at_s:
            return {}
        return {
            name: (value - before[name]) / (now_s - at_s)
            for name, value in now.items()
            if name in before and value >= before[name]
        }
