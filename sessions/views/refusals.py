"""One way to say no: a refusal of an action becomes a page, or a note on the page that asked by htmx."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from sessions.errors import LiveKitError, SessionError

View = Callable[..., HttpResponse]


def says_why(view: View) -> View:
    """Answer a `SessionError`, `ValidationError` or `LiveKitError` with its sentence; problems.js shows it where htmx asked."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except SessionError as refusal:
            return render(request, "problem.html", {"sentence": str(refusal)}, status=refusal.status)
        except ValidationError as refusal:
            return render(request, "problem.html", {"sentence": " ".join(refusal.messages)}, status=422)
        except LiveKitError as error:
            return render(request, "problem.html", {"sentence": str(error)}, status=503)

    return answered
