"""Automatic lightening: a session whose frames are late, or whose host is short of CPU, goes one mode lighter, and back once
that has been over for long enough.

Rules are data. What they are fed is a session's last second; what comes out is a step, which `lighten` makes a switch of. It
only ever takes back its own steps: an operator's switch is where it starts from anew, after a rest.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.models import FrameSample, HostSample
from monitoring.samples.queries import within
from sessions.actions.switches import switch_version
from sessions.errors import SessionError
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ModeVersion, SwitchOutcome

FRESH_FOR: Final = timedelta(seconds=3)  # an older reading says nothing of now
SETTLES_WITHIN: Final = timedelta(seconds=10)  # after any switch
RESTS_AFTER_FAILED: Final = timedelta(minutes=1)
RESTS_AFTER_OPERATOR: Final = timedelta(minutes=5)
CALM_FOR: Final = timedelta(seconds=60)  # before the first step back up
UPS_COUNT_FOR: Final = timedelta(minutes=30)  # each step up of these doubles the next one's calm
MOST_DOUBLINGS: Final = 4
BY: Final = gettext_lazy("automatic lightening")


class Reading(NamedTuple):
    """A second of a session. None is what was not measured."""

    frame_p95_percent: float | None  # of the frame's budget
    repeated_percent: float | None  # of the frames sent
    steal_percent: float | None  # of all cores of the host


@dataclass(frozen=True)
class Rule:
    """Too much where half of the last `heavy_for_s` seconds are `heavy_from` or more: a machine that is short of CPU has good
    seconds between the bad ones. Calm below `calm_below`, without a break."""

    name: str
    sentence: Any  # translated lazily; of the value and the seconds
    of: Callable[[Reading], float | None]
    heavy_from: float
    heavy_for_s: int
    calm_below: float


RULES: Final = (
    Rule(
        "late_frames",
        gettext_lazy("the slowest frames took %(value)d %% of their budget for %(s)d s"),
        lambda reading: reading.frame_p95_percent,
        heavy_from=100,
        heavy_for_s=10,
        calm_below=60,
    ),
    Rule(
        "repeated_frames",
        gettext_lazy("%(value)d %% of the frames were not ready in time for %(s)d s"),
        lambda reading: reading.repeated_percent,
        heavy_from=5,
        heavy_for_s=10,
        calm_below=1,
    ),
    Rule(
        "steal",
        gettext_lazy("CPU steal was %(value)d %% for %(s)d s"),
        lambda reading: reading.steal_percent,
        heavy_from=10,
        heavy_for_s=10,
        calm_below=5,
    ),
)


@dataclass(frozen=True)
class Down:
    """Go one mode lighter; `reason` is a sentence's part."""

    reason: str


@dataclass(frozen=True)
class Up:
    """Go back to where the last own step down came from."""

    reason: str


@dataclass
class Watch:
    """What a session's seconds have said so far: the last of them, and since when all rules are calm."""

    began: datetime | None = None
    last: deque[tuple[datetime, Reading]] = field(default_factory=deque)
    calm_since: datetime | None = None

    def feed(self, reading: Reading, at: datetime) -> None:
        self.began = self.began or at
        self.last.append((at, reading))
        while at - self.last[0][0] >= timedelta(seconds=max(rule.heavy_for_s for rule in RULES)):
            self.last.popleft()
        known = [(rule, value) for rule in RULES if (value := rule.of(reading)) is not None]
        if known and all(value < rule.calm_below for rule, value in known):
            self.calm_since = self.calm_since or at
        else:
            self.calm_since = None

    def step(self, at: datetime, calm_for: timedelta) -> Down | Up | None:
        """What these seconds ask for."""
        for rule in RULES:
            value = self._usual(rule, at)
            if value is not None and value >= rule.heavy_from:
                return Down(str(rule.sentence) % {"value": value, "s": rule.heavy_for_s})
        if self.calm_since is not None and at - self.calm_since >= calm_for:
            return Up(_("all was calm for %(s)d s") % {"s": (at - self.calm_since).total_seconds()})
        return None

    def _usual(self, rule: Rule, at: datetime) -> float | None:
        """The median of the rule's last seconds; None before there were so many, and where most were not measured."""
        span = timedelta(seconds=rule.heavy_for_s)
        if self.began is None or at - self.began < span:
            return None
        values = [value for when, each in self.last if at - when < span and (value := rule.of(each)) is not None]
        return median(values) if len(values) * 2 >= rule.heavy_for_s else None


@dataclass(frozen=True)
class Past:
    """A session's switches, as far as lightening goes by them."""

    rests_until: datetime | None  # nothing is done before
    came_from: ModeVersion | None  # of the last own step down that was not taken back
    ups: int  # own steps up of late

    @property
    def calm_for(self) -> timedelta:
        """How long all must be calm before the next step up: longer after each one that may have been too early."""
        return CALM_FOR * (1 << min(self.ups, MOST_DOUBLINGS))


def past_of(switches: Iterable[ModeSwitch], now: datetime) -> Past:
    """What follows from the switches of a session, in order."""
    rests_until: datetime | None = None
    came_from: list[ModeVersion] = []
    ups = 0
    for switch in switches:
        if switch.outcome == SwitchOutcome.PENDING:
            return Past(datetime.max.replace(tzinfo=now.tzinfo), None, 0)
        over = switch.finished_at or switch.requested_at
        rests_until = over + _rest(switch)
        if not switch.is_automatic:
            came_from, ups = [], 0
            continue
        is_up = switch.to_version.settings.pixel_rate > switch.from_version.settings.pixel_rate
        if is_up and now - over < UPS_COUNT_FOR:
            ups += 1
        if switch.outcome != SwitchOutcome.APPLIED:
            continue
        if not is_up:
            came_from.append(switch.from_version)
        elif came_from:
            came_from.pop()
    return Past(rests_until, came_from[-1] if came_from else None, ups)


def _rest(switch: ModeSwitch) -> timedelta:
    if not switch.is_automatic:
        return RESTS_AFTER_OPERATOR
    return RESTS_AFTER_FAILED if switch.outcome == SwitchOutcome.FAILED else SETTLES_WITHIN


def next_lighter(session: AvatarSession) -> ModeVersion | None:
    """The heaviest built-in mode that is lighter than the one that the session is in."""
    now = session.settings.pixel_rate
    rated = [
        (session.settings_in(mode.current).pixel_rate, mode.current)
        for mode in DeploymentMode.objects.filter(is_built_in=True, archived_at=None).select_related("current")
        if mode.current is not None
    ]
    lighter = [each for each in rated if each[0] < now]
    return max(lighter, key=lambda each: each[0])[1] if lighter else None


def reading_of(session: AvatarSession, now: datetime) -> Reading | None:
    """The session's last second; None where nothing fresh is known."""
    frames = FrameSample.objects.filter(within(FRESH_FOR, now), session=session).order_by("-at").first()
    steal = HostSample.objects.filter(within(FRESH_FOR, now), host=session.host).order_by("-at")
    steal_percent = steal.values_list("steal_percent", flat=True).first()
    if frames is None and steal_percent is None:
        return None
    p95_percent = repeated_percent = None
    if frames is not None:
        sent = frames.composed + frames.cached + frames.repeated
        repeated_percent = 100 * frames.repeated / sent if sent else None
        p95_percent = None if frames.frame_p95_ms is None else 100 * frames.frame_p95_ms / frames.budget_ms
    return Reading(p95_percent, repeated_percent, steal_percent)


class Lightening:
    """Watches the sessions that are to be lightened. What it forgets when its process dies is some seconds of patience."""

    def __init__(self) -> None:
        self._watches: dict[int, Watch] = {}

    def look_at(self, session: AvatarSession, now: datetime) -> ModeSwitch | None:
        """Take the session's last second in; the switch that was ordered, if one was."""
        if not (session.lightens and session.is_on_air and session.is_drawn_here):
            self._watches.pop(session.pk, None)
            return None
        switches = session.switches.select_related("from_version__mode", "to_version__mode")
        past, reading = past_of(switches, now), reading_of(session, now)
        if reading is None or (past.rests_until is not None and now < past.rests_until):
            self._watches.pop(session.pk, None)
            return None
        watch = self._watches.setdefault(session.pk, Watch())
        watch.feed(reading, now)
        match watch.step(now, past.calm_for):
            case Down(reason):
                return _switch(session, next_lighter(session), reason)
            case Up(reason):
                return _switch(session, past.came_from, reason)
        return None

    def forget_all_but(self, live: set[int]) -> None:
        """What it knew of sessions that are over."""
        self._watches = {pk: watch for pk, watch in self._watches.items() if pk in live}


def _switch(session: AvatarSession, version: ModeVersion | None, reason: str) -> ModeSwitch | None:
    if version is None:
        return None
    try:
        return switch_version(session, version, by=str(BY), reason=reason)
    except SessionError:
        return None  # an operator was faster, or the session ends: theirs counts
