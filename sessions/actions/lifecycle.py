"""The life of an avatar session: start, stop, end, restart. Each move is a conditional update with its time and cause."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.actions.placement import choose_host, one_after_the_other
from sessions.errors import Archived
from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, EndReason, SessionEvent, State
from sessions.models.avatar_session import LIVE_STATES
from sessions.signals import session_changed, session_requested

MAX_RESTARTS: Final = 1  # a job that is lost again ends the session


def announce(session: AvatarSession) -> None:
    """Tell the rest of the project, once the transaction has committed, that something about the session changed."""
    transaction.on_commit(partial(session_changed.send, sender=AvatarSession, code=str(session.code)))


def note(
    session: AvatarSession,
    kind: SessionEvent.Kind,
    text: str,
    *,
    at: datetime | None = None,
    by: str = "",
    state: str = "",
) -> None:
    """Add a line to the session's history."""
    SessionEvent.objects.create(
        session=session, kind=kind, text=text[:500], at=at or timezone.now(), by=by[:200], state=state
    )


def move(
    session: AvatarSession,
    allowed: Sequence[State],
    to: State,
    cause: str,
    *,
    by: str = "",
    at: datetime | None = None,
    **fields: Any,
) -> bool:
    """Move the session to `to` if it is in one of `allowed` states; False where somebody was faster."""
    at = at or timezone.now()
    with transaction.atomic():
        moved = AvatarSession.objects.filter(pk=session.pk, state__in=allowed).update(
            state=to, state_changed_at=at, state_detail=fields.pop("state_detail", ""), **fields
        )
        if moved:
            note(session, SessionEvent.Kind.STATE, cause, at=at, by=by, state=to)
            announce(session)
    if moved:
        session.refresh_from_db()
    return bool(moved)


def start_session(
    *,
    profile: AvatarProfile,
    mode: DeploymentMode,
    by: str,
    language: str | None = None,
    max_duration_s: int | None = None,
    idle_timeout_s: int | None = None,
    request_key: str | None = None,
    host: str = "",
) -> AvatarSession:
    """Write the session and have it placed, on `host` where one is named. The same `request_key` again gives the same session,
    started once.

    Raises `CapacityReached`, `HostDrained`, `Archived`.
    """
    from sessions.tasks import place_session

    if profile.archived_at or profile.current is None:
        raise Archived(str(profile))
    if mode.archived_at or mode.current is None:
        raise Archived(str(mode))
    try:
        with transaction.atomic():
            if request_key and (earlier := AvatarSession.objects.filter(request_key=request_key).first()):
                return earlier
            one_after_the_other()
            now = timezone.now()
            session = AvatarSession.objects.create(
                profile_version=profile.current,
                mode_version=mode.current,
                language=language or profile.current.language,
                host=choose_host(host),
                max_duration_s=max_duration_s or settings.DEFAULT_MAX_DURATION_S,
                idle_timeout_s=idle_timeout_s or settings.DEFAULT_IDLE_TIMEOUT_S,
                requested_by=by,
                request_key=request_key or None,
                requested_at=now,
                state_changed_at=now,
                attempt_at=now,
                empty_since=now,
            )
            note(session, SessionEvent.Kind.STATE, _("Start requested"), at=now, by=by, state=State.REQUESTED)
            announce(session)
            transaction.on_commit(partial(enqueue, place_session, session.pk))
            transaction.on_commit(partial(session_requested.send, sender=AvatarSession, session=session))
    except IntegrityError:
        # The other click of a double click committed between our look and our insert.
        earlier = AvatarSession.objects.filter(request_key=request_key).first() if request_key else None
        if earlier is None:
            raise
        return earlier
    return session


def stop_session(session: AvatarSession, *, by: str) -> bool:
    """Stop a session on an operator's word; False where it was stopping or over already."""
    return end_session(session, EndReason.OPERATOR_STOPPED, _("Stopped by %(by)s") % {"by": by}, by=by)


def end_session(session: AvatarSession, reason: EndReason, detail: str = "", *, by: str = "") -> bool:
    """Begin the end of a live session: its room is closed by a task. False where somebody was faster."""
    from sessions.tasks import close_room

    with transaction.atomic():
        moved = move(
            session,
            [state for state in LIVE_STATES if state != State.STOPPING],
            State.STOPPING,
            detail or str(reason.label),
            by=by,
            end_reason=reason,
            state_detail=detail[:500],
        )
        if moved:
            transaction.on_commit(partial(enqueue, close_room, session.pk))
    return moved


def finish_session(session: AvatarSession) -> bool:
    """The last move, once the room is closed. False where it was made already."""
    now = timezone.now()
    with transaction.atomic():
        ended = move(
            session,
            [State.STOPPING],
            State.ENDED,
            _("Ended: %(reason)s") % {"reason": EndReason(session.end_reason or EndReason.FAILED).label},
            at=now,
            ended_at=now,
            state_detail=session.state_detail,
        )
        if ended:
            session.visits.filter(left_at=None).exclude(joined_at=None).update(left_at=now)
    return ended


def job_lost(session: AvatarSession, attempt: int, detail: str) -> bool:
    """The job of `attempt` is gone: place the session again in the same room, once; else end it as `agent_lost`.

    False where the session has moved on (another attempt, or over).
    """
    from sessions.tasks import place_session
    from sessions.vendor_tasks import look_after_vendors

    if session.attempt != attempt or session.state not in (State.STARTING, State.READY, State.DEGRADED):
        return False
    if attempt > MAX_RESTARTS:
        return end_session(session, EndReason.AGENT_LOST, detail)
    with transaction.atomic():
        now = timezone.now()
        claimed = AvatarSession.objects.filter(pk=session.pk, attempt=attempt, state=session.state).update(
            attempt=attempt + 1, attempt_at=now, job_pid=None, job_seen_at=None, dispatch_id=""
        )
        if not claimed:
            return False
        to = State.STARTING if session.state == State.STARTING else State.DEGRADED
        moved = move(
            session,
            [State.STARTING, State.READY, State.DEGRADED],
            to,
            _("%(detail)s Starting again in the same room.") % {"detail": detail},
            state_detail=detail[:500],
        )
        if moved:
            transaction.on_commit(partial(enqueue, place_session, session.pk))
            if session.conversations.filter(ended_at=None).exists():  # which the lost job can't end, and a vendor bills
                transaction.on_commit(partial(enqueue, look_after_vendors))
    return moved


def enqueue(task: Any, *args: Any, **options: Any) -> None:
    """Hand a task to Celery. With Redis away it is dropped, and the row stays as it is: what its state still asks for is ordered
    again later, by the periodic tasks (`resume_stranded_…`, `look_after_vendors`), the watcher or the page that looks at it."""
    from kombu.exceptions import OperationalError

    try:
        task.apply_async(args=args, retry=False, **options)
    except OperationalError:
        import logging

        logging.getLogger(__name__).warning("%s%s waits: the queue is away", task.name, args)
