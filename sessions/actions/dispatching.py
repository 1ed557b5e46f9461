"""A dispatch that LiveKit took and no agent worker did."""

from functools import partial

from django.db import transaction
from django.utils import timezone

from sessions.actions.lifecycle import announce, enqueue, note
from sessions.models import AvatarSession, SessionEvent, State


@transaction.atomic
def dispatch_again(session: AvatarSession, detail: str) -> bool:
    """Order the session's job once more, in the same attempt. False where a process has started or somebody was faster."""
    from sessions.tasks import place_session

    waiting = AvatarSession.objects.filter(
        pk=session.pk,
        attempt=session.attempt,
        dispatch_id=session.dispatch_id,
        job_pid=None,
        state__in=(State.STARTING, State.DEGRADED),
    )
    if not waiting.update(dispatch_id="", attempt_at=timezone.now(), state_detail=detail[:500]):
        return False
    note(session, SessionEvent.Kind.JOB, detail)
    announce(session)
    transaction.on_commit(partial(enqueue, place_session, session.pk))
    return True
