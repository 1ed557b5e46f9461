"""Pages of what is over: reports (how did it go?), their history (what changed?), comparisons (is it real?)."""

import uuid
from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from monitoring.comparing.density import density
from monitoring.comparing.forms import KINDS, CompareForm
from monitoring.models import SessionDigest, Trial
from monitoring.reports.csv_file import as_csv, curves_as_csv
from monitoring.reports.digest_filters import ReportFilter
from monitoring.reports.page import page_context
from monitoring.reports.report import report_of
from monitoring.reports.summaries import Summary
from monitoring.reports.text import as_text
from monitoring.reports.trends import sentence, trends
from operators.access import require
from operators.models import Role
from sessions.access import get_session_for, profiles_for
from sessions.actions.removal import remove_session
from sessions.errors import SessionError
from sessions.models import AgentWorker

PAGE_SIZE: Final = 25
TRIALS_SHOWN: Final = 8
FORMS: Final[dict[str, tuple[str, str, Callable[[Summary], str]]]] = {
    "txt": ("text/plain; charset=utf-8", ".txt", as_text),
    "json": ("application/json", ".json", lambda summary: summary.model_dump_json(indent=2)),
    "csv": ("text/csv; charset=utf-8", ".csv", as_csv),
    "curves": ("text/csv; charset=utf-8", "-curves.csv", curves_as_csv),
}  # content type, end of the file's name, how it is written


def reports(request: HttpRequest) -> HttpResponse:
    """Reports of sessions that are over, newest first, with what changed from period to period."""
    require(request.user, Role.VIEWER)
    form = ReportFilter(request.GET)
    since, until = form.span()
    lines = [] if form.refusals else trends(form.chosen(), since, until)
    found = form.digests().select_related("session__profile_version", "mode").order_by("-requested_at")
    context = {
        "form": form,
        "query": form.query(),
        "lines": lines,
        "sentence": sentence(lines, since, until) if lines else _("Which sessions?"),
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "has_any": SessionDigest.objects.exists(),
    }
    return render(request, "monitoring/reports.html", context)


def compare(request: HttpRequest) -> HttpResponse:
    """Two modes, periods or sessions side by side. The first line says whether the difference is real."""
    require(request.user, Role.VIEWER)
    form = CompareForm(request.GET)
    found = form.comparison()
    context = {
        "form": form,
        "kinds": KINDS,
        "found": found,
        "density": density(found.before, found.after) if found else None,
        "query": form.query(),
        "profiles": profiles_for(request.user),
        "hosts": list(AgentWorker.objects.values_list("host", flat=True)),
        "trials": Trial.objects.select_related("first", "second", "profile__current")[:TRIALS_SHOWN],
    }
    return render(request, "monitoring/compare.html", context)


def report(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """How a session went. The first line is the verdict."""
    session = get_session_for(request.user, code)
    return render(request, "monitoring/report.html", {"session": session, **page_context(report_of(session))})


@require_POST
def delete(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """For good: the session, its report and all that was measured of it."""
    session = get_session_for(request.user, code, Role.ADMIN)
    page = reverse("monitoring:reports")
    try:
        remove_session(session)
    except SessionError as refusal:
        messages.error(request, str(refusal))
        page = reverse("monitoring:report", args=[code])
    else:
        messages.success(request, _("The session %(code)s and its report are deleted.") % {"code": session.short_code})
    return HttpResponseClientRedirect(page) if request.htmx else redirect(page)  # type: ignore[attr-defined]


def report_as(request: HttpRequest, code: uuid.UUID, form: str) -> HttpResponse:
    """The report to take away: everything as JSON, its figures or its curves as CSV, or the text of the field report."""
    session = get_session_for(request.user, code)
    if form not in FORMS:
        raise Http404
    content_type, ending, written = FORMS[form]
    response = HttpResponse(written(report_of(session)), content_type=content_type)
    if "download" in request.GET:
        response["Content-Disposition"] = f'attachment; filename="avatary-{session.short_code}{ending}"'
    return response
