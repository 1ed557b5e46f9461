"""Who shows the face: a provider that is lost, what takes its place, and its return. The session is degraded meanwhile."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocol.events import LossCode
from protocol.providers import BEY, BITHUMAN, BUILTIN, STILL, TAVUS, TEST_CARD
from sessions.actions.lifecycle import announce, move, note
from sessions.models import AvatarSession, SessionEvent, State

NAMES: Final = {
    BUILTIN: gettext_lazy("the built-in avatar"),
    TEST_CARD: gettext_lazy("the test card"),
    BITHUMAN: "bitHuman",
    TAVUS: "Tavus",
    BEY: "Beyond Presence",
    STILL: gettext_lazy("the still picture"),
}


@transaction.atomic
def record_lost(
    session_code: str, attempt: int, at: datetime, code: LossCode, sentence: str, *, again_in_s: float | None
) -> None:
    """One link in the chain of causes that the session page shows."""
    session = _session(session_code, attempt)
    if session is None:
        return
    then = _("Not tried again.") if again_in_s is None else _("Tried again in %(s)g s.") % {"s": round(again_in_s, 1)}
    note(session, SessionEvent.Kind.WARNING, f"{sentence} [{code}] {then}", at=at)
    announce(session)


@transaction.atomic
def record_taken_over(session_code: str, attempt: int, at: datetime, provider: str, took_ms: float) -> None:
    """Something else shows the face: the session is degraded, and says what is seen."""
    session = _session(session_code, attempt)
    if session is None:
        return
    shown = {"who": NAMES.get(provider, provider), "ms": round(took_ms)}
    sentence = _("The voice goes on; %(who)s is shown since (%(ms)d ms).") % shown
    if not move(session, [State.READY], State.DEGRADED, sentence, at=at, state_detail=sentence):
        AvatarSession.objects.filter(pk=session.pk, state=State.DEGRADED).update(state_detail=sentence)
        note(session, SessionEvent.Kind.WARNING, sentence, at=at)
        announce(session)


@transaction.atomic
def record_back(session_code: str, attempt: int, at: datetime, provider: str, away_ms: float) -> None:
    """The provider is back: the session is as it should be."""
    session = _session(session_code, attempt)
    if session is None:
        return
    shown = {"who": NAMES.get(provider, provider), "s": round(away_ms / 1000, 1)}
    sentence = _("%(who)s is back after %(s)g s") % shown
    if not move(session, [State.DEGRADED], State.READY, sentence, at=at):
        note(session, SessionEvent.Kind.JOB, sentence, at=at)
        announce(session)


def _session(code: str, attempt: int) -> AvatarSession | None:
    """The session while `attempt` is its present one."""
    return AvatarSession.objects.filter(code=code, attempt=attempt).first()
