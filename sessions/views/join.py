"""The visitor's page behind a link."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache

from protocol.control import MAX_TYPED_CHARS
from sessions.actions.links import check_link, link_language
from sessions.errors import LinkError
from sessions.portraits.presenters import portrait_url


@never_cache
@login_not_required
def join(request: HttpRequest, token: str) -> HttpResponse:
    """The page for a good link; a sentence and the right status for any other. Counts no use.

    In the session's language; behind an unknown link in the browser's.
    """
    with translation.override(link_language(token) or translation.get_language_from_request(request)):
        try:
            link = check_link(token)
        except LinkError as refusal:
            refused = {"title": refusal.title, "sentence": str(refusal), "hint": refusal.hint}
            return render(request, "join/unavailable.html", refused, status=refusal.status)
        context = {
            "link_token": link.token,
            "session": link.session,
            "portrait_url": portrait_url(link.session.profile_version),
            "most_typed_chars": MAX_TYPED_CHARS,
            "has_captions_in_picture": link.session.has_captions_in_picture,
        }
        return render(request, "join/join.html", context)
