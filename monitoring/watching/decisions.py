"""What the watcher decides about a session or a host's agent worker: pure functions over rows, for a given `now`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext as _

from sessions.models import AgentWorker, AvatarSession, EndReason, State
from sessions.tasks import CLAIM

SILENT_AFTER: Final = timedelta(seconds=5)  # a job on air reports every second
UNPLACED_AFTER: Final = timedelta(seconds=20)
STOPPING_FOR: Final = timedelta(seconds=40)  # the tasks that close rooms try for 30 s by themselves
WORKER_GONE_AFTER: Final = timedelta(seconds=3)
HOST_REPORTS_WITHIN: Final = timedelta(seconds=10)
UNDISPATCHED_FOR: Final = timedelta(seconds=90)
CLAIM_HELD_S: Final = 40.0  # at least this long, an order is believed to be in somebody's hands


@dataclass(frozen=True)
class End:
    """End the session."""

    reason: EndReason
    detail: str


@dataclass(frozen=True)
class PlaceAgain:
    """Nobody is placing the session (a queue was lost): order it once more."""


@dataclass(frozen=True)
class DispatchAgain:
    """The order is with LiveKit, or in the hands of a task, and nothing came of it, as far as events tell."""

    detail: str


@dataclass(frozen=True)
class GiveUp:
    """No worker took any of the mode's dispatches, or none was ever made."""

    detail: str


@dataclass(frozen=True)
class AskLiveKit:
    """The job is silent: it is lost if LiveKit does not see it in the room either."""


@dataclass(frozen=True)
class CloseRoom:
    """The session has been stopping for too long: close its room here and end it."""


Decision = End | PlaceAgain | DispatchAgain | GiveUp | AskLiveKit | CloseRoom


def decide(session: AvatarSession, now: datetime, *, was_visited: bool) -> Decision | None:
    """What has to be done about a live session; None where all is well."""
    if session.state == State.STOPPING:
        return CloseRoom() if now - session.state_changed_at > STOPPING_FOR else None
    if now - session.requested_at >= timedelta(seconds=session.max_duration_s):
        return End(EndReason.MAX_DURATION, _("The time limit of %(s)d s was reached.") % {"s": session.max_duration_s})
    if session.state == State.READY and (end := _idle(session, now, was_visited)):
        return end
    if _nobody_dispatches(session, now):
        text = _(
            "Nobody brought the session to %(host)s within %(s)d s: is a Celery worker reading the queue %(queue)s?"
        )
        waited_s = (now - session.state_changed_at).total_seconds()
        return GiveUp(text % {"host": session.host, "s": waited_s, "queue": f"host.{session.host}"})
    if session.state == State.REQUESTED or not session.dispatch_id:
        return PlaceAgain() if now - max(session.attempt_at, session.state_changed_at) > UNPLACED_AFTER else None
    if session.job_pid is None:
        return _untaken(session, now)
    if now - max(session.job_seen_at or session.attempt_at, session.attempt_at) > _silence_allowed(session):
        return AskLiveKit()
    return None


def worker_is_gone(worker: AgentWorker, now: datetime) -> bool:
    """True where the host's sampler reports, and no agent worker runs there or is on its way."""
    if worker.host_seen_at is None or now - worker.host_seen_at > HOST_REPORTS_WITHIN:
        return False  # an order to start one would wait in a queue that nobody reads
    if worker.state == AgentWorker.State.RUNNING:
        return worker.last_seen_at is not None and worker.host_seen_at - worker.last_seen_at > WORKER_GONE_AFTER
    if worker.state == AgentWorker.State.STARTING:
        return worker.started_at is None or now - worker.started_at > AgentWorker.STARTS_WITHIN
    return True


def _idle(session: AvatarSession, now: datetime, was_visited: bool) -> End | None:
    if session.empty_since is None or now - session.empty_since < timedelta(seconds=session.idle_timeout_s):
        return None
    if was_visited:
        text = _("The last visitor left %(s)d s ago.")
        return End(EndReason.VISITOR_LEFT, text % {"s": (now - session.empty_since).total_seconds()})
    return End(EndReason.IDLE, _("Nobody came within %(s)d s.") % {"s": session.idle_timeout_s})


def _try_s(session: AvatarSession) -> float:
    """Seconds that one try and the pause after it last by the session's mode."""
    mode = session.mode_version.settings
    return mode.timeout_s + mode.retry_interval_s


def _nobody_dispatches(session: AvatarSession, now: datetime) -> bool:
    """True where no dispatch came about for long, and none is being tried: each try sets `attempt_at`."""
    if session.job_pid is not None:
        return False
    is_claimed = session.dispatch_id.startswith(CLAIM)
    if (session.dispatch_id and not is_claimed) or now - session.state_changed_at < UNDISPATCHED_FOR:
        return False
    return not is_claimed or now - session.attempt_at > timedelta(seconds=_try_s(session))


def _untaken(session: AvatarSession, now: datetime) -> Decision | None:
    """A dispatch waits `timeout_s` and a pause, then another one is made, until the mode's retries are used up."""
    mode, try_s = session.mode_version.settings, _try_s(session)
    if session.dispatch_id.startswith(CLAIM):
        held_s = max(try_s + 5, CLAIM_HELD_S)
        if now - session.attempt_at <= timedelta(seconds=held_s):
            return None
        text = _("The order for %(host)s was not carried out within %(s)g s; it is given once more.")
        return DispatchAgain(text % {"host": session.host, "s": held_s})
    if now - session.attempt_at <= timedelta(seconds=try_s):
        return None
    # All tries last as long, so that the time since this attempt began counts them.
    waited_s = (now - session.state_changed_at).total_seconds()
    tries = max(1, int(waited_s // try_s))
    if tries > mode.retries:
        text = _("No agent worker of %(host)s took the session: waited %(s)d s for a process, in %(n)d tries.")
        return GiveUp(text % {"host": session.host, "s": waited_s, "n": mode.retries + 1})
    text = _("No agent worker of %(host)s took the session within %(s)g s. Retry %(n)d of %(all)d.")
    return DispatchAgain(text % {"host": session.host, "s": mode.timeout_s, "n": tries, "all": mode.retries})


def _silence_allowed(session: AvatarSession) -> timedelta:
    """A job that is not on air (yet, or again) may be loading; it gets as long as the mode gives one try."""
    if session.state == State.READY:
        return SILENT_AFTER
    return max(SILENT_AFTER, timedelta(seconds=session.mode_version.settings.timeout_s))
