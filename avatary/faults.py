"""What is answered when a request ended in an error that no view expected."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import server_error

from monitoring import standstill


def answer_fault(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: calm words, with status 503, where it is the database that can't write; else the page of a fault."""
    error = sys.exc_info()[1]
    cause = standstill.why(error) if isinstance(error, OperationalError | InterfaceError) else None
    if cause is None:
        return server_error(request)
    happened, advice = standstill.refusal(cause)
    context = {"happened": happened, "advice": advice, "again": _again(request)}
    return render(request, "standstill.html", context, status=503)


def _again(request: HttpRequest) -> str:
    """Where to try again: a page that was asked for; for a form that was sent, the page where it stands."""
    if request.method == "GET":
        return request.get_full_path()
    referrer = request.headers.get("Referer", "")
    return referrer if url_has_allowed_host_and_scheme(referrer, {request.get_host()}) else "/"
