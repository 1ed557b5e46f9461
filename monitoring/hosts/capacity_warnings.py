"""A start beyond what its host carries is not refused; the session's history says so, by whatever way it was started."""

from typing import Final

from django.utils.translation import gettext as _

from monitoring.hosts.capacity import room_on
from monitoring.hosts.costs import cost_of
from sessions.actions.lifecycle import announce, note
from sessions.models import AvatarSession, SessionEvent
from sessions.signals import session_requested

MIB: Final = 2**20


def warn_if_beyond(session: AvatarSession) -> None:
    """Note what is missing where the session, which the host's room counts in already, is one too many."""
    cost = cost_of(session.mode_version.mode, session.host)
    room = room_on(session.host)
    told = []
    if room.is_known and room.missing_cores:
        text = _("More than %(host)s carries: %(missing).1f of %(cores)d cores are missing once all sessions talk.")
        told.append(text % {"host": session.host, "missing": room.missing_cores, "cores": room.cores})
    if cost is not None and cost.uss_bytes and room.free_bytes is not None and room.free_bytes < 0:
        text = _("More than %(host)s carries: one needs %(one)d MB of memory, and %(free)d MB are free.")
        free = max(0, room.free_bytes + cost.uss_bytes)
        told.append(text % {"host": session.host, "one": cost.uss_bytes / MIB, "free": free / MIB})
    for sentence in told:
        note(session, SessionEvent.Kind.WARNING, sentence)
    if told:
        announce(session)


def on_session_requested(sender: object, *, session: AvatarSession, **_: object) -> None:
    warn_if_beyond(session)


def listen() -> None:
    """Called once, when the app is ready."""
    session_requested.connect(on_session_requested, dispatch_uid="monitoring.hosts.capacity_warnings")
