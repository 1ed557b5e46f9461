"""What an operator does to a host: take it out of service, let all of its sessions go on in another mode."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from monitoring.hosts import views
from monitoring.hosts.costs import cost_of
from operators.access import label_of
from operators.models import Role
from sessions.access import get_worker_for, modes_for, sessions_for
from sessions.actions.switches import switch_host
from sessions.actions.workers import set_drained
from sessions.errors import SessionError
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch, ModeVersion, SwitchOutcome
from sessions.models.avatar_session import ON_AIR_STATES
from sessions.modes.changes import Changes, changes_between
from sessions.views.switches import way_of


@dataclass(frozen=True)
class Alike:
    """Sessions that have the same mode and provider now: a switch changes the same for each of them."""

    sessions: list[AvatarSession]
    changes: Changes
    way: str

    @property
    def mode(self) -> str:
        return self.sessions[0].mode_slug


@require_POST
def drain(request: HttpRequest, name: str) -> HttpResponse:
    """Place no new session there (`on=1`), or again."""
    worker = get_worker_for(request.user, name, Role.OPERATOR)
    set_drained(worker.host, request.POST.get("on") == "1", by=label_of(request))
    if request.htmx:  # type: ignore[attr-defined]
        return views.host(request, worker.host)
    return redirect("monitoring:host", worker.host)


def switch_all(request: HttpRequest, name: str) -> HttpResponse:
    """The drawer that says what will change, and the switches themselves."""
    worker = get_worker_for(request.user, name, Role.OPERATOR)
    modes = list(modes_for(request.user, Role.OPERATOR).exclude(current=None))
    slug = (request.POST if request.method == "POST" else request.GET).get("mode", "")
    chosen = next((mode for mode in modes if mode.slug == slug), None) or _lightest(modes)
    context: dict[str, Any] = {"host": worker.host, "modes": modes, "chosen": chosen}
    if request.method != "POST" or chosen is None or chosen.slug != slug:
        on_air = list(sessions_for(request.user, Role.OPERATOR).filter(host=worker.host, state__in=ON_AIR_STATES))
        return _drawer(request, {**context, **_preview(on_air, chosen), "part": "host_switch"})
    found = switch_host(worker.host, chosen, by=label_of(request))
    made = [switch for _, switch in found if isinstance(switch, ModeSwitch)]
    refused = [(session, str(refusal)) for session, refusal in found if isinstance(refusal, SessionError)]
    context |= {"refused": refused, **_lines(worker.host, [switch.code for switch in made])}
    return _drawer(request, {**context, "part": "host_switched"})


@never_cache
def switched(request: HttpRequest, name: str) -> HttpResponse:
    """How the switches of `?switch=` go, fetched again until all of them are over."""
    worker = get_worker_for(request.user, name)
    try:
        codes = [UUID(code) for code in request.GET.getlist("switch")]
    except ValueError:
        raise Http404 from None
    return render(request, "monitoring/host_switch_lines.html", _lines(worker.host, codes))


def _preview(on_air: Iterable[AvatarSession], mode: DeploymentMode | None) -> dict[str, Any]:
    """What goes on in the mode, what is in it already, and the cores that the former need while they talk, now and then."""
    version = mode.current if mode else None
    if mode is None or version is None:
        return {"changing": [], "staying": list(on_air)}
    alike: dict[tuple[int, str, str], list[AvatarSession]] = {}
    staying = []
    for session in on_air:
        if session.mode_version_id == version.pk:
            staying.append(session)
        else:
            way = way_of(session, session.mode_version, version)
            alike.setdefault((session.mode_version_id, session.provider, way), []).append(session)
    changing = [Alike(sessions, _changes(sessions[0], version), way) for (_, _, way), sessions in alike.items()]
    return {
        "changing": changing,
        "staying": staying,
        "count": sum(len(each.sessions) for each in changing),
        "cores_now": _cores(changing, None),
        "cores_then": _cores(changing, mode),
    }


def _changes(session: AvatarSession, version: ModeVersion) -> Changes:
    provider = session.provider
    return changes_between(
        session.settings,
        session.settings_in(version, provider),
        providers=(provider, provider),
        worn=session.worn_by(provider),
    )


def _cores(changing: list[Alike], mode: DeploymentMode | None) -> float | None:
    """What all of them need while they talk, in `mode` or in their own; None where one was not measured on this host."""
    needed = 0.0
    for each in changing:
        first = each.sessions[0]
        cost = cost_of(mode or first.mode_version.mode, first.host, first.provider)
        if cost is None:
            return None
        needed += cost.busy_cpu_cores * len(each.sessions)
    return needed


def _lightest(modes: list[DeploymentMode]) -> DeploymentMode | None:
    return min(modes, key=lambda mode: mode.current.settings.pixel_rate if mode.current else 0, default=None)


def _lines(host: str, codes: list[UUID]) -> dict[str, Any]:
    switches = ModeSwitch.objects.filter(code__in=codes, session__host=host).select_related(
        "session__profile_version", "from_version__mode", "to_version__mode"
    )
    found = list(switches.order_by("session__requested_at"))
    address = reverse("monitoring:host-switches", args=[host])
    return {
        "switches": found,
        "pending": sum(switch.outcome == SwitchOutcome.PENDING for switch in found),
        "address": f"{address}?{urlencode({'switch': [str(code) for code in codes]}, doseq=True)}",
    }


def _drawer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    template = f"monitoring/{context['part']}.html" if request.htmx else "monitoring/host_drawer.html"  # type: ignore[attr-defined]
    return render(request, template, context)
