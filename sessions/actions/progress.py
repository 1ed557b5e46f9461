"""What a job reports of its session. Each is a conditional update, so that a late or repeated report does nothing."""

from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from sessions.actions.lifecycle import announce, enqueue, job_lost, move, note
from sessions.models import AvatarSession, SessionEvent, State, Visit


def _session(code: str, attempt: int) -> AvatarSession | None:
    """The session while `attempt` is its present one."""
    return AvatarSession.objects.filter(code=code, attempt=attempt).first()


def _set_milestone(code: str, attempt: int, at: datetime, milestone: str, **fields: Any) -> AvatarSession | None:
    """Set a time of the start once (a restart keeps the first) and remember that the job lives."""
    session = _session(code, attempt)
    if session is None:
        return None
    AvatarSession.objects.filter(pk=session.pk).update(
        **{milestone: Coalesce(F(milestone), at)}, job_seen_at=at, **fields
    )
    announce(session)
    return session


def record_process_started(session_code: str, attempt: int, host: str, pid: int, at: datetime) -> None:
    """The job has its process."""
    session = _set_milestone(session_code, attempt, at, "process_started_at", job_pid=pid)
    if session and session.host != host:
        AvatarSession.objects.filter(pk=session.pk).update(host=host)


def record_connected(session_code: str, attempt: int, at: datetime) -> None:
    """The job is in the room."""
    _set_milestone(session_code, attempt, at, "connected_at")


def record_first_video(session_code: str, attempt: int, at: datetime) -> None:
    """The video track took its first frame."""
    _set_milestone(session_code, attempt, at, "first_video_at")


@transaction.atomic
def record_ready(session_code: str, attempt: int, at: datetime) -> None:
    """READY: the session is on air."""
    session = _set_milestone(session_code, attempt, at, "ready_at")
    if session:
        cause = _("Ready") if attempt == 1 else _("Ready again")
        move(session, [State.STARTING, State.DEGRADED], State.READY, cause, at=at)


@transaction.atomic
def record_job_ended(session_code: str, attempt: int, at: datetime, error: str | None) -> None:
    """The job ended in good order. While the session is still wanted, that is a loss like any other."""
    session = _session(session_code, attempt)
    if session:
        job_lost(session, attempt, error or _("The avatar's process ended by itself."))


@transaction.atomic
def record_warning(session_code: str, at: datetime, sentence: str) -> None:
    """Something that an operator should know of; the session goes on."""
    session = AvatarSession.objects.filter(code=session_code).first()
    if session:
        note(session, SessionEvent.Kind.WARNING, sentence, at=at)
        announce(session)


@transaction.atomic
def record_visitor_joined(session_code: str, identity: str, at: datetime) -> None:
    """A visitor is in the room."""
    from sessions.tasks import remove_visitors

    visit = Visit.objects.filter(identity=identity, session__code=session_code).select_related("session").first()
    if visit is None:
        return
    if visit.removed_at is not None:
        transaction.on_commit(partial(enqueue, remove_visitors, visit.link_id))  # back with a token of a revoked link
        return
    away = Q(joined_at=None) | Q(left_at__isnull=False)
    came = Visit.objects.filter(away, pk=visit.pk).update(joined_at=Coalesce(F("joined_at"), at), left_at=None)
    AvatarSession.objects.filter(pk=visit.session_id).update(empty_since=None)
    if came:
        note(visit.session, SessionEvent.Kind.VISITOR_JOINED, _("%(name)s joined") % {"name": _name(visit)}, at=at)
    announce(visit.session)


@transaction.atomic
def record_visitor_left(session_code: str, identity: str, at: datetime) -> None:
    """A visitor is out of the room."""
    visit = Visit.objects.filter(identity=identity, session__code=session_code).select_related("session").first()
    if visit is None:
        return
    here = Visit.objects.filter(pk=visit.pk, left_at=None).exclude(joined_at=None)
    if not here.update(left_at=at):
        return
    if not visit.session.visits.filter(left_at=None).exclude(joined_at=None).exists():
        AvatarSession.objects.filter(pk=visit.session_id).update(empty_since=at)
    note(visit.session, SessionEvent.Kind.VISITOR_LEFT, _("%(name)s left") % {"name": _name(visit)}, at=at)
    announce(visit.session)


@transaction.atomic
def record_greeted(session_code: str, identity: str, at: datetime) -> None:
    """The greeting began to play for a visitor."""
    visit = Visit.objects.filter(identity=identity, session__code=session_code, greeted_at=None).first()
    if visit is None:
        return
    Visit.objects.filter(pk=visit.pk).update(greeted_at=at)
    note(visit.session, SessionEvent.Kind.GREETED, _("%(name)s is greeted") % {"name": _name(visit)}, at=at)
    announce(visit.session)


@transaction.atomic
def record_visit_progress(session_code: str, identity: str, at: datetime, **milestones_ms: float | None) -> None:
    """Milestones that a visitor's browser measured; each is kept as first reported. Fields: `*_ms` of `Visit`."""
    visit = Visit.objects.filter(identity=identity, session__code=session_code).select_related("session").first()
    if visit is None:
        return
    known = {name: value for name, value in milestones_ms.items() if value is not None}
    Visit.objects.filter(pk=visit.pk).update(**{name: Coalesce(F(name), value) for name, value in known.items()})
    if "first_sound_ms" in known:
        AvatarSession.objects.filter(pk=visit.session_id, first_audio_at=None).update(first_audio_at=at)
    announce(visit.session)


def _name(visit: Visit) -> str:
    return visit.name or _("A visitor")
