"""The watcher: no session stays as it is with nobody behind it.

It looks at the rows once a second. A killed job is reported by its host's sampler and handled on ingest; the watcher finds what
nobody reports. Telemetry that is away proves nothing: a silent job is lost only if LiveKit does not see it either.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Final

from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.actions.reporting import complete_report, sessions_without_report
from monitoring.switching.lightening import Lightening
from monitoring.watching.decisions import (
    AskLiveKit,
    CloseRoom,
    Decision,
    DispatchAgain,
    End,
    GiveUp,
    PlaceAgain,
    decide,
    worker_is_gone,
)
from sessions import livekit
from sessions.actions.dispatching import dispatch_again
from sessions.actions.lifecycle import end_session, enqueue, finish_session, job_lost
from sessions.actions.progress import record_visitor_joined, record_visitor_left
from sessions.actions.workers import record_process_exited
from sessions.errors import LiveKitError
from sessions.models import AgentWorker, AvatarSession, EndReason, State, Visit
from sessions.models.avatar_session import LIVE_STATES, ON_AIR_STATES
from sessions.tasks import ensure_agent_worker, place_session

logger = logging.getLogger(__name__)

TICK_S: Final = 1.0
ASK_EVERY: Final = timedelta(seconds=2)
PLACE_EVERY: Final = timedelta(seconds=20)
START_WORKER_EVERY: Final = timedelta(seconds=10)
COUNT_VISITORS_EVERY: Final = timedelta(seconds=10)
SWEEP_EVERY: Final = timedelta(seconds=30)
LOOK_FOR_REPORTS_EVERY: Final = timedelta(seconds=3)  # thousands of sessions are looked through
REPORT_EVERY: Final = timedelta(seconds=60)
TELL_MISTAKES_EVERY: Final = timedelta(seconds=60)
LEFT_OVER_FOR: Final = timedelta(days=1)


class Watcher:
    """Decides and acts, once a `tick`. What it remembers only keeps it from asking too often."""

    def __init__(self) -> None:
        self._rests: dict[tuple[str, object], tuple[datetime, datetime]] = {}  # since and until when
        self._livekit_is_away = False
        self._lightening = Lightening()

    def run(self, stop: Event) -> None:
        """Tick until `stop` is set; a database that is away is waited for."""
        pause_s = TICK_S
        while not stop.wait(pause_s):
            try:
                self.tick(timezone.now())
                pause_s = TICK_S
            except (OperationalError, InterfaceError) as error:
                if pause_s == TICK_S:
                    logger.warning("the watcher waits for the database: %s", error)
                pause_s = min(pause_s * 2, 5.0)
                close_old_connections()

    def tick(self, now: datetime) -> None:
        """Look at everything once."""
        # a clock that was set back does not make anything wait until it is there again
        self._rests = {key: rest for key, rest in self._rests.items() if rest[0] <= now < rest[1]}
        joined = Visit.objects.filter(session=OuterRef("pk")).exclude(joined_at=None)
        live = AvatarSession.objects.filter(state__in=LIVE_STATES).select_related("mode_version")
        sessions = list(live.annotate(was_visited=Exists(joined)))
        for session in sessions:
            with self._apart_from_the_rest():
                self._look_after(session, session.was_visited, now)
                self._lightening.look_at(session, now)
        self._lightening.forget_all_but({session.pk for session in sessions})
        for worker in AgentWorker.objects.all():
            if worker_is_gone(worker, now) and self._is_due("worker", worker.host, now, START_WORKER_EVERY):
                self._bring_back(worker, now)
        if self._is_due("sweep", None, now, SWEEP_EVERY):
            with self._apart_from_the_rest():
                self._with_livekit(self._close_left_over_rooms)
        due = self._is_due("reports", None, now, LOOK_FOR_REPORTS_EVERY)
        for ended in sessions_without_report(now) if due else ():
            if self._is_due("report", ended.pk, now, REPORT_EVERY):
                with self._apart_from_the_rest():
                    complete_report(ended)

    def _look_after(self, session: AvatarSession, was_visited: bool, now: datetime) -> None:
        decision = decide(session, now, was_visited=was_visited)
        if decision is not None:
            self._carry_out(session, decision, now)
        elif session.state in ON_AIR_STATES and self._is_due("visitors", session.pk, now, COUNT_VISITORS_EVERY):
            self._with_livekit(lambda: self._count_visitors(session))

    @contextmanager
    def _apart_from_the_rest(self) -> Iterator[None]:
        """A mistake of ours with one session must not leave the others unwatched."""
        try:
            yield
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if self._is_due("mistake", None, timezone.now(), TELL_MISTAKES_EVERY):
                logger.exception("the watcher goes on without this one")

    def _carry_out(self, session: AvatarSession, decision: Decision, now: datetime) -> None:
        match decision:
            case End(reason, detail):
                end_session(session, reason, detail)
            case PlaceAgain():
                if self._is_due("place", session.pk, now, PLACE_EVERY):
                    enqueue(place_session, session.pk)
            case DispatchAgain(detail):
                if self._is_due("ask", session.pk, now, ASK_EVERY):
                    self._with_livekit(lambda: self._dispatch_again_unless_in(session, detail))
            case GiveUp(detail):
                if self._is_due("ask", session.pk, now, ASK_EVERY):
                    self._give_up_unless_in(session, detail)
            case AskLiveKit():
                if self._is_due("ask", session.pk, now, ASK_EVERY):
                    self._with_livekit(lambda: self._end_attempt_if_gone(session))
            case CloseRoom():
                self._with_livekit(lambda: livekit.delete_room(session.room))
                finish_session(session)

    def _end_attempt_if_gone(self, session: AvatarSession) -> None:
        if not livekit.agent_is_in(session.room):
            job_lost(session, session.attempt, _("The avatar's process was silent and is not in the room."))

    def _dispatch_again_unless_in(self, session: AvatarSession, detail: str) -> None:
        # Its events may wait for Redis: a second job beside it would be worse than none.
        if not livekit.agent_is_in(session.room):
            dispatch_again(session, detail)

    def _give_up_unless_in(self, session: AvatarSession, detail: str) -> None:
        try:
            if livekit.agent_is_in(session.room):
                return
        except LiveKitError as error:
            detail = f"{detail} {error}"
        end_session(session, EndReason.FAILED, detail)

    def _count_visitors(self, session: AvatarSession) -> None:
        """Set right who is here: a job that was killed reports nobody who left meanwhile, a revoked link's may be back."""
        visits = list(Visit.objects.filter(session=session))
        here = livekit.participant_identities(session.room)
        now = timezone.now()
        for visit in visits:
            if visit.is_here and visit.identity not in here:
                record_visitor_left(str(session.code), visit.identity, now)
            elif visit.removed_at is not None and visit.identity in here:
                livekit.remove_participant(session.room, visit.identity)
            elif not visit.is_here and visit.identity in here:
                record_visitor_joined(str(session.code), visit.identity, now)

    def _bring_back(self, worker: AgentWorker, now: datetime) -> None:
        if worker.pid is not None:
            record_process_exited(worker.host, worker.pid, "worker", now)
        enqueue(
            ensure_agent_worker, worker.host, queue=f"host.{worker.host}", expires=START_WORKER_EVERY.total_seconds()
        )

    def _close_left_over_rooms(self) -> None:
        """Close rooms whose session ended while LiveKit was away."""
        rooms = livekit.open_rooms()
        if not rooms:
            return
        since = timezone.now() - LEFT_OVER_FOR
        for session in AvatarSession.objects.filter(state=State.ENDED, ended_at__gt=since):
            if session.room in rooms:
                logger.warning("closing %s: its session is over", session.room)
                livekit.delete_room(session.room)

    def _with_livekit(self, ask: Callable[[], None]) -> None:
        try:
            ask()
            self._livekit_is_away = False
        except LiveKitError as error:
            if not self._livekit_is_away:
                logger.warning("the watcher waits for LiveKit: %s", error)
            self._livekit_is_away = True

    def _is_due(self, what: str, which: object, now: datetime, every: timedelta) -> bool:
        if (what, which) in self._rests:
            return False
        self._rests[what, which] = now, now + every
        return True
