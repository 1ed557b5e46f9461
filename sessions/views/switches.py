"""The switch drawer: what will change, what will visitors see? And how it went."""

import uuid
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from operators.access import label_of
from operators.models import Role
from protocol.providers import starts_anew
from sessions.access import get_session_for, modes_for
from sessions.actions.lightening import set_lightening
from sessions.actions.switches import switch_mode
from sessions.errors import SessionError, SwitchUnderWay
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ModeVersion, SwitchOutcome
from sessions.models.switches import provider_name
from sessions.modes.changes import Changes, changes_between
from sessions.views.refusals import says_why
from sessions.views.session import after

MEASURED_LIVE_S: Final = 200  # how long after a switch its figures are read again and again


@dataclass(frozen=True)
class Choice:
    """What a session is to go on with: a version of a mode, and who draws the face."""

    session: AvatarSession
    version: ModeVersion
    provider: str

    @property
    def is_other(self) -> bool:
        """It differs from what the session has."""
        return self.changes_mode or self.changes_provider

    @property
    def changes_mode(self) -> bool:
        return self.version.pk != self.session.mode_version_id

    @property
    def changes_provider(self) -> bool:
        return self.provider != self.session.provider

    @property
    def name(self) -> str:
        """As people call it: what changes of it."""
        parts = [self.version.mode.slug] if self.changes_mode or not self.changes_provider else []
        return ", ".join([*parts, *([provider_name(self.provider)] if self.changes_provider else [])])

    @property
    def way(self) -> str:
        if self.changes_provider:
            return "beside"
        return way_of(self.session, self.session.mode_version, self.version)

    @property
    def changes(self) -> Changes:
        return changes_between(
            self.session.settings,
            self.session.settings_in(self.version, self.provider),
            providers=(self.session.provider, self.provider),
            worn=self.session.worn_by(self.provider),
        )


def way_of(session: AvatarSession, before: ModeVersion, after: ModeVersion) -> str:
    """What visitors see of another mode: the renderer goes on `in-place`, the avatar of a vendor starts `anew` behind the still
    picture, or they see nothing of it, `unseen`. (The next provider's face comes `beside` the present one.)"""
    if session.is_drawn_here:
        return "in-place"
    worn = session.worn_by(session.provider)
    return "anew" if starts_anew(session.provider, worn, before.settings, after.settings) else "unseen"


@vary_on_headers("HX-Request")
def switch(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The drawer, and the switch itself. Who comes while another switch is being made sees that one."""
    session = get_session_for(request.user, code, Role.OPERATOR)
    modes = list(modes_for(request.user, Role.OPERATOR).exclude(current=None))
    if request.method != "POST":
        pending = pending_of(session)
        if pending is not None and not request.GET:
            return outcome_page(request, session, pending)
        return drawer(request, session, modes, asked_for(session, modes, request.GET) or usual(session, modes))
    choice = asked_for(session, modes, request.POST)
    if choice is None:
        return drawer(request, session, modes, None, _("Nothing was changed: choose one of the modes below."), 422)
    mode = choice.version.mode if choice.changes_mode else None
    try:
        made = switch_mode(session, mode, by=label_of(request), provider=choice.provider)
    except SwitchUnderWay as refusal:
        faster = pending_of(session)
        if faster is None:  # it is over by now
            return drawer(request, session, modes, choice, str(refusal), 422)
        return outcome_page(request, session, faster, instead=choice.name)
    except SessionError as refusal:
        return drawer(request, session, modes, choice, str(refusal), 422)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("sessions:switch-outcome", session.code, made.code)
    return outcome_page(request, session, made)


@vary_on_headers("HX-Request")
def outcome(request: HttpRequest, code: uuid.UUID, switch: uuid.UUID) -> HttpResponse:
    """How a switch goes or went, fetched again when something changed."""
    session = get_session_for(request.user, code)
    switches = session.switches.select_related("from_version__mode", "to_version__mode")
    return outcome_page(
        request, session, get_object_or_404(switches, code=switch), request.GET.get("instead", "")[:100]
    )


@require_POST
@says_why
def lightening(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Let the session lighten by itself, or not."""
    session = get_session_for(request.user, code, Role.OPERATOR)
    set_lightening(session, request.POST.get("on") == "1", by=label_of(request))
    return after(request, session, "switches")


def pending_of(session: AvatarSession) -> ModeSwitch | None:
    """The switch that is under way."""
    pending = session.switches.filter(outcome=SwitchOutcome.PENDING)
    return pending.select_related("from_version__mode", "to_version__mode").first()


def asked_for(session: AvatarSession, modes: list[DeploymentMode], query: QueryDict) -> Choice | None:
    """What the fields ask for; an empty mode or provider stays as it is. None for what there is not."""
    slug, provider = query.get("mode"), query.get("provider") or session.provider
    version = session.mode_version if slug == "" or (slug is None and "provider" in query) else None
    version = version or next((mode.current for mode in modes if mode.slug == slug), None)
    return Choice(session, version, provider) if version and provider in session.providers else None


def usual(session: AvatarSession, modes: list[DeploymentMode]) -> Choice | None:
    """The next lighter mode, which is what a switch is mostly wanted for; else any other one. Where another face may be what is
    wanted, all as it is."""
    if len(session.providers) > 1:
        return Choice(session, session.mode_version, session.provider)
    others = [mode.current for mode in modes if mode.current and mode.current_id != session.mode_version_id]
    now = session.settings.pixel_rate
    below = [version for version in others if version.settings.pixel_rate < now]
    version = max(below, key=lambda version: version.settings.pixel_rate, default=None) or next(iter(others), None)
    return Choice(session, version, session.provider) if version else None


def drawer(
    request: HttpRequest,
    session: AvatarSession,
    modes: list[DeploymentMode],
    choice: Choice | None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The choice and the preview, as a drawer's content or as a page of its own."""
    context: dict[str, Any] = {
        "session": session,
        "modes": [mode for mode in modes if mode.current_id != session.mode_version_id],
        "providers": [(name, provider_name(name)) for name in session.providers],
        "choice": choice,
        "problem": problem,
    }
    return render(request, _template(request, "switch_form"), {**context, "part": "switch_form"}, status=status)


def outcome_page(request: HttpRequest, session: AvatarSession, made: ModeSwitch, instead: str = "") -> HttpResponse:
    """A switch that is made or was made. `instead` is what the asker wanted while somebody else was faster."""
    address = reverse("sessions:switch-outcome", args=[session.code, made.code])
    providers = (made.from_provider or session.provider, made.to_provider or session.provider)
    context: dict[str, Any] = {
        "session": session,
        "switch": made,
        "address": f"{address}?{urlencode({'instead': instead})}" if instead else address,
        "instead": instead,
        "back": urlencode({"mode": made.from_version.mode.slug, "provider": providers[0]}),
        "way": "beside" if made.changes_provider else way_of(session, made.from_version, made.to_version),
        "changes": changes_between(
            session.settings_in(made.from_version, providers[0]),
            session.settings_in(made.to_version, providers[1]),
            providers=providers,
            worn=session.worn_by(providers[1]),
        ),
        "is_measured_live": session.is_live and made.is_young(MEASURED_LIVE_S),
    }
    return render(request, _template(request, "switch_outcome"), {**context, "part": "switch_outcome"})


def _template(request: HttpRequest, part: str) -> str:
    return f"sessions/fragments/{part}.html" if request.htmx else "sessions/switch.html"  # type: ignore[attr-defined]
