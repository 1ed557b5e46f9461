"""A session's page: is it well? Its fragments, and what an operator does to it."""

import uuid
from typing import Any, Final

import segno
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from operators.access import label_of
from operators.models import Role
from sessions import livekit
from sessions.access import get_link_for, get_session_for
from sessions.actions.lifecycle import stop_session
from sessions.actions.links import create_link, revoke_link
from sessions.errors import SessionIsOver
from sessions.forms.sessions import LinkForm
from sessions.models import AvatarSession, SwitchOutcome
from sessions.portraits.presenters import portrait_url
from sessions.verdicts import session_sentence, waiting_for
from sessions.views.refusals import says_why

FRAGMENTS: Final = ("header", "facts", "readiness", "visitors", "steps", "switches", "events", "invite")
MAX_EVENTS: Final = 200


def qr_svg(text: str) -> str:
    """A QR code as SVG for a page: no style, no size of its own."""
    return segno.make(text, error="m").svg_inline(scale=1, border=1, omitsize=True, light="#fff", dark="#000")


def session_context(session: AvatarSession, **extra: Any) -> dict[str, Any]:
    """What the page and each of its fragments show."""
    links = list(session.links.order_by("-created_at"))
    link = next((link for link in links if link.is_open), links[0] if links else None)
    here = session.visits.filter(left_at=None).exclude(joined_at=None).count()
    return {
        "session": session,
        "sentence": session_sentence(session, here),
        "waiting": waiting_for(session),
        "here": here,
        "portrait_url": portrait_url(session.profile_version),
        "link": link,
        "older_links": [other for other in links if other != link and other.is_open],
        "qr": qr_svg(link.url) if link is not None and link.is_open else "",
        "link_form": LinkForm(),
        "visits": session.visits.select_related("link").order_by("-created_at")[:50],
        "events": session.events.order_by("-at", "-pk")[:MAX_EVENTS],
        "steps": session.steps.order_by("attempt", "number"),
        "pending_switch": session.switches.filter(outcome=SwitchOutcome.PENDING).first(),
        **extra,
    }


def session(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The whole page."""
    return render(request, "sessions/session.html", session_context(get_session_for(request.user, code)))


@never_cache
def fragment(request: HttpRequest, code: uuid.UUID, name: str) -> HttpResponse:
    """One part of the page, fetched again when something changed."""
    if name not in FRAGMENTS:
        raise Http404
    found = get_session_for(request.user, code)
    return render(request, f"sessions/fragments/{name}.html", session_context(found))


def after(request: HttpRequest, session: AvatarSession, name: str) -> HttpResponse:
    """After an action: the fragment that it changed, or the page where no script asked."""
    session.refresh_from_db()
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, f"sessions/fragments/{name}.html", session_context(session))
    return redirect("sessions:session", session.code)


@require_POST
@says_why
def stop(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Stop the session; the second of two operators changes nothing and sees the same."""
    found = get_session_for(request.user, code, Role.OPERATOR)
    stop_session(found, by=label_of(request))
    if request.POST.get("from") == "overview":
        return redirect("sessions:overview-row", found.code)
    return after(request, found, "header")


@require_POST
@says_why
def new_link(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Another link into the session."""
    found = get_session_for(request.user, code, Role.OPERATOR)
    form = LinkForm(request.POST)
    if not form.is_valid():
        context = session_context(found, link_form=form)
        return render(request, "sessions/fragments/invite.html", context, status=422)
    create_link(found, by=label_of(request), **form.order())
    return after(request, found, "invite")


@require_POST
@says_why
def revoke(request: HttpRequest, code: uuid.UUID, link: uuid.UUID) -> HttpResponse:
    """Close a link and send its visitors out."""
    found = get_session_for(request.user, code, Role.OPERATOR)
    row = get_link_for(request.user, link)
    if row.session_id != found.pk:
        raise Http404
    revoke_link(row, by=label_of(request))
    return after(request, found, "invite")


@require_POST
@says_why
def watch(request: HttpRequest, code: uuid.UUID) -> JsonResponse:
    """A token to look on with, hidden and receiving only. Asked for on a click: looking on costs the host nothing before."""
    found = get_session_for(request.user, code)
    if not found.is_live:
        raise SessionIsOver
    token = livekit.watcher_token(found.room, f"operator-{uuid.uuid4()}")
    return JsonResponse({"livekit_url": settings.LIVEKIT_PUBLIC_URL, "token": token})
