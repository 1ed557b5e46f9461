"""The start drawer: who, how, does it fit?"""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from operators.access import require
from operators.models import Role
from sessions.access import modes_for, profiles_for
from sessions.actions.lifecycle import start_session
from sessions.actions.links import create_link
from sessions.actions.placement import choose_host
from sessions.errors import CapacityReached, HostDrained, SessionError
from sessions.forms.sessions import StartForm


def host_of_next() -> dict[str, str]:
    """The `host` that a start would go to; this machine where all are full; `drained` says why none takes one."""
    try:
        return {"host": choose_host()}
    except CapacityReached:
        return {"host": str(settings.HOST_NAME)}
    except HostDrained as refusal:
        return {"host": str(settings.HOST_NAME), "drained": str(refusal)}


@vary_on_headers("HX-Request")
def start(request: HttpRequest) -> HttpResponse:
    """The drawer, and the start itself: a double click starts once, by the form's request key."""
    actor = require(request.user, Role.OPERATOR)
    choices: dict[str, Any] = {"profiles": profiles_for(request.user), "modes": modes_for(request.user)}
    if request.method != "POST":
        form = StartForm(initial={"profile": request.GET.get("profile"), "mode": request.GET.get("mode")}, **choices)
        return answer(request, form)
    form = StartForm(request.POST, **choices)
    if not form.is_valid():
        return answer(request, form, status=422)
    try:
        session = start_session(by=actor.label, **form.order())
        if not session.links.exists():
            create_link(session, by=actor.label)  # so that its page has one to copy at once
    except SessionError as refusal:
        form.add_error(None, str(refusal))
        return answer(request, form, status=422)
    page = reverse("sessions:session", args=[session.code])
    return HttpResponseClientRedirect(page) if request.htmx else redirect(page)  # type: ignore[attr-defined]


def answer(request: HttpRequest, form: StartForm, status: int = 200) -> HttpResponse:
    """The form, as a drawer's content or as a page of its own."""
    context: dict[str, Any] = {"form": form, **host_of_next()}
    template = "sessions/fragments/start_form.html" if request.htmx else "sessions/start.html"  # type: ignore[attr-defined]
    return render(request, template, context, status=status)
