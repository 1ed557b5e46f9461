"""Automatic lightening, fed with samples."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from monitoring.models import FrameSample, HostSample
from monitoring.switching import lightening
from monitoring.switching.lightening import (
    CALM_FOR,
    RESTS_AFTER_OPERATOR,
    RULES,
    SETTLES_WITHIN,
    Lightening,
    Reading,
    past_of,
    reading_of,
)
from monitoring.watching.watcher import Watcher
from sessions.actions.lightening import set_lightening
from sessions.actions.switches import record_switch, switch_mode
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, State, SwitchOutcome

pytestmark = pytest.mark.django_db
HEAVY_S = RULES[0].heavy_for_s


class Air:
    """A session on air whose seconds are played one after the other; ordered switches are carried out at once."""

    def __init__(self, session: AvatarSession) -> None:
        self.session, self.now, self.lightening = session, timezone.now(), Lightening()
        self.reading: Reading | None = None

    def play(
        self, seconds: int, *, frame_ms: float = 4, repeated: float = 0, steal: float = 0.2, every_s: int = 1
    ) -> list[str]:
        """Feed so many seconds; the modes that were switched to meanwhile."""
        went_to = []
        for _ in range(0, seconds, every_s):
            self.now += timedelta(seconds=every_s)
            self.reading = Reading(100 * frame_ms / self.session.settings.frame_budget_ms, repeated, steal)
            if switch := self.lightening.look_at(self.session, self.now):
                self.finish(switch)
                went_to.append(self.session.mode_slug)
        return went_to

    def finish(self, switch: ModeSwitch, outcome: SwitchOutcome = SwitchOutcome.APPLIED) -> None:
        ModeSwitch.objects.filter(pk=switch.pk).update(requested_at=self.now)
        record_switch(switch.code, outcome, self.now)
        self.session.refresh_from_db()

    def by_operator(self, mode: str) -> None:
        self.finish(switch_mode(self.session, DeploymentMode.objects.get(slug=mode), by="Amina"))

    def until_lighter(self) -> list[str]:
        """Seconds with late frames until it steps down."""
        for _ in range(60):
            if went := self.play(1, frame_ms=500):
                return went
        return []

    def calm_s_until_back(self, most_s: int) -> int:
        """Calm seconds until it steps up; `most_s` where it does not within those."""
        return next((s for s in range(5, most_s, 5) if self.play(5, every_s=5)), most_s)


@pytest.fixture
def air(session: AvatarSession, monkeypatch: pytest.MonkeyPatch) -> Air:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    session.refresh_from_db()
    set_lightening(session, True, by="Amina")
    air = Air(session)
    monkeypatch.setattr(lightening, "reading_of", lambda _session, _now: air.reading)
    return air


@pytest.mark.parametrize("short_of", [{"frame_ms": 90.0}, {"repeated": 12.0}, {"steal": 25.0}])
def test_late_frames_and_steal_lead_one_mode_down(air: Air, short_of: dict[str, Any]) -> None:
    assert air.play(HEAVY_S, **short_of) == []
    assert air.play(1, **short_of) == ["ultra-low-latency"]
    switch = ModeSwitch.objects.get()
    assert (switch.is_automatic, switch.requested_by) == (True, "automatic lightening")
    assert f"for {HEAVY_S} s" in switch.reason
    assert air.session.events.filter(text__contains=switch.reason).exists()


def test_a_moment_of_late_frames_leads_nowhere(air: Air) -> None:
    for _ in range(5):
        assert air.play(HEAVY_S // 3, frame_ms=90) == []
        assert air.play(HEAVY_S) == []


# The slowest frames of a job's seconds while sixteen busy loops shared two cores with it, in percent of their budget: recorded.
STARVED = (145, 61, 50, 74, 95, 103, 253, 66, 217, 40, 136, 130, 107, 103, 73, 252, 518, 164, 145, 52, 113, 301, 63, 88)


def test_a_starved_machine_has_good_seconds_too_and_still_leads_down(air: Air) -> None:
    budget_ms = air.session.settings.frame_budget_ms
    went = [step for percent in STARVED for step in air.play(1, frame_ms=budget_ms * percent / 100)]
    assert went == ["ultra-low-latency"]


def test_it_goes_on_down_to_the_lightest_mode_and_no_further(air: Air) -> None:
    assert air.until_lighter() == ["ultra-low-latency"]
    assert air.until_lighter() == ["constrained"]
    assert air.until_lighter() == []


def test_calm_leads_back_up_by_the_same_steps(air: Air) -> None:
    air.until_lighter()
    air.until_lighter()
    assert air.calm_s_until_back(200) >= CALM_FOR.total_seconds()
    assert air.session.mode_slug == "ultra-low-latency"
    air.calm_s_until_back(400)
    assert air.session.mode_slug == "balanced"
    assert air.play(300, every_s=5) == []


def test_between_calm_and_too_much_nothing_moves(air: Air) -> None:
    air.until_lighter()
    budget_ms = air.session.settings.frame_budget_ms
    assert air.play(300, frame_ms=budget_ms * 0.8, every_s=5) == []


def test_a_step_up_that_was_too_early_makes_the_next_one_wait_longer(air: Air) -> None:
    air.until_lighter()
    first_s = air.calm_s_until_back(400)
    air.until_lighter()
    assert air.calm_s_until_back(400) >= 2 * first_s - 2 * SETTLES_WITHIN.total_seconds()


def test_an_operators_switch_is_left_alone_and_is_where_it_starts_from_anew(air: Air) -> None:
    air.until_lighter()
    air.by_operator("stable")
    assert air.play(int(RESTS_AFTER_OPERATOR.total_seconds()) - 5, frame_ms=500, every_s=5) == []
    assert air.until_lighter() == ["balanced"]
    air.calm_s_until_back(400)
    assert air.session.mode_slug == "stable"


def test_what_an_operator_made_lighter_is_never_made_heavier(air: Air) -> None:
    air.until_lighter()
    air.by_operator("constrained")
    assert air.play(600, every_s=5) == []


def test_while_an_operator_switches_nothing_is_ordered(air: Air) -> None:
    pending = switch_mode(air.session, DeploymentMode.objects.get(slug="stable"), by="Amina")
    assert air.play(30, frame_ms=500) == []
    assert list(ModeSwitch.objects.all()) == [pending]


def test_it_is_off_unless_somebody_turns_it_on(session: AvatarSession) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(state=State.READY)
    session.refresh_from_db()
    for second in range(20):
        at = timezone.now() + timedelta(seconds=second)
        HostSample.objects.create(host=session.host, at=at, cores=2, steal_percent=30)
        assert Lightening().look_at(session, at) is None
    assert not ModeSwitch.objects.exists()


def test_missing_readings_lead_nowhere(air: Air) -> None:
    air.play(HEAVY_S, frame_ms=500)
    air.reading = None
    air.now += timedelta(seconds=1)
    assert air.lightening.look_at(air.session, air.now) is None
    assert air.play(HEAVY_S, frame_ms=500) == []  # it counts from the beginning


def test_a_reading_is_of_the_last_seconds_samples(session: AvatarSession) -> None:
    now = timezone.now()
    assert reading_of(session, now) is None
    for ago_s, repeated in ((20, 25), (1, 5)):
        at = now - timedelta(seconds=ago_s)
        FrameSample.objects.create(
            session=session, at=at, composed=15, cached=5, repeated=repeated, frame_p95_ms=60, budget_ms=40
        )
        HostSample.objects.create(host=session.host, at=at, cores=2, steal_percent=ago_s)
    assert reading_of(session, now) == Reading(150, 20, 1)
    assert reading_of(session, now + timedelta(seconds=10)) is None


def test_a_step_up_that_went_back_is_not_a_way_up_any_more(air: Air) -> None:
    air.until_lighter()
    air.calm_s_until_back(200)
    last = ModeSwitch.objects.last()
    assert last is not None
    air.finish(last, SwitchOutcome.WENT_BACK)
    past = past_of(air.session.switches.all(), air.now)
    assert (past.came_from is not None and past.came_from.mode.slug, past.ups) == ("balanced", 1)
    assert past.calm_for == 2 * CALM_FOR


def test_the_watcher_looks_after_it(air: Air, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, datetime]] = []
    monkeypatch.setattr(Lightening, "look_at", lambda _, session, now: seen.append((session.pk, now)))
    AvatarSession.objects.filter(pk=air.session.pk).update(job_pid=1, dispatch_id="d", job_seen_at=air.now)
    Watcher().tick(air.now)
    assert seen == [(air.session.pk, air.now)]
