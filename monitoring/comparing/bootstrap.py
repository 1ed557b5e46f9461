"""Is a difference real? Percentile bootstrap, clustered: answers of one session resemble each other, so whole sessions are drawn.

Pure Python: the control plane has no numpy. The seed is fixed, so that the same rows give the same words.
"""

import random
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, Literal

TIMES: Final = 400
SEED: Final = 20_261_121
TAIL: Final = 0.05  # nine in ten lie between the two tails
MIN_CLUSTERS: Final = 5  # fewer sessions draw an interval that is too short to be believed

Statistic = Literal["median", "p95", "mean"]
Clusters = Sequence[Sequence[float]]  # a session's values each


@dataclass(frozen=True)
class Difference:
    """`after - before` with its interval; `low` and `high` are None where the sessions are too few to tell."""

    before: float
    after: float
    low: float | None
    high: float | None
    sessions: tuple[int, int]
    values: tuple[int, int]

    @property
    def change(self) -> float:
        return self.after - self.before

    @property
    def is_real(self) -> bool:
        """True where the interval leaves out no difference at all."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def is_same(self) -> bool:
        """True where every draw came to no difference: both sides are alike."""
        return self.low == self.high == 0

    @property
    def fewest(self) -> int:
        return min(self.sessions)

    @property
    def wanted(self) -> int | None:
        """About how many sessions a side would make the change real, if it stays as it is; None where nobody can say."""
        if self.is_real or self.low is None or self.high is None or not self.change:
            return None
        half = (self.high - self.low) / 2
        needed = self.fewest * (half / abs(self.change)) ** 2
        return round(needed + 0.5) if needed < 1_000 else None


def difference(before: Clusters, after: Clusters, statistic: Statistic = "median") -> Difference | None:
    """Compare two sides; None where one has no value."""
    found = differences(before, after, (statistic,))
    return found[0] if found else None


def differences(before: Clusters, after: Clusters, statistics: Sequence[Statistic]) -> list[Difference]:
    """Compare two sides by several statistics of the same values, for little more than by one; empty where one has no value."""
    sides = [[list(cluster) for cluster in side if cluster] for side in (before, after)]
    if not sides[0] or not sides[1]:
        return []
    first, second = (_Drawn(side, statistics) for side in sides)
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(statistics)
    if min(len(side) for side in sides) >= MIN_CLUSTERS:
        drawn = zip(first.draws(SEED), second.draws(SEED + 1), strict=True)
        changes = [[high - low for low, high in zip(*pair, strict=True)] for pair in drawn]
        bounds = [_ends(column) for column in zip(*changes, strict=True)]
    sizes, counts = (first.size, second.size), (len(sides[0]), len(sides[1]))
    plain = zip(first.plain(), second.plain(), bounds, strict=True)
    return [Difference(low, high, *ends, counts, sizes) for low, high, ends in plain]


def _ends(changes: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(changes)
    return ordered[int(TAIL * TIMES)], ordered[int((1 - TAIL) * TIMES) - 1]


@lru_cache(maxsize=64)
def _weights(count: int, seed: int) -> list[list[int]]:
    """How often each of `count` clusters comes in each draw; the same for all figures of a page, and for the next page."""
    draw = random.Random(seed)  # noqa: S311 (no secret hangs on it)
    found = []
    for _ in range(TIMES):
        weights = [0] * count
        for place in draw.choices(range(count), k=count):
            weights[place] += 1
        found.append(weights)
    return found


class _Drawn:
    """One side: its values in order, each with the place of its cluster, so that a draw only weighs and adds up."""

    def __init__(self, clusters: Clusters, statistics: Sequence[Statistic]) -> None:
        pairs = sorted((value, place) for place, cluster in enumerate(clusters) for value in cluster)
        self._values = [value for value, _ in pairs]
        self._owners = [place for _, place in pairs]
        self._sums = [(sum(cluster), len(cluster)) for cluster in clusters]
        self._statistics = statistics
        self.size = len(pairs)

    def plain(self) -> list[float]:
        """The statistics of the values as they are."""
        return self._weighed([1] * len(self._sums))

    def draws(self, seed: int) -> Iterator[list[float]]:
        """The statistics of as many clusters as there are, drawn with replacement, `TIMES` times."""
        return map(self._weighed, _weights(len(self._sums), seed))

    def _weighed(self, weights: list[int]) -> list[float]:
        up_to = list(accumulate(map(weights.__getitem__, self._owners)))
        return [self._statistic(name, weights, up_to) for name in self._statistics]

    def _statistic(self, name: Statistic, weights: list[int], up_to: list[int]) -> float:
        if name == "mean":
            total = sum(weight * sums for weight, (sums, _) in zip(weights, self._sums, strict=True))
            return total / up_to[-1]
        share = 0.5 if name == "median" else 0.95
        place = bisect_left(up_to, share * up_to[-1])
        if name == "median" and up_to[place] * 2 == up_to[-1]:  # between two values
            return (self._values[place] + self._values[bisect_left(up_to, up_to[place] + 1)]) / 2
        return self._values[place]
