"""Hitches: late frames, slow turns and slow steps, each linked to what happened then.

A hitch is kept a moment after it, so that the host's sample of that second has come; one that lasts is kept while it lasts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max

from monitoring.ingest.observations import LateFrames, Observation, ProviderFailed, StepSeen, TurnSeen
from monitoring.models import Hitch, HitchCause, HitchKind, HostSample, MediaSample, SessionSample, VisitSample
from monitoring.watching.usual import Usual
from sessions.models import AvatarSession

KEPT_AFTER: Final = timedelta(seconds=2)
KEPT_WHILE_EVERY: Final = timedelta(seconds=5)
ONE_RUN_WITHIN: Final = timedelta(seconds=3)  # late frames that are no further apart are one hitch
REMEMBERED_FOR: Final = timedelta(minutes=10)  # a provider's failure, a step that runs
# Further ahead lies what was noticed before the clock was set back; less far ahead, two clocks differ.
SET_BACK: Final = timedelta(seconds=30)
AROUND: Final = timedelta(seconds=1)
PROVIDER_AROUND: Final = timedelta(seconds=10)
VISIBLE_TIMES: Final = 2.0  # a frame that took twice its budget may be seen, whatever waited before it
VISIBLE_COUNT: Final = 3
SLOW_TIMES: Final = 2.0
SLOW_TURN_BY_MS: Final = 500.0
SLOW_TURN_MS: Final = 3_000.0  # where the mode's usual time is not known yet
SLOW_STEP_BY_MS: Final = 500.0


@dataclass(frozen=True)
class Sign:
    """A figure that speaks for a cause, from `from_value` on; the further beyond it, the more."""

    cause: HitchCause
    figure: str
    from_value: float
    kinds: frozenset[HitchKind] = frozenset(HitchKind)


NOT_FRAMES: Final = frozenset({HitchKind.TURN, HitchKind.STEP})  # frames are made here: no network is in the way
SIGNS: Final = (
    Sign(HitchCause.STEAL, "steal_percent", 5),
    Sign(HitchCause.THROTTLING, "throttled_percent", 10),
    Sign(HitchCause.CPU, "cpu_pressure_percent", 60),
    Sign(HitchCause.MEMORY, "memory_pressure_percent", 5),
    Sign(HitchCause.MEMORY, "major_faults_per_s", 50),
    Sign(HitchCause.PROVIDER, "provider_failures", 0.2, NOT_FRAMES),
    Sign(HitchCause.NETWORK, "lost_percent", 3, NOT_FRAMES),
    Sign(HitchCause.NETWORK, "round_trip_ms", 300, NOT_FRAMES),
)


def cause_of(kind: HitchKind, evidence: dict[str, float]) -> HitchCause:
    """The cause that the figures speak for most; our own code where none does."""
    weights = {
        sign.cause: evidence[sign.figure] / sign.from_value
        for sign in sorted(SIGNS, key=lambda sign: evidence.get(sign.figure, 0) / sign.from_value)
        if kind in sign.kinds and evidence.get(sign.figure, 0) >= sign.from_value
    }
    return max(weights, key=lambda cause: weights[cause], default=HitchCause.OWN_CODE)


@dataclass
class _Pending:
    """A hitch that is not kept yet, or may go on."""

    session_pk: int
    kind: HitchKind
    at: datetime
    until: datetime
    took_ms: float
    usual_ms: float
    count: int = 1
    what: str = ""
    row: Hitch | None = None
    kept_until: datetime | None = None  # how much of it is in the row

    @property
    def has_news(self) -> bool:
        return self.kept_until != self.until


def _quiet(pending: _Pending, now: datetime) -> timedelta:
    """How long it has been over."""
    since = now - pending.until
    return abs(since) if since < -SET_BACK else since


@dataclass
class HitchWatch:
    """Collects hitches from what handlers noticed, and keeps them with their causes. The ingester owns it."""

    usual: Usual
    _runs: dict[int, _Pending] = field(default_factory=dict)  # late frames, by session
    _others: list[_Pending] = field(default_factory=list)
    _steps: dict[tuple[int, int, int], StepSeen] = field(default_factory=dict)
    _failures: dict[int, list[datetime]] = field(default_factory=dict)  # of providers, by session

    def observe(self, observed: Iterable[Observation]) -> None:
        """Take note. Asks the database for what is usual."""
        for each in observed:
            match each:
                case LateFrames():
                    self._add_late(each)
                case TurnSeen():
                    self._add_turn(each)
                case StepSeen(duration_ms=None):
                    self._steps[each.session.pk, each.attempt, each.number] = each
                case StepSeen():
                    self._add_step(each)
                case ProviderFailed():
                    self._failures.setdefault(each.session.pk, []).append(each.at)

    def tick(self, now: datetime) -> list[Hitch]:
        """Keep what is due; the rows that are new. What lies ahead was noticed before the clock was set back, and is over."""
        new = []
        for run in list(self._runs.values()):
            quiet = _quiet(run, now)
            if run.has_news and (quiet >= KEPT_AFTER or now - (run.kept_until or run.at) >= KEPT_WHILE_EVERY):
                new += self._keep(run)
            if quiet > ONE_RUN_WITHIN and not run.has_news:
                del self._runs[run.session_pk]
        for pending in [each for each in self._others if _quiet(each, now) >= KEPT_AFTER]:
            new += self._keep(pending)
            self._others.remove(pending)
        self._forget(now)
        return new

    def _add_late(self, late: LateFrames) -> None:
        if late.took_ms < VISIBLE_TIMES * late.budget_ms and late.count < VISIBLE_COUNT:
            return
        run = self._runs.get(late.session.pk)
        if run is not None and abs(late.at - run.until) <= ONE_RUN_WITHIN:
            run.until = max(run.until, late.at)
            run.took_ms = max(run.took_ms, late.took_ms)
            run.count += late.count
            return
        if run is not None and run.has_news:
            self._others.append(run)
        # The event comes at the end of the second that it tells of.
        began_at = late.at - timedelta(seconds=1)
        self._runs[late.session.pk] = _Pending(
            late.session.pk, HitchKind.FRAMES, began_at, late.at, late.took_ms, late.budget_ms, late.count
        )

    def _add_turn(self, turn: TurnSeen) -> None:
        usual_ms = self.usual.turn_ms(turn.session.pk)
        slow_from_ms = SLOW_TURN_MS if usual_ms is None else max(SLOW_TIMES * usual_ms, usual_ms + SLOW_TURN_BY_MS)
        if turn.first_sound_ms < slow_from_ms:
            return
        slowest = max(turn.parts_ms, key=lambda part: turn.parts_ms[part], default="").removesuffix("_ms")
        began_at = turn.at - timedelta(milliseconds=turn.first_sound_ms)
        self._others.append(
            _Pending(
                turn.session.pk,
                HitchKind.TURN,
                began_at,
                turn.at,
                turn.first_sound_ms,
                usual_ms or SLOW_TURN_MS,
                what=slowest,
            )
        )

    def _add_step(self, ended: StepSeen) -> None:
        begun = self._steps.pop((ended.session.pk, ended.attempt, ended.number), None)
        if begun is None or ended.duration_ms is None:
            return
        usual_ms = self.usual.step_ms(ended.session.pk, begun.key)
        if usual_ms is None or ended.duration_ms < max(SLOW_TIMES * usual_ms, usual_ms + SLOW_STEP_BY_MS):
            return
        self._others.append(
            _Pending(
                ended.session.pk, HitchKind.STEP, begun.at, ended.at, ended.duration_ms, usual_ms, what=begun.label
            )
        )

    def _keep(self, pending: _Pending) -> list[Hitch]:
        evidence = self._evidence(pending)
        cause = cause_of(pending.kind, evidence)
        values: dict[str, Any] = {
            "until": pending.until,
            "took_ms": round(pending.took_ms, 1),
            "count": pending.count,
            "evidence": evidence,
            "cause": cause,
        }
        pending.kept_until = pending.until
        if pending.row is not None:
            Hitch.objects.filter(pk=pending.row.pk).update(**values)
            return []
        pending.row = Hitch.objects.create(
            session_id=pending.session_pk,
            at=pending.at,
            kind=pending.kind,
            usual_ms=round(pending.usual_ms, 1),
            what=pending.what[:120],
            **values,
        )
        return [pending.row]

    def _evidence(self, pending: _Pending) -> dict[str, float]:
        """The worst of each figure around the hitch, those that were read."""
        span = (pending.at - AROUND, pending.until + AROUND)
        session = {"session": pending.session_pk, "at__range": span}
        host = AvatarSession.objects.values_list("host", flat=True).get(pk=pending.session_pk)
        found = HostSample.objects.filter(host=host, at__range=span).aggregate(
            steal_percent=Max("steal_percent"),
            throttled_percent=Max("throttled_percent"),
            cpu_pressure_percent=Max("cpu_pressure_percent"),
            memory_pressure_percent=Max("memory_pressure_percent"),
        )
        found |= SessionSample.objects.filter(**session).aggregate(major_faults_per_s=Max("major_faults_per_s"))
        if pending.kind in NOT_FRAMES:
            wide = {**session, "at__range": (span[0] - PROVIDER_AROUND, span[1] + PROVIDER_AROUND)}
            travels = {"lost_percent": Max("lost_percent"), "round_trip_ms": Max("round_trip_ms")}
            sent = MediaSample.objects.filter(**wide).aggregate(**travels)
            received = VisitSample.objects.filter(**wide).aggregate(**travels)
            for name in travels:
                found[name] = max((each[name] for each in (sent, received) if each[name] is not None), default=None)
            near = [
                at
                for at in self._failures.get(pending.session_pk, [])
                if pending.at - PROVIDER_AROUND <= at <= pending.until + PROVIDER_AROUND
            ]
            found["provider_failures"] = float(len(near)) or None
        return {name: round(value, 1) for name, value in found.items() if value is not None}

    def _forget(self, now: datetime) -> None:
        for pk, times in list(self._failures.items()):
            self._failures[pk] = [at for at in times if abs(now - at) < REMEMBERED_FOR]
            if not self._failures[pk]:
                del self._failures[pk]
        self._steps = {key: step for key, step in self._steps.items() if abs(now - step.at) < REMEMBERED_FOR}
