"""How the answers of two sides spread, drawn: lines over `WIDTH` by `HEIGHT` units, stretched to their place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from monitoring.comparing.bootstrap import MIN_CLUSTERS
from monitoring.comparing.comparison import Side, ms_words
from operators.templatetags.formatting import NO_BREAK

BINS: Final = 72
WIDTH: Final = 720
HEIGHT: Final = 160


@dataclass(frozen=True)
class Density:
    """Lines of both sides as points; where the medians lie (percent, as text) and what they are; ticks in seconds."""

    before: str
    after: str
    before_x: str
    after_x: str
    before_text: str
    after_text: str
    before_is_left: bool
    ticks: tuple[str, ...]

    @property
    def before_anchor(self) -> str:
        """Words stand away from the other side's."""
        return "end" if self.before_is_left else "start"

    @property
    def after_anchor(self) -> str:
        return "start" if self.before_is_left else "end"

    @property
    def before_dx(self) -> int:
        return -6 if self.before_is_left else 6

    @property
    def after_dx(self) -> int:
        return -self.before_dx


def density(before: Side, after: Side) -> Density | None:
    """None where a side has too few answers for a curve."""
    sides = [sorted(value for cluster in side.answers for value in cluster) for side in (before, after)]
    if min(len(side) for side in sides) < MIN_CLUSTERS:
        return None
    low = min(side[0] for side in sides) * 0.8
    high = max(side[min(len(side) - 1, int(0.99 * len(side)))] for side in sides) * 1.1
    span = (high - low) or 1.0
    curves = [_smooth(_shares(side, low, span)) for side in sides]
    top = max(max(curve) for curve in curves) * 1.08
    middles = [median(side) for side in sides]
    lines = [
        " ".join(f"{WIDTH * (n + 0.5) / BINS:.1f},{HEIGHT * (1 - value / top):.1f}" for n, value in enumerate(curve))
        for curve in curves
    ]
    places = [f"{100 * (middle - low) / span:.1f}%" for middle in middles]
    ticks = tuple(f"{(low + span * n / 4) / 1000:.2f}{NO_BREAK}s" for n in range(5))
    return Density(
        before=lines[0],
        after=lines[1],
        before_x=places[0],
        after_x=places[1],
        before_text=ms_words(middles[0]),
        after_text=ms_words(middles[1]),
        before_is_left=middles[0] <= middles[1],
        ticks=ticks,
    )


def _shares(values: Sequence[float], low: float, span: float) -> list[float]:
    bins = [0.0] * BINS
    for value in values:
        place = int((value - low) / span * BINS)
        if 0 <= place < BINS:
            bins[place] += 1 / len(values)
    return bins


def _smooth(values: Iterable[float]) -> list[float]:
    """Three running means are near enough to a bell."""
    curve = list(values)
    for _round in range(3):
        padded = [0.0, 0.0, *curve, 0.0, 0.0]
        curve = [sum(padded[place : place + 5]) / 5 for place in range(len(curve))]
    return curve
