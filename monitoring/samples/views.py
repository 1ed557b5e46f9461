"""Samples as pages' charts fetch them: of a host, of a session."""

import uuid
from datetime import timedelta
from typing import Final

from django.http import Http404, HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from monitoring.hosts.views import get_summary_for
from monitoring.models import Alert
from monitoring.samples.charts import (
    alert_marks,
    host_chart_data,
    last_media,
    session_chart_data,
    session_marks,
    thinned,
    visit_points,
)
from monitoring.samples.windows import host_window, session_window, step_of
from sessions.access import get_session_for

CHART_SECONDS: Final = 300
HOST_CHART_SECONDS: Final = 900


def window_of(request: HttpRequest, default: int) -> int:
    """The window that is asked for, in seconds. Raises `Http404` for one that there is not."""
    try:
        seconds = int(request.GET.get("seconds", default))
        step_of(seconds)
    except (ValueError, KeyError):
        raise Http404 from None
    return seconds


@never_cache
def host_samples(request: HttpRequest, name: str) -> JsonResponse:
    """The host's last `?seconds` (a quarter of an hour), for its charts, with its alerts marked."""
    summary = get_summary_for(request.user, name)
    seconds = window_of(request, HOST_CHART_SECONDS)
    since = timezone.now() - timedelta(seconds=seconds)
    marked = alert_marks(Alert.objects.filter(host=name, raised_at__gt=since))
    points = host_window(summary.worker.host, seconds)
    return JsonResponse(host_chart_data(points, marked, step_of(seconds)))


@never_cache
def session_samples(request: HttpRequest, code: uuid.UUID) -> JsonResponse:
    """The session's last `?seconds` (five minutes) for its charts; all of it, thinned out, with `?whole`."""
    session = get_session_for(request.user, code)
    if "whole" in request.GET:
        return JsonResponse(thinned(session))
    seconds = window_of(request, CHART_SECONDS)
    since = timezone.now() - timedelta(seconds=seconds)
    points = session_window(session, seconds)
    marked = session_marks(session, since)
    visits, media = visit_points(session, since), last_media(session, since)
    host = host_window(session.host, seconds)
    return JsonResponse(session_chart_data(host, points, marked, step_of(seconds), visits, media))
