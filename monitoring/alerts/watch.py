"""The watch over all rules, in the monitor process: readings come from the ingester after each batch, and it ticks.

What it remembers are readings; which alerts are open stands in the database, so that another monitor goes on with them.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from monitoring.actions.alerts import clear_alert, host_of, raise_alert, worsen_alert
from monitoring.alerts.conditions import Condition, Trend
from monitoring.alerts.rules import RULES
from monitoring.ingest.observations import JobGone, Observation, ProviderFailed, Reading, SessionRef, StepSeen
from monitoring.models import Alert
from monitoring.watching.usual import Usual
from sessions.models import AgentWorker, AvatarSession
from sessions.models.avatar_session import LIVE_STATES, ON_AIR_STATES

Key = tuple[str, str]  # rule, subject

SWEEP_EVERY: Final = timedelta(seconds=10)
FORGET_AFTER: Final = timedelta(minutes=2)
QUIET_AFTER_AWAY: Final = timedelta(seconds=5)
HOST_FORGOTTEN_AFTER: Final = timedelta(hours=1)
STEP_FORGOTTEN_AFTER: Final = timedelta(hours=1)  # whose job died without a word
FAILURES_WITHIN: Final = timedelta(seconds=60)
SLOW_STEP_BY_MS: Final = 500.0  # a step of milliseconds may double unnoticed
NO_FRAME_S: Final = 3.0
SILENT_HOST_S: Final = 10.0
WORST_WRITTEN_EVERY: Final = timedelta(seconds=5)


class AlertWatch:
    """Turns readings into alerts. Not thread-safe: the ingester owns it."""

    def __init__(self, usual: Usual) -> None:
        self._usual = usual
        self._steps: dict[tuple[int, int, int], StepSeen] = {}  # that run, by session, attempt, number
        self._failures: dict[str, deque[datetime]] = {}  # of providers, by subject
        self._conditions: dict[Key, Condition] = {}
        self._trends: dict[str, Trend] = {}
        self._open: dict[Key, Alert] | None = None
        self._written: dict[Key, datetime] = {}
        self._hosts: dict[str, datetime] = {}
        self._awaited: dict[str, datetime] = {}  # sessions on air that were not heard since, by code
        # Last frame figures that lie ahead since the clock was set back, and when each was met, by code.
        self._ahead: dict[str, tuple[tuple[datetime, Any], datetime]] = {}
        self._quiet_since: datetime | None = None
        self._swept_at: datetime | None = None
        self._began_at: datetime | None = None

    def forget(self) -> None:
        """The database or Redis was away, or another monitor watched: what is open is asked anew, nobody is called silent yet."""
        self._open = None
        self._quiet_since = None

    def observe(self, observed: Iterable[Observation]) -> None:
        """Judge what was noticed. Raises what the database raises; what was not raised then is with the next reading."""
        for each in observed:
            match each:
                case Reading(rule="memory_growth" | "worker_growth"):
                    grown = self._trends.setdefault(each.subject, Trend()).add(each.at, each.value)
                    if grown is not None:
                        self._judge(replace(each, value=grown))
                case Reading():
                    self._judge(each)
                case ProviderFailed():
                    self._count_failure(each)
                case StepSeen(duration_ms=None):
                    self._steps[each.session.pk, each.attempt, each.number] = each
                case StepSeen():
                    begun = self._steps.pop((each.session.pk, each.attempt, each.number), None)
                    if begun is not None and each.duration_ms is not None:
                        self._judge_step(begun, each.duration_ms, each.at)
                case JobGone():
                    self._steps = {key: step for key, step in self._steps.items() if key[0] != each.session.pk}

    def seen(self, hosts: Mapping[str, datetime]) -> None:
        """These hosts have reported, by the clock of Redis."""
        self._hosts.update(hosts)

    def tick(self, now: datetime, frames: Mapping[str, tuple[datetime, Any]]) -> None:
        """What nobody reports: pictures that do not come, hosts that are silent, sessions that are over.

        `frames`: when each session's last frame figures came. `now` must not run ahead of what has been read.
        """
        opened = self._opened()
        self._began_at = self._began_at or now
        if self._quiet_since is None:
            self._quiet_since = now
            on_air = AvatarSession.objects.filter(state__in=ON_AIR_STATES).values_list("code", flat=True)
            self._awaited = {str(code): now for code in on_air}
            for host, at in AgentWorker.objects.exclude(host_seen_at=None).values_list("host", "host_seen_at"):
                if at is not None:
                    self._hosts.setdefault(host, at)
        if abs(now - self._quiet_since) < QUIET_AFTER_AWAY:  # also where the clock was set back meanwhile
            return
        self._look_for_frames(now, frames)
        for step in list(self._steps.values()):
            self._judge_step(step, 1000 * (now - step.at).total_seconds(), now)
        for host, at in list(self._hosts.items()):
            if at > now:  # the clock was set back
                self._hosts[host] = now
            silent_s = (now - min(at, now)).total_seconds()
            if silent_s >= SILENT_HOST_S or ("silent_host", f"host:{host}") in opened:
                self._judge(Reading("silent_host", now, silent_s, host))
            if now - at > HOST_FORGOTTEN_AFTER:
                del self._hosts[host]
        if self._swept_at is None or abs(now - self._swept_at) >= SWEEP_EVERY:
            self._swept_at = now
            self._sweep(now)

    def _look_for_frames(self, now: datetime, frames: Mapping[str, tuple[datetime, Any]]) -> None:
        opened = self._opened()
        self._awaited = {code: at for code, at in self._awaited.items() if code not in frames}
        self._ahead = {code: self._met(code, told, now) for code, told in frames.items() if told[0] > now}
        came = {code: self._ahead[code][1] if code in self._ahead else at for code, (at, _) in frames.items()}
        heard = self._awaited | came
        late = {code: (now - at).total_seconds() for code, at in heard.items()}
        asked = [code for code, late_s in late.items() if late_s >= NO_FRAME_S]
        found = AvatarSession.objects.filter(code__in=asked, state__in=ON_AIR_STATES).select_related("profile_version")
        on_air = {str(session.code): session for session in found} if asked else {}
        for code, late_s in late.items():
            session = on_air.get(code)
            if session is not None and session.is_drawn_here:
                self._judge(Reading("no_frame", now, late_s, session=SessionRef(session.pk, code)))
                continue
            if late_s >= NO_FRAME_S:
                self._awaited.pop(code, None)  # over, or drawn elsewhere
            alert = opened.get(("no_frame", f"session:{code}"))
            if alert is not None and (session is not None or late_s < NO_FRAME_S):
                self._clear(("no_frame", alert.subject), alert, now)

    def _met(self, code: str, told: tuple[datetime, Any], now: datetime) -> tuple[tuple[datetime, Any], datetime]:
        """The stream's clock never goes back: until ours has caught up, all that comes bears the same time."""
        known = self._ahead.get(code)
        return known if known is not None and known[0] is told else (told, now)

    def _judge_step(self, step: StepSeen, took_ms: float, at: datetime) -> None:
        usual_ms = self._usual.step_ms(step.session.pk, step.key)
        if usual_ms and took_ms - usual_ms >= SLOW_STEP_BY_MS:
            self._judge(Reading("slow_step", at, took_ms / usual_ms, session=step.session, detail=step.label))

    def _count_failure(self, failure: ProviderFailed) -> None:
        reading = Reading("provider_errors", failure.at, 0, session=failure.session, detail=failure.detail)
        times = self._failures.setdefault(reading.subject, deque(maxlen=100))
        times.append(failure.at)
        count = sum(failure.at - at < FAILURES_WITHIN for at in times)
        self._judge(replace(reading, value=count))

    def _judge(self, reading: Reading) -> None:
        key = (reading.rule, reading.subject)
        condition = self._conditions.setdefault(key, Condition(RULES[reading.rule]))
        condition.add(reading.at, reading.value)
        opened = self._opened()
        severity, value = condition.judged()
        alert = opened.get(key)
        if alert is not None and condition.is_over(alert.raised_at):
            self._clear(key, alert, reading.at)
        elif severity is None or value is None:
            return
        elif alert is None:
            pk = reading.session.pk if reading.session else None
            opened[key] = raise_alert(
                reading.rule,
                severity,
                reading.subject,
                value,
                reading.at,
                host=reading.host or (host_of(pk) if pk is not None else ""),
                session=pk,
                detail=reading.detail,
            )
        elif (
            abs(reading.at - self._written.get(key, alert.raised_at)) >= WORST_WRITTEN_EVERY
            or severity != alert.severity
        ):
            self._written[key] = reading.at
            worsen_alert(alert, severity, value)

    def _clear(self, key: Key, alert: Alert, at: datetime) -> None:
        clear_alert(alert, at)
        self._opened().pop(key, None)
        self._written.pop(key, None)

    def _sweep(self, now: datetime) -> None:
        """Clear what no reading will clear any more, and forget who is gone."""
        over = set(
            AvatarSession.objects.filter(pk__in=[a.session_id for a in self._opened().values() if a.session_id])
            .exclude(state__in=LIVE_STATES)
            .values_list("pk", flat=True)
        )
        for key, alert in list(self._opened().items()):
            quiet_s = RULES[alert.rule].quiet_s
            condition = self._conditions.get(key)
            last_at = condition.last_at if condition and condition.last_at else alert.raised_at
            quiet = min(abs(now - at) for at in (last_at, self._began_at or now))  # ahead: the clock was set back
            is_quiet = quiet_s is not None and quiet.total_seconds() > quiet_s
            if alert.session_id in over or is_quiet:
                self._clear(key, alert, now)
        for key, condition in list(self._conditions.items()):
            if key not in self._opened() and (condition.last_at is None or abs(now - condition.last_at) > FORGET_AFTER):
                del self._conditions[key]
                if key[0] == "provider_errors":
                    self._failures.pop(key[1], None)

        self._trends = {
            subject: trend
            for subject, trend in self._trends.items()
            if trend.last_at is not None and abs(now - trend.last_at) <= FORGET_AFTER
        }
        self._steps = {key: step for key, step in self._steps.items() if abs(now - step.at) <= STEP_FORGOTTEN_AFTER}

    def _opened(self) -> dict[Key, Alert]:
        if self._open is None:
            found = Alert.objects.filter(cleared_at=None, rule__in=RULES).select_related("session")
            self._open = {(alert.rule, alert.subject): alert for alert in found}
        return self._open
