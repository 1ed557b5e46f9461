"""The switch drawer: what will change, what will visitors see? And how it went."""

import uuid
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.vary import vary_on_headers

from operators.access import label_of
from operators.models import Role
from sessions.access import get_session_for, modes_for
from sessions.actions.switches import switch_mode
from sessions.errors import SessionError, SwitchUnderWay
from sessions.mode_changes import changes_between
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, SwitchOutcome

MEASURED_LIVE_S: Final = 200  # how long after a switch its figures are read again and again


@vary_on_headers("HX-Request")
def switch(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The drawer, and the switch itself. Who comes while another switch is being made sees that one."""
    session = get_session_for(request.user, code, Role.OPERATOR)
    modes = list(modes_for(request.user, Role.OPERATOR).exclude(current=None))
    if request.method != "POST":
        pending = session.switches.filter(outcome=SwitchOutcome.PENDING).first()
        if pending is not None and "mode" not in request.GET:
            return outcome_page(request, session, pending)
        return drawer(request, session, modes, chosen_of(session, modes, request.GET.get("mode", "")))
    chosen = next((mode for mode in modes if mode.slug == request.POST.get("mode")), None)
    if chosen is None:
        return drawer(request, session, modes, None, _("Nothing was changed: choose one of the modes below."), 422)
    try:
        made = switch_mode(session, chosen, by=label_of(request))
    except SwitchUnderWay as refusal:
        faster = session.switches.filter(outcome=SwitchOutcome.PENDING).first()
        if faster is None:  # it is over by now
            return drawer(request, session, modes, chosen, str(refusal), 422)
        return outcome_page(request, session, faster, instead=chosen.slug)
    except SessionError as refusal:
        return drawer(request, session, modes, chosen, str(refusal), 422)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("sessions:switch-outcome", session.code, made.code)
    return outcome_page(request, session, made)


@vary_on_headers("HX-Request")
def outcome(request: HttpRequest, code: uuid.UUID, switch: uuid.UUID) -> HttpResponse:
    """How a switch goes or went, fetched again when something changed."""
    session = get_session_for(request.user, code)
    made = get_object_or_404(session.switches, code=switch)
    return outcome_page(request, session, made, instead=request.GET.get("instead", "")[:60])


def chosen_of(session: AvatarSession, modes: list[DeploymentMode], slug: str) -> DeploymentMode | None:
    """The mode that is asked for; else the next lighter one, which is what a switch is mostly wanted for."""
    others = [mode for mode in modes if mode.current_id != session.mode_version_id]
    asked = next((mode for mode in others if mode.slug == slug), None)
    if asked is not None:
        return asked
    now = session.settings.pixel_rate
    lighter = [mode for mode in others if mode.current and mode.current.settings.pixel_rate < now]
    lighter.sort(key=lambda mode: -mode.current.settings.pixel_rate if mode.current else 0)
    return next(iter(lighter or others), None)


def drawer(
    request: HttpRequest,
    session: AvatarSession,
    modes: list[DeploymentMode],
    chosen: DeploymentMode | None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The choice and the preview, as a drawer's content or as a page of its own."""
    context: dict[str, Any] = {
        "session": session,
        "modes": [mode for mode in modes if mode.current_id != session.mode_version_id],
        "chosen": chosen,
        "changes": _changes(session, chosen) if chosen else None,
        "problem": problem,
    }
    return render(request, _template(request, "switch_form"), {**context, "part": "switch_form"}, status=status)


def outcome_page(request: HttpRequest, session: AvatarSession, made: ModeSwitch, instead: str = "") -> HttpResponse:
    """A switch that is made or was made. `instead` is the mode that the asker wanted while somebody else was faster."""
    address = reverse("sessions:switch-outcome", args=[session.code, made.code])
    context: dict[str, Any] = {
        "session": session,
        "switch": made,
        "address": f"{address}?instead={instead}" if instead else address,
        "instead": instead,
        "changes": changes_between(
            session.settings_in(made.from_version), session.settings_in(made.to_version), is_drawn_here=True
        ),
        "is_measured_live": session.is_live and made.is_young(MEASURED_LIVE_S),
    }
    return render(request, _template(request, "switch_outcome"), {**context, "part": "switch_outcome"})


def _changes(session: AvatarSession, mode: DeploymentMode) -> Any:
    to = mode.current
    return changes_between(session.settings, session.settings_in(to), is_drawn_here=True) if to else None


def _template(request: HttpRequest, part: str) -> str:
    return f"sessions/fragments/{part}.html" if request.htmx else "sessions/switch.html"  # type: ignore[attr-defined]
