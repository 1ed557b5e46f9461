"""Checks of a profile's providers on its page."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from operators.access import label_of
from operators.models import Role
from sessions.access import get_profile_for
from sessions.actions.preflights import hosts, order_preflight, usual_host
from sessions.models import AvatarProfile
from sessions.providers.words import checks_of
from sessions.views.refusals import says_why

EARLIER_SHOWN = 5


def preflight_context(profile: AvatarProfile) -> dict[str, Any]:
    """The last check with all that it found, and the verdicts of those before it."""
    found = list(profile.preflights.select_related("version")[: EARLIER_SHOWN + 1])
    last = found[0] if found else None
    return {
        "profile": profile,
        "preflight": last,
        "checks": checks_of(last) if last else [],
        "earlier_preflights": found[1:],
        "hosts": hosts(),
        "usual_host": last.host if last else usual_host(),
        "is_outdated": last is not None and last.version_id != profile.current_id,
    }


@require_safe
@never_cache
@says_why
def preflight(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The panel alone, fetched again when a check was answered."""
    profile = get_profile_for(request.user, code)
    return render(request, "sessions/fragments/preflight.html", preflight_context(profile))


@require_POST
@says_why
def check(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Have the profile checked now."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    order_preflight(profile, by=label_of(request), host=request.POST.get("host", ""))
    if not request.headers.get("HX-Request"):
        return redirect(f"{reverse('sessions:profile', args=[profile.code])}#preflight")
    return render(request, "sessions/fragments/preflight.html", preflight_context(profile))
