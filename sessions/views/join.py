"""The visitor's page behind a link."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from sessions.actions.links import check_link
from sessions.errors import LinkError
from sessions.presenters import portrait_url


@never_cache
@login_not_required
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page for a good link; a sentence and the right status for any other. Counts no use."""
    try:
        link = check_link(token)
    except LinkError as refusal:
        refused = {"title": refusal.title, "sentence": str(refusal), "hint": refusal.hint}
        return render(request, "join/unavailable.html", refused, status=refusal.status)
    context = {
        "link_token": link.token,
        "session": link.session,
        "portrait_url": portrait_url(link.session.profile_version),
    }
    return render(request, "join/join.html", context)
