"""Alerts: what is wrong now, what was, and who has seen it."""

import uuid
from typing import Any, Final

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from monitoring.actions.alerts import MAX_NOTE_CHARS, acknowledge_alert
from monitoring.models import Alert
from monitoring.templatetags.alerts import by_weight
from operators.access import label_of, require
from operators.models import Role

PAGE_SIZE: Final = 25


def alerts_for(actor: Any, role: Role = Role.VIEWER) -> QuerySet[Alert]:
    """All alerts, those of sessions with the names of their profiles. Raises `PermissionDenied`."""
    require(actor, role)
    return Alert.objects.select_related("session__profile_version", "session__mode_version__mode")


@never_cache
@vary_on_headers("HX-Request")
def alerts(request: HttpRequest) -> HttpResponse:
    """Those that last, then those that are over, newest first. By htmx: the list alone."""
    found = alerts_for(request.user)
    context = {
        "open": sorted(found.filter(cleared_at=None), key=by_weight),
        "page": Paginator(found.exclude(cleared_at=None), PAGE_SIZE).get_page(request.GET.get("page")),
        "max_note": MAX_NOTE_CHARS,
    }
    template = "monitoring/alert_list.html" if request.htmx else "monitoring/alerts.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@never_cache
def news(request: HttpRequest, part: str) -> HttpResponse:
    """The bell or the banner, drawn again."""
    require(request.user, Role.VIEWER)
    return render(request, f"monitoring/alert_{part}_again.html")


@require_POST
def acknowledge(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Say that it was seen, with a note. Of two operators the first one's note stays."""
    alert = get_object_or_404(alerts_for(request.user, Role.OPERATOR), code=code)
    acknowledge_alert(alert, request.POST.get("note", "").strip(), by=label_of(request))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    return redirect("monitoring:alerts")
