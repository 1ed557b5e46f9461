"""Removes what is over."""

from django.db import transaction

from sessions.errors import NotOverYet, StillBilled
from sessions.models import AvatarSession


@transaction.atomic
def remove_session(session: AvatarSession) -> None:
    """An ended session with its report and all that was measured of it. Raises `NotOverYet`, `StillBilled`."""
    locked = AvatarSession.objects.select_for_update().get(pk=session.pk)
    if locked.is_live:
        raise NotOverYet
    if locked.conversations.filter(ended_at=None).exists():
        raise StillBilled
    locked.delete()
