"""Profiles: who can go on air."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from operators.access import label_of, require
from operators.models import Role
from operators.templatetags.roles import may
from sessions.access import get_profile_for, profiles_for
from sessions.actions.preflights import needs_preflight, order_preflight
from sessions.actions.profiles import archive_profile, create_profile, duplicate_profile, edit_profile
from sessions.forms.profiles import ProfileForm
from sessions.models import AvatarProfile
from sessions.views.knowledge import knowledge_context
from sessions.views.preflights import preflight_context
from sessions.views.refusals import says_why


def profiles(request: HttpRequest) -> HttpResponse:
    """All profiles that are not archived, with their faces."""
    found = profiles_for(request.user).annotate(times=Count("versions__sessions"))
    return render(request, "sessions/profiles.html", {"profiles": found})


def new_profile(request: HttpRequest) -> HttpResponse:
    """Make a profile."""
    actor = require(request.user, Role.OPERATOR)
    form = ProfileForm(request.POST or None, request.FILES or None)
    if not form.is_valid():
        return render(request, "sessions/profile_form.html", {"form": form}, status=422 if form.is_bound else 200)
    profile = create_profile(form.fields_of_profile(), by=actor.label)
    if needs_preflight(profile):
        order_preflight(profile, by=actor.label)
    messages.success(request, _("“%(name)s” is ready to start.") % {"name": profile})
    return redirect("sessions:profile", profile.code)


@says_why
def profile(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Read a profile, or change it: each change is a new version, and sessions on air keep theirs."""
    found = get_profile_for(request.user, code, Role.OPERATOR if request.method == "POST" else Role.VIEWER)
    fixed = found.archived_at is not None or not may(request.user, Role.OPERATOR)
    form = ProfileForm(request.POST or None, request.FILES or None, instance=found.current, is_read_only=fixed)
    if form.is_bound and form.is_valid():
        version = edit_profile(found, form.fields_of_profile(), by=label_of(request))
        if needs_preflight(found):
            order_preflight(found, by=label_of(request))
        messages.success(request, _("Kept as version %(n)d. The next start uses it.") % {"n": version.number})
        return redirect("sessions:profile", found.code)
    return profile_page(request, found, form=form, status=422 if form.is_bound else 200)


def profile_page(
    request: HttpRequest, found: AvatarProfile, *, form: ProfileForm | None = None, status: int = 200, **extra: Any
) -> HttpResponse:
    """The whole page of a profile, with what it knows below its form."""
    fixed = found.archived_at is not None or not may(request.user, Role.OPERATOR)
    context = {
        "form": form or ProfileForm(instance=found.current, is_read_only=fixed),
        "profile": found,
        "versions": found.versions.order_by("-number"),
        "needs_preflight": needs_preflight(found),
        **preflight_context(found),
        **knowledge_context(request, found, **extra),
    }
    return render(request, "sessions/profile_form.html", context, status=status)


@require_POST
@says_why
def duplicate(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """A copy to change."""
    copy = duplicate_profile(get_profile_for(request.user, code, Role.OPERATOR), by=label_of(request))
    messages.success(request, _("“%(name)s” was made. Change what should differ.") % {"name": copy})
    return redirect("sessions:profile", copy.code)


@require_POST
@says_why
def archive(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Take a profile out of the lists; its sessions and reports stay."""
    found = get_profile_for(request.user, code, Role.OPERATOR)
    archive_profile(found)
    messages.success(request, _("“%(name)s” is archived. Its sessions and reports stay.") % {"name": found})
    return redirect("sessions:profiles")
