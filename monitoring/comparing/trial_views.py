"""Pages of trials: one button measures two modes by the same conversation."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from monitoring.actions.trials import begin_trial, end_trial
from monitoring.comparing.comparison import Comparison, compare, side_of
from monitoring.comparing.density import density
from monitoring.models import SessionDigest, Trial, TrialRun, TrialState
from operators.access import label_of, require
from operators.models import Role
from sessions.access import get_mode_for, get_profile_for
from sessions.models import AgentWorker
from sessions.views.refusals import says_why


def get_trial_for(actor: Any, code: uuid.UUID, role: Role = Role.VIEWER) -> Trial:
    """The trial of that code. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(Trial.objects.select_related("first", "second", "profile__current"), code=code)


@require_POST
@says_why
def new_trial(request: HttpRequest) -> HttpResponse:
    """Begin one with the two modes, the profile and the host that were chosen."""
    require(request.user, Role.OPERATOR)
    wanted = request.POST.get("host", "").replace("\x00", "")
    modes = (get_mode_for(request.user, request.POST.get(name, "").replace("\x00", "")) for name in ("a", "b"))
    trial = begin_trial(
        get_profile_for(request.user, _code(request.POST.get("profile"))),
        *modes,
        host=wanted if AgentWorker.objects.filter(host=wanted).exists() else settings.HOST_NAME,
        by=label_of(request),
    )
    return redirect("monitoring:trial", trial.code)


@never_cache
def trial(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """How far it is, and what it says so far. By htmx: what changes, alone."""
    found = get_trial_for(request.user, code)
    runs = list(found.runs.select_related("mode", "session"))
    compared = comparison_of(found)
    context = {
        "trial": found,
        "runs": runs,
        "over": sum(run.state in (TrialRun.State.DONE, TrialRun.State.FAILED) for run in runs),
        "is_running": found.state == TrialState.RUNNING,
        "found": compared,
        "density": density(compared.before, compared.after),
    }
    template = "monitoring/trial_state.html" if request.htmx else "monitoring/trial.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_POST
@says_why
def stop_trial(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """End it with the session that runs; the second of two operators changes nothing and sees the same."""
    found = get_trial_for(request.user, code, Role.OPERATOR)
    end_trial(found, by=label_of(request))
    return redirect("monitoring:trial", found.code)


def comparison_of(found: Trial) -> Comparison:
    """What the trial's sessions that are over say."""
    sides = []
    for mode in (found.first, found.second):
        of_mode = SessionDigest.objects.filter(session__trial_run__trial=found, session__trial_run__mode=mode)
        sides.append(side_of(mode.slug, of_mode.filter(session__trial_run__state=TrialRun.State.DONE)))
    return compare(*sides)


def _code(text: str | None) -> uuid.UUID:
    """What is no code names no profile."""
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return uuid.UUID(int=0)
