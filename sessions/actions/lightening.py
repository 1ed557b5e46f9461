"""Whether a session may go to a lighter mode by itself: an operator's choice, off unless somebody turns it on."""

from django.db import transaction
from django.utils.translation import gettext as _

from sessions.actions.lifecycle import announce, note
from sessions.errors import SessionIsOver
from sessions.models import AvatarSession, SessionEvent, State


def set_lightening(session: AvatarSession, on: bool, *, by: str) -> bool:
    """Turn it on or off; False where it was so already. Raises `SessionIsOver`."""
    if session.state in (State.STOPPING, State.ENDED):
        raise SessionIsOver
    with transaction.atomic():
        changed = AvatarSession.objects.filter(pk=session.pk, lightens=not on).update(lightens=on)
        if changed:
            text = _("Lightens by itself from now on") if on else _("No longer lightens by itself")
            note(session, SessionEvent.Kind.MODE, text, by=by)
            announce(session)
    session.refresh_from_db()
    return bool(changed)
