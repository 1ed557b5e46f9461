"""Whether a rule holds: readings of one figure over time, judged with duration and hysteresis. Knows no database."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Final

from monitoring.alerts.rules import Rule
from monitoring.models import Severity

LONGEST_GAP: Final = timedelta(seconds=30)  # after a longer one earlier readings say nothing of now
COVERED: Final = 0.9  # of the span that a mean is asked over, at least so much must have been seen
TOGETHER: Final = timedelta(seconds=0.5)  # readings that come faster are kept as one: many would make every look long


@dataclass(slots=True)
class _Kept:
    """Readings of a moment: when the first and the last of them came, and what they come to."""

    since: datetime
    at: datetime
    latest: float
    total: float
    count: int = 1

    def take(self, at: datetime, value: float) -> None:
        self.at, self.latest = at, value
        self.total += value
        self.count += 1


class Condition:
    """One rule for one subject."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._readings: deque[_Kept] = deque()

    @property
    def last_at(self) -> datetime | None:
        return self._readings[-1].at if self._readings else None

    def add(self, at: datetime, value: float) -> None:
        """A reading; one that is out of order is left out. A clock that stepped back, or a long gap, begins anew."""
        last_at = self.last_at
        if last_at is not None:
            if last_at - LONGEST_GAP < at <= last_at:
                return
            if abs(at - last_at) > LONGEST_GAP:
                self._readings.clear()
        if self._readings and at - self._readings[-1].since < TOGETHER:
            self._readings[-1].take(at, value)
        else:
            self._readings.append(_Kept(at, at, value, value))
        kept_s = max(self.rule.for_s, self.rule.clear_for_s)
        while (at - self._readings[0].at).total_seconds() > kept_s:
            self._readings.popleft()

    def judged(self) -> tuple[Severity | None, float | None]:
        """What the figure is worth now, and the figure: the mean of the rule's duration, None before it was seen that long."""
        value = self._mean(self.rule.for_s)
        return None if value is None else self.rule.severity_of(value), value

    def is_over(self, raised_at: datetime) -> bool:
        """Whether an alert that was raised then is to be cleared: what was before it does not count."""
        if self.last_at is None or 0 <= (self.last_at - raised_at).total_seconds() < self.rule.clear_for_s * COVERED:
            return False
        value = self._mean(self.rule.clear_for_s)
        return value is not None and self.rule.is_over(value)

    def _mean(self, span_s: float) -> float | None:
        if not self._readings:
            return None
        newest = self._readings[-1]
        if span_s <= 0:
            return newest.latest
        # A reading stands for the second before it, so that ten of them are ten seconds.
        seen_s = (newest.at - self._readings[0].since).total_seconds() + 1
        if seen_s < span_s * COVERED:
            return None
        asked = [each for each in self._readings if (newest.at - each.at).total_seconds() < span_s]
        return sum(each.total for each in asked) / sum(each.count for each in asked)


class Trend:
    """The slope of a figure over a span, by least squares over one reading every `step_s` seconds."""

    def __init__(self, span_s: float = 600, step_s: float = 10) -> None:
        self._span_s = span_s
        self._step_s = step_s
        self._readings: deque[tuple[datetime, float]] = deque()

    def add(self, at: datetime, value: float) -> float | None:
        """How much the figure grows over the span; None until it was seen for (almost) so long."""
        if self._readings and at < self._readings[-1][0] - LONGEST_GAP:
            self._readings.clear()
        if self._readings and (at - self._readings[-1][0]).total_seconds() < self._step_s:
            return None
        self._readings.append((at, value))
        while (at - self._readings[0][0]).total_seconds() > self._span_s:
            self._readings.popleft()
        return self._growth()

    @property
    def last_at(self) -> datetime | None:
        return self._readings[-1][0] if self._readings else None

    def _growth(self) -> float | None:
        newest = self._readings[-1][0]
        times = [(at - newest).total_seconds() for at, _ in self._readings]
        if -times[0] < self._span_s * COVERED:
            return None
        middle_s, middle = fmean(times), fmean(value for _, value in self._readings)
        spread = sum((time - middle_s) ** 2 for time in times)
        slope = sum(
            (time - middle_s) * (value - middle) for time, (_, value) in zip(times, self._readings, strict=True)
        )
        return slope / spread * self._span_s
