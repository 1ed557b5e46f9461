"""Who shows the face: a provider that is lost, what takes its place, and its return. The session is degraded meanwhile."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocol.events import AvatarLost
from protocol.providers import BEY, BITHUMAN, BUILTIN, STILL, TAVUS, TEST_CARD
from sessions.actions.lifecycle import announce, move, note
from sessions.models import Absence, AvatarSession, SessionEvent, State

NAMES: Final = {
    BUILTIN: gettext_lazy("the built-in avatar"),
    TEST_CARD: gettext_lazy("the test card"),
    BITHUMAN: "bitHuman",
    TAVUS: "Tavus",
    BEY: "Beyond Presence",
    STILL: gettext_lazy("the still picture"),
}
MOST_CAUSES: Final = 50  # that are kept of one absence


@transaction.atomic
def record_lost(session_code: str, at: datetime, lost: AvatarLost, *, is_late: bool) -> None:
    """One link in the chain of causes that the session page and its report show. `is_late`: what came after it is written."""
    session = _session(session_code, lost.attempt)
    if session is None:
        return
    absence = _absence(session, at if is_late else None) or Absence(
        session=session, attempt=session.attempt, provider=lost.provider, began_at=at
    )
    if len(absence.causes_json) < MOST_CAUSES:
        cause = {"provider": lost.provider, "code": lost.code.value, "sentence": lost.sentence, "tries": lost.tries}
        absence.causes_json.append({"at": at.isoformat(), **cause})
    absence.save()
    again_in_s = lost.again_in_s
    then = _("Not tried again.") if again_in_s is None else _("Tried again in %(s)g s.") % {"s": round(again_in_s, 1)}
    note(session, SessionEvent.Kind.WARNING, f"{lost.sentence} [{lost.code}] {then}", at=at)
    announce(session)


@transaction.atomic
def record_taken_over(
    session_code: str, attempt: int, at: datetime, provider: str, took_ms: float, *, is_late: bool
) -> None:
    """Something else shows the face: the session is degraded, and says what is seen."""
    session = _session(session_code, attempt)
    if session is None:
        return
    absence = _absence(session, at if is_late else None)
    if absence is not None and len(absence.stand_ins_json) < MOST_CAUSES:
        absence.stand_ins_json.append({"at": at.isoformat(), "provider": provider, "took_ms": took_ms})
        absence.save()
    shown = {"who": NAMES.get(provider, provider), "ms": round(took_ms)}
    sentence = _("The voice goes on; %(who)s is shown since (%(ms)d ms).") % shown
    if absence is not None and absence.back_at is not None:
        note(session, SessionEvent.Kind.WARNING, sentence, at=at)
    elif not move(session, [State.READY], State.DEGRADED, sentence, at=at, state_detail=sentence):
        AvatarSession.objects.filter(pk=session.pk, state=State.DEGRADED).update(state_detail=sentence)
        note(session, SessionEvent.Kind.WARNING, sentence, at=at)
        announce(session)


@transaction.atomic
def record_back(session_code: str, attempt: int, at: datetime, provider: str, away_ms: float) -> None:
    """The provider is back: the session is as it should be."""
    session = _session(session_code, attempt)
    if session is None:
        return
    if not session.absences.filter(attempt=attempt, back_at=None).update(back_at=at):  # why it went is late or lost
        began_at = at - timedelta(milliseconds=away_ms)
        Absence.objects.create(session=session, attempt=attempt, provider=provider, began_at=began_at, back_at=at)
    shown = {"who": NAMES.get(provider, provider), "s": round(away_ms / 1000, 1)}
    sentence = _("%(who)s is back after %(s)g s") % shown
    if not move(session, [State.DEGRADED], State.READY, sentence, at=at):
        note(session, SessionEvent.Kind.JOB, sentence, at=at)
        announce(session)


def _absence(session: AvatarSession, late_at: datetime | None) -> Absence | None:
    """The one that goes on or, for what comes late, that was over only after it."""
    going_on = Q(back_at=None) if late_at is None else Q(back_at=None) | Q(back_at__gt=late_at)
    return session.absences.filter(going_on, attempt=session.attempt).last()


def _session(code: str, attempt: int) -> AvatarSession | None:
    """The session while `attempt` is its present one."""
    return AvatarSession.objects.filter(code=code, attempt=attempt).first()
