"""A start beyond what its host carries is not refused; the session's history says so, by whatever way it was started."""

from django.utils.translation import gettext as _

from monitoring.hosts.capacity import room_on
from monitoring.hosts.costs import cost_of
from sessions.actions.lifecycle import announce, note
from sessions.models import AvatarSession, SessionEvent
from sessions.signals import session_requested


def warn_if_beyond(session: AvatarSession) -> None:
    """Note what is missing where the session, which the host's room counts in already, is one too many."""
    cost = cost_of(session.mode_version.mode, session.host)
    if cost is None:
        return
    room = room_on(session.host)
    if room.is_known and room.missing_cores:
        text = _("More than %(host)s carries: %(missing).1f of %(cores)d cores are missing once all sessions talk.")
        figures = {"host": session.host, "missing": room.missing_cores, "cores": room.cores}
        note(session, SessionEvent.Kind.WARNING, text % figures)
        announce(session)


def on_session_requested(sender: object, *, session: AvatarSession, **_: object) -> None:
    warn_if_beyond(session)


def listen() -> None:
    """Called once, when the app is ready."""
    session_requested.connect(on_session_requested, dispatch_uid="monitoring.hosts.capacity_warnings")
