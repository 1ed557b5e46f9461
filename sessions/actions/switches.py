"""Switching the mode of a session that runs, or who draws its face: ordered here, made by its job, which tells how it went."""

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
from sessions.errors import (
    AlreadyInMode,
    Archived,
    NotOnAir,
    ProviderNotSetUp,
    SessionError,
    SessionIsOver,
    SwitchUnderWay,
)
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ModeVersion, SessionEvent, State, SwitchOutcome
from sessions.models.avatar_session import ON_AIR_STATES
from sessions.models.switches import provider_name

UNANSWERED_AFTER_S: Final = 45.0  # beyond the mode’s own time limit: another avatar waits for a pause in what is said


def switch_mode(
    session: AvatarSession, mode: DeploymentMode | None = None, *, by: str, provider: str = "", reason: str = ""
) -> ModeSwitch:
    """Have the session go on in the mode's newest version, by another provider, or both; what is not named stays.

    `reason` is given for a switch that nobody ordered. Raises `SessionIsOver`, `NotOnAir`, `Archived`, `ProviderNotSetUp`,
    `AlreadyInMode`; `SwitchUnderWay` for the slower of two operators.
    """
    if mode is not None and (mode.archived_at or mode.current is None):
        raise Archived(str(mode))
    return switch_version(session, mode.current if mode else None, by=by, provider=provider, reason=reason)


def switch_version(
    session: AvatarSession, version: ModeVersion | None, *, by: str, provider: str = "", reason: str = ""
) -> ModeSwitch:
    """As `switch_mode`, to one version of a mode: an earlier one comes back as it was."""
    from sessions.tasks import order_switch

    if session.state in (State.STOPPING, State.ENDED):
        raise SessionIsOver
    if session.state not in ON_AIR_STATES:
        raise NotOnAir
    if provider and provider not in session.providers:
        raise ProviderNotSetUp(provider_name(provider))
    try:
        with transaction.atomic():
            session = AvatarSession.objects.select_for_update().get(pk=session.pk)
            to, drawn_by = version or session.mode_version, provider or session.provider
            if (session.mode_version_id, session.provider) == (to.pk, drawn_by) and not _pending(session):
                raise AlreadyInMode(to.mode.slug if version else provider_name(drawn_by))
            switch = ModeSwitch.objects.create(
                session=session,
                from_version_id=session.mode_version_id,
                to_version=to,
                from_provider=session.provider,
                to_provider=drawn_by,
                requested_by=by,
                requested_at=timezone.now(),
                is_automatic=bool(reason),
                reason=reason[:500],
            )
            announce(session)
            transaction.on_commit(partial(enqueue, order_switch, switch.pk))
    except IntegrityError:
        faster = _pending(session)
        if faster is None:
            raise
        raise SwitchUnderWay(faster.to_name, faster.requested_by) from None
    return switch


def switch_host(host: str, mode: DeploymentMode, *, by: str) -> list[tuple[AvatarSession, ModeSwitch | SessionError]]:
    """Have every session that is on air there go on in the mode, each by a switch of its own; or why one does not. Those that
    are in it already are left out.
    """
    found: list[tuple[AvatarSession, ModeSwitch | SessionError]] = []
    on_air = AvatarSession.objects.filter(host=host, state__in=ON_AIR_STATES).order_by("requested_at")
    for session in on_air.select_related("profile_version__profile", "mode_version__mode"):
        try:
            found.append((session, switch_mode(session, mode, by=by)))
        except AlreadyInMode:
            continue
        except SessionError as refusal:
            found.append((session, refusal))
    return found


@transaction.atomic
def record_switch(
    code: UUID, outcome: SwitchOutcome, at: datetime, *, took_ms: float | None = None, detail: str = ""
) -> bool:
    """How a switch went, and the mode that the session is in since. False for one that is told already.

    One that was given up as failed, and that the job tells of after all, was made: its word counts.
    """
    expected = {
        SwitchOutcome.WENT_BACK: (SwitchOutcome.APPLIED,),
        SwitchOutcome.APPLIED: (SwitchOutcome.PENDING, SwitchOutcome.FAILED),
    }.get(outcome, (SwitchOutcome.PENDING,))
    given_up = ModeSwitch.objects.filter(code=code, outcome=SwitchOutcome.FAILED).first()
    if given_up is not None and given_up.session.switches.filter(requested_at__gt=given_up.requested_at).exists():
        return False
    changed = ModeSwitch.objects.filter(code=code, outcome__in=expected).update(
        outcome=outcome, finished_at=at, detail=detail[:500], took_ms=Coalesce(took_ms, F("took_ms"))
    )
    if not changed:
        return False
    switch = ModeSwitch.objects.select_related(
        "session__profile_version", "to_version__mode", "from_version__mode"
    ).get(code=code)
    session, names = switch.session, {"to": switch.to_name, "from": switch.from_name}
    if outcome == SwitchOutcome.APPLIED:
        _go_on(session, switch.to_version, switch.to_provider)
        text = _("Switched to %(to)s") % names + (f": {switch.reason}" if switch.reason else "")
        note(session, SessionEvent.Kind.MODE, text, at=at, by=switch.requested_by)
    elif outcome == SwitchOutcome.WENT_BACK:
        _go_on(session, switch.from_version, switch.from_provider)
        note(session, SessionEvent.Kind.MODE, _("Back in %(from)s:") % names + f" {detail}", at=at)
    else:
        note(session, SessionEvent.Kind.WARNING, _("Not switched to %(to)s:") % names + f" {detail}", at=at)
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
    return switches.select_related("to_version__mode", "from_version__mode").first()


def _go_on(session: AvatarSession, version: ModeVersion, provider: str) -> None:
    by_profile = session.profile_version.provider
    AvatarSession.objects.filter(pk=session.pk).update(
        mode_version=version, switched_provider="" if provider == by_profile else provider
    )
