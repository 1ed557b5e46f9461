"""When a figure is worth an alert, and when it is over: the rules on recorded series, without a database."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from monitoring.alerts.conditions import Condition, Trend
from monitoring.alerts.rules import RULES
from monitoring.models import Severity

BEGIN = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


def history(rule: str, values: Iterable[float], begin: datetime = BEGIN) -> list[tuple[int, str]]:
    """What a series of one reading a second leads to: the second, and "raised warning", "raised critical" or "cleared"."""
    condition = Condition(RULES[rule])
    raised_at, told = None, []
    for second, value in enumerate(values):
        at = begin + timedelta(seconds=second)
        condition.add(at, value)
        severity, _ = condition.judged()
        if raised_at is not None and condition.is_over(raised_at):
            raised_at = None
            told.append((second, "cleared"))
        elif raised_at is None and severity is not None:
            raised_at = at
            told.append((second, f"raised {severity}"))
    return told


def noisy(mean: float, spread: float, seconds: int, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [max(0.0, chance.gauss(mean, spread)) for _ in range(seconds)]


@pytest.mark.parametrize("seed", range(5))
def test_a_noisy_series_about_the_limit_raises_steal_once_and_clears_it_once(seed: int) -> None:
    series = [*noisy(0.4, 0.3, 120, seed), *noisy(5.5, 2.5, 900, seed), *noisy(0.4, 0.3, 300, seed)]
    assert [what for _, what in history("steal", series)] == ["raised warning", "cleared"]


def test_steal_must_last_ten_seconds_and_clears_half_a_minute_after_it_fell_under_half_of_it() -> None:
    assert history("steal", [0.0] * 60 + [40.0] * 1 + [0.0] * 60) == []
    told = history("steal", [0.0] * 60 + [91.0] * 60 + [0.0] * 60)
    assert [what for _, what in told] == ["raised warning", "cleared"]  # it is worsened a second later
    assert 60 <= told[0][0] <= 70
    assert 120 + 25 <= told[1][0] <= 120 + 31


def test_steal_that_stays_between_half_of_the_limit_and_the_limit_keeps_what_was_raised() -> None:
    assert [what for _, what in history("steal", [7.0] * 30 + [3.5] * 600)] == ["raised warning"]


def test_the_first_seconds_of_a_series_raise_nothing() -> None:
    assert history("steal", [91.0] * 8) == []
    assert history("steal", [91.0] * 10)[0][1] == "raised critical"


def test_a_disk_that_fills_is_told_by_what_is_left() -> None:
    assert [what for _, what in history("disk", [40, 11, 9, 11, 9, 13])] == ["raised warning", "cleared"]
    assert RULES["disk"].severity_of(4) == Severity.CRITICAL


def test_a_clock_that_steps_back_an_hour_begins_anew_and_loses_no_alert() -> None:
    condition = Condition(RULES["steal"])
    for second in range(20):
        condition.add(BEGIN + timedelta(seconds=second), 1.0)
    earlier = BEGIN - timedelta(hours=1)
    for second in range(20):
        condition.add(earlier + timedelta(seconds=second), 50.0)
    assert condition.judged() == (Severity.CRITICAL, 50.0)


def test_readings_that_come_twice_or_out_of_order_count_once() -> None:
    condition = Condition(RULES["no_frame"])
    condition.add(BEGIN, 5.0)
    condition.add(BEGIN, 0.0)
    condition.add(BEGIN - timedelta(seconds=2), 0.0)
    assert condition.judged()[1] == 5.0


def test_readings_that_come_fast_are_kept_as_a_few_with_the_same_mean() -> None:
    condition = Condition(RULES["steal"])
    for number in range(4_000):
        condition.add(BEGIN + timedelta(seconds=number / 100), 4.0 + number % 3)
    assert condition.judged()[1] == pytest.approx(5.0, abs=0.01)
    assert len(condition._readings) <= 2 * 30 + 1, "each reading is judged over all that are kept"


def growth(values: Iterable[float]) -> float | None:
    trend, grown = Trend(), None
    for second, value in enumerate(values):
        grown = trend.add(BEGIN + timedelta(seconds=second), value) or grown
    return grown


def test_memory_that_grows_steadily_is_told_by_its_slope_however_noisy() -> None:
    slope = growth(118 + second * 0.1 + noise for second, noise in enumerate(noisy(0, 3, 660, 7)))
    assert slope == pytest.approx(60, abs=8)


def test_memory_that_rose_once_at_the_start_does_not_grow() -> None:
    assert (growth([70.0] * 5 + [130.0] * 700) or 0) < 15


def test_nothing_is_said_of_a_slope_before_almost_ten_minutes() -> None:
    assert growth(float(second) for second in range(500)) is None
