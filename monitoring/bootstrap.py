"""Is a difference real? Percentile bootstrap, clustered: answers of one session resemble each other, so whole sessions are drawn.

Pure Python: the control plane has no numpy. The seed is fixed, so that the same rows give the same words.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

TIMES: Final = 500
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
    sides = tuple([list(cluster) for cluster in side if cluster] for side in (before, after))
    if not sides[0] or not sides[1]:
        return None
    first, second = (_Drawn(side, statistic) for side in sides)
    low = high = None
    if min(len(side) for side in sides) >= MIN_CLUSTERS:
        draw = random.Random(SEED)  # noqa: S311 (no secret hangs on it)
        changes = sorted(second.drawn(draw) - first.drawn(draw) for _ in range(TIMES))
        low, high = changes[int(TAIL * TIMES)], changes[int((1 - TAIL) * TIMES) - 1]
    return Difference(
        first.plain(), second.plain(), low, high, (len(sides[0]), len(sides[1])), (first.size, second.size)
    )


class _Drawn:
    """One side: its values in order, each with the place of its cluster, so that a draw only weighs and adds up."""

    def __init__(self, clusters: Clusters, statistic: Statistic) -> None:
        pairs = sorted((value, place) for place, cluster in enumerate(clusters) for value in cluster)
        self._values = [value for value, _ in pairs]
        self._owners = [place for _, place in pairs]
        self._sums = [(sum(cluster), len(cluster)) for cluster in clusters]
        self._statistic = statistic
        self.size = len(pairs)

    def plain(self) -> float:
        """The statistic of the values as they are."""
        return self._weighed([1] * len(self._sums))

    def drawn(self, draw: random.Random) -> float:
        """The statistic of as many clusters as there are, drawn with replacement."""
        count = len(self._sums)
        weights = [0] * count
        for place in draw.choices(range(count), k=count):
            weights[place] += 1
        return self._weighed(weights)

    def _weighed(self, weights: list[int]) -> float:
        if self._statistic == "mean":
            pairs = list(zip(weights, self._sums, strict=True))
            return sum(weight * total for weight, (total, _) in pairs) / sum(weight * n for weight, (_, n) in pairs)
        up_to = list(accumulate(map(weights.__getitem__, self._owners)))
        share = 0.5 if self._statistic == "median" else 0.95
        place = bisect_left(up_to, share * up_to[-1])
        if self._statistic == "median" and up_to[place] * 2 == up_to[-1]:  # between two values
            return (self._values[place] + self._values[bisect_left(up_to, up_to[place] + 1)]) / 2
        return self._values[place]
