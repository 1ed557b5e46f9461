"""Deployment modes: how an avatar runs."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from operators.access import label_of
from operators.models import Role
from operators.templatetags.roles import may
from sessions.access import get_mode_for, modes_for
from sessions.actions.modes import archive_mode, copy_mode, edit_mode
from sessions.forms.modes import ModeForm
from sessions.models import AvatarSession, DeploymentMode
from sessions.models.avatar_session import ON_AIR_STATES
from sessions.modes.settings import mode_comparison
from sessions.views.refusals import says_why


def modes(request: HttpRequest) -> HttpResponse:
    """All modes beside each other, setting by setting."""
    found = list(modes_for(request.user))
    return render(request, "sessions/modes.html", {"modes": found, "sections": mode_comparison(found)})


@says_why
def mode(request: HttpRequest, slug: str) -> HttpResponse:
    """Read a mode, or change a copied one: each change is a new version, and sessions on air keep theirs."""
    found = get_mode_for(request.user, slug, Role.OPERATOR if request.method == "POST" else Role.VIEWER)
    fixed = found.is_built_in or found.archived_at is not None or not may(request.user, Role.OPERATOR)
    form = ModeForm(request.POST or None, mode=found, is_read_only=fixed)
    if form.is_bound and form.is_valid():
        by, description = label_of(request), form.cleaned_data["description"]
        version = edit_mode(found, form.settings.model_dump(), by=by, description=description)
        messages.success(request, _("Kept as version %(n)d. The next start uses it.") % {"n": version.number})
        return redirect("sessions:mode", found.slug)
    context = {
        "form": form,
        "mode": found,
        "versions": found.versions.order_by("-number"),
        "behind": behind(found),
    }
    return render(request, "sessions/mode_form.html", context, status=422 if form.is_bound else 200)


def behind(mode: DeploymentMode) -> list[AvatarSession]:
    """Sessions on air in an earlier version of the mode: an edit changes none of them by itself."""
    on_air = AvatarSession.objects.filter(state__in=ON_AIR_STATES, mode_version__mode=mode)
    return list(on_air.exclude(mode_version=mode.current).select_related("profile_version", "mode_version"))


@require_POST
@says_why
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    """A copy to change."""
    made = copy_mode(
        get_mode_for(request.user, slug, Role.OPERATOR), by=label_of(request), slug=request.POST.get("slug", "")
    )
    messages.success(request, _("“%(name)s” was made. Change what should differ.") % {"name": made})
    return redirect("sessions:mode", made.slug)


@require_POST
@says_why
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a copied mode out of the lists; its sessions keep it."""
    found = get_mode_for(request.user, slug, Role.OPERATOR)
    archive_mode(found)
    messages.success(request, _("“%(name)s” is archived. Its sessions and reports stay.") % {"name": found})
    return redirect("sessions:modes")
