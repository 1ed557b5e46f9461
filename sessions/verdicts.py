"""What a session's rows say in words: what it waits for, how it is, how it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sessions.models import AvatarSession, EndReason, State
from sessions.tasks import CLAIM

TROUBLE: Final = (EndReason.AGENT_LOST, EndReason.PROVIDER_FAILED, EndReason.CAPACITY, EndReason.FAILED)


@dataclass(frozen=True)
class Waiting:
    """The step that a starting session waits for, and since when. `done` of `total` milestones lie behind it."""

    label: str
    since: datetime
    done: int
    total: int = 6
    key: str = ""  # of a workflow step or a milestone, as what is usual is found by


def is_failure(session: AvatarSession) -> bool:
    """True for a session that is over, or about to be, for a reason that nobody chose."""
    return session.state in (State.STOPPING, State.ENDED) and session.end_reason in TROUBLE


def waiting_for(session: AvatarSession) -> Waiting | None:
    """What a session that is not ready yet waits for; None for any other."""
    if session.state not in (State.REQUESTED, State.STARTING):
        return None
    is_again = session.attempt > 1  # the milestones are the first attempt's, and say nothing of this one
    is_dispatched = bool(session.dispatch_id) and not session.dispatch_id.startswith(CLAIM)
    if session.dispatched_at is None or (is_again and session.job_pid is None and not is_dispatched):
        return Waiting(_("dispatch to %(host)s") % {"host": session.host}, session.attempt_at, 0, key="dispatched")
    if session.process_started_at is None or (is_again and session.job_pid is None):
        label = _("a process on %(host)s") % {"host": session.host}
        if is_again:
            return Waiting(label, session.attempt_at, 1, key="process_started_since_begin")
        return Waiting(label, session.dispatched_at, 1, key="process_started")
    done = 2 if is_again else 2 + (session.connected_at is not None) + (session.first_video_at is not None)
    running = session.steps.filter(attempt=session.attempt, status="running", parent=None).order_by("number").last()
    if running is not None:
        return Waiting(running.label, running.started_at, done, key=running.key)
    if is_again:
        return Waiting(_("READY"), session.attempt_at, done, key="ready_since_begin")
    if session.connected_at is None:
        return Waiting(_("connection to the room"), session.process_started_at, done, key="connected")
    if session.first_video_at is None:
        return Waiting(_("the first video frame"), session.connected_at, done, key="first_video")
    return Waiting(_("READY"), session.first_video_at, done, key="ready")


def worst_thing(session: AvatarSession, here: int) -> tuple[str, str]:
    """The one line that a row says of a session that is not starting, and a second one below it."""
    if session.state == State.DEGRADED:
        return _("Not well"), session.state_detail
    if session.state == State.STOPPING:
        return _("Stopping"), str(EndReason(session.end_reason).label) if session.end_reason else ""
    if session.state == State.ENDED:
        return (str(EndReason(session.end_reason).label) if session.end_reason else _("Ended")), session.state_detail
    if here == 0:
        return _("Nobody is here"), _("A link invites somebody")
    return _("Nothing wrong"), ngettext("%(n)d visitor is here", "%(n)d visitors are here", here) % {"n": here}


def session_sentence(session: AvatarSession, here: int) -> str:
    """How the session is: what stands under its name on its page."""
    waiting = waiting_for(session)
    if waiting is not None:
        return f"{_('Waiting for %(step)s.') % {'step': waiting.label}} {session.state_detail}".rstrip()
    if session.state == State.READY and here == 0:
        return _("On air, and nobody is here. A link invites somebody.")
    if session.state == State.READY:
        return ngettext("On air with %(n)d visitor.", "On air with %(n)d visitors.", here) % {"n": here}
    if session.state == State.DEGRADED:
        return session.state_detail or _("On air, but not well: see the events below.")
    reason = str(EndReason(session.end_reason).label) if session.end_reason else _("Ended")
    if session.state == State.STOPPING:
        return _("%(reason)s. The room is being closed.") % {"reason": reason}
    return " ".join(part for part in (f"{reason}.", session.state_detail if is_failure(session) else "") if part)


def overview_sentence(live: QuerySet[AvatarSession]) -> list[tuple[str, str]]:
    """The overview's answer as pieces of text with a tone ("", "warn"): 3 on air, 1 starting, 1 needs you."""
    states = list(live.values_list("state", flat=True))
    on_air, starting = states.count(State.READY), states.count(State.REQUESTED) + states.count(State.STARTING)
    stopping, trouble = states.count(State.STOPPING), states.count(State.DEGRADED)
    pieces = []
    if on_air or not states:
        pieces.append((ngettext("%(n)d on air", "%(n)d on air", on_air) % {"n": on_air}, ""))
    if starting:
        pieces.append((ngettext("%(n)d starting", "%(n)d starting", starting) % {"n": starting}, ""))
    if stopping:
        pieces.append((ngettext("%(n)d stopping", "%(n)d stopping", stopping) % {"n": stopping}, ""))
    if trouble:
        pieces.append((ngettext("%(n)d needs you", "%(n)d need you", trouble) % {"n": trouble}, "warn"))
    return pieces
