"""What a session of a mode costs here, from those that ran."""

from datetime import timedelta

import pytest

from monitoring.hosts.costs import cost_of
from sessions.models import DeploymentMode, ModeVersion
from tests.monitoring.conftest import Ended

pytestmark = pytest.mark.django_db


def test_a_mode_that_never_ran_on_a_host_has_no_cost_there(ended: Ended, balanced: DeploymentMode) -> None:
    ended()
    assert cost_of(balanced, "another") is None


def test_costs_are_medians_over_sessions_that_stayed_in_the_mode(ended: Ended, balanced: DeploymentMode) -> None:
    for cpu_percent in (20, 30, 70):
        ended(cpu_percent=cpu_percent, cpu_p95_percent=2 * cpu_percent)
    ended(cpu_percent=200, switched=True)
    cost = cost_of(balanced, "atlas")
    assert cost is not None
    assert (cost.sessions, cost.cpu_cores, cost.busy_cpu_cores) == (3, 0.3, 0.6)
    assert (cost.uss_bytes, cost.voice_latency_ms, cost.ready_ms) == (118_000_000, 700, 900)


def test_what_was_never_measured_is_not_there(ended: Ended, balanced: DeploymentMode) -> None:
    ended(cpu_p95_percent=None, answer_ms=None, uss_bytes=None)
    cost = cost_of(balanced, "atlas")
    assert cost is not None
    assert (cost.busy_cpu_cores, cost.voice_latency_ms, cost.uss_bytes) == (0.3, None, None)


def test_a_mode_that_was_edited_is_judged_by_its_new_settings_once_they_ran_a_few_times(
    ended: Ended, balanced: DeploymentMode
) -> None:
    for _ in range(4):
        ended(cpu_percent=80, ago=timedelta(days=1))
    balanced.current = ModeVersion.objects.create(mode=balanced, number=2, settings_json=balanced.current.settings_json)  # type: ignore[union-attr]
    balanced.save()
    ended(cpu_percent=20)
    cost = cost_of(balanced, "atlas")
    assert cost is not None
    assert not cost.is_of_present_settings
    for _ in range(2):
        ended(cpu_percent=20)
    cost = cost_of(balanced, "atlas")
    assert cost is not None
    assert cost.is_of_present_settings
    assert cost.cpu_cores == 0.2
