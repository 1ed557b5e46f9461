"""Switching the mode of a session that runs: ordered here, made by its job, which tells how it went."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.actions.lifecycle import announce, enqueue, note
from sessions.errors import AlreadyInMode, Archived, NotOnAir, SessionIsOver, SwitchUnderWay
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ModeVersion, SessionEvent, State, SwitchOutcome
from sessions.models.avatar_session import ON_AIR_STATES

UNANSWERED_AFTER_S: Final = 15.0  # beyond the mode's own time limit


def switch_mode(session: AvatarSession, mode: DeploymentMode, *, by: str) -> ModeSwitch:
    """Have the session go on in the mode's newest version.

    Raises `SessionIsOver`, `NotOnAir`, `Archived`, `AlreadyInMode`; `SwitchUnderWay` for the slower of two operators.
    """
    from sessions.tasks import order_switch

    if mode.archived_at or mode.current is None:
        raise Archived(str(mode))
    if session.state in (State.STOPPING, State.ENDED):
        raise SessionIsOver
    if session.state not in ON_AIR_STATES:
        raise NotOnAir
    try:
        with transaction.atomic():
            session = AvatarSession.objects.select_for_update().get(pk=session.pk)
            if session.mode_version_id == mode.current.pk and not _pending(session):
                raise AlreadyInMode(mode.slug)
            switch = ModeSwitch.objects.create(
                session=session,
                from_version_id=session.mode_version_id,
                to_version=mode.current,
                requested_by=by,
                requested_at=timezone.now(),
            )
            announce(session)
            transaction.on_commit(partial(enqueue, order_switch, switch.pk))
    except IntegrityError:
        faster = _pending(session)
        if faster is None:
            raise
        raise SwitchUnderWay(faster.to_version.mode.slug, faster.requested_by) from None
    return switch


@transaction.atomic
def record_switch(
    code: UUID, outcome: SwitchOutcome, at: datetime, *, took_ms: float | None = None, detail: str = ""
) -> bool:
    """How a switch went, and the mode that the session is in since. False for one that is told already."""
    expected = SwitchOutcome.APPLIED if outcome == SwitchOutcome.WENT_BACK else SwitchOutcome.PENDING
    changed = ModeSwitch.objects.filter(code=code, outcome=expected).update(
        outcome=outcome, finished_at=at, detail=detail[:500], took_ms=Coalesce(took_ms, F("took_ms"))
    )
    if not changed:
        return False
    switch = ModeSwitch.objects.select_related("session", "to_version__mode", "from_version__mode").get(code=code)
    session, modes = switch.session, {"to": switch.to_version.mode.slug, "from": switch.from_version.mode.slug}
    if outcome == SwitchOutcome.APPLIED:
        _go_on_in(session, switch.to_version)
        note(session, SessionEvent.Kind.MODE, _("Switched to %(to)s") % modes, at=at, by=switch.requested_by)
    elif outcome == SwitchOutcome.WENT_BACK:
        _go_on_in(session, switch.from_version)
        note(session, SessionEvent.Kind.MODE, _("Back in %(from)s:") % modes + f" {detail}", at=at)
    else:
        note(session, SessionEvent.Kind.WARNING, _("Not switched to %(to)s:") % modes + f" {detail}", at=at)
    announce(session)
    return True


def record_gap(code: UUID, gap_ms: float) -> None:
    """A visitor's browser saw the switch; the longest gap counts."""
    ModeSwitch.objects.filter(code=code).update(gap_ms=Greatest(Coalesce(F("gap_ms"), 0.0), gap_ms))
    if switch := ModeSwitch.objects.select_related("session").filter(code=code).first():
        announce(switch.session)


def give_up_unanswered(now: datetime) -> None:
    """Switches that no job tells of any more: it died, or the session ended."""
    pending = ModeSwitch.objects.filter(outcome=SwitchOutcome.PENDING).select_related("session", "to_version")
    for switch in pending:
        patience = timedelta(seconds=switch.to_version.settings.timeout_s + UNANSWERED_AFTER_S)
        if switch.session.state not in ON_AIR_STATES:
            record_switch(switch.code, SwitchOutcome.FAILED, now, detail=_("The session was not on air any more."))
        elif switch.requested_at < now - patience:
            record_switch(switch.code, SwitchOutcome.FAILED, now, detail=_("The avatar's process did not answer."))


def _pending(session: AvatarSession) -> ModeSwitch | None:
    switches = ModeSwitch.objects.filter(session=session, outcome=SwitchOutcome.PENDING)
    return switches.select_related("to_version__mode").first()


def _go_on_in(session: AvatarSession, version: ModeVersion) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(mode_version=version)
