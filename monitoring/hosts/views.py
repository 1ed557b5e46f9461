"""Pages of hosts: us or the machine?"""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from monitoring.hosts.page import host_context
from monitoring.models import SessionSample
from monitoring.samples.queries import HostSummary, host_summaries
from monitoring.templatetags.measured import host_figures_of
from operators.access import require
from operators.models import Role
from sessions.access import sessions_for
from sessions.models import AvatarSession
from sessions.models.avatar_session import LIVE_STATES


def hosts(request: HttpRequest) -> HttpResponse:
    """All avatar hosts; the one there is, where there is one."""
    require(request.user, Role.VIEWER)
    return render(request, "monitoring/hosts.html", {"hosts": [host_figures_of(each) for each in host_summaries()]})


def strip(request: HttpRequest) -> HttpResponse:
    """The hosts as the overview shows them, drawn again."""
    require(request.user, Role.VIEWER)
    return render(request, "monitoring/strip.html")


@vary_on_headers("HX-Request")
def host(request: HttpRequest, name: str) -> HttpResponse:
    """One host: whose load it is, which processes, how much room. By htmx: what changes, without the chart."""
    summary = get_summary_for(request.user, name)
    live = sessions_for(request.user).filter(host=name, state__in=LIVE_STATES).order_by("requested_at")
    context = {
        **host_context(summary),
        "processes": [process_of(session) for session in live],
        "on_air": sum(session.is_on_air for session in live),
    }
    template = "monitoring/host_facts.html" if request.htmx else "monitoring/host.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def get_summary_for(actor: Any, name: str) -> HostSummary:
    """The host of that name. Raises `PermissionDenied`, `Http404`."""
    require(actor, Role.VIEWER)
    for summary in host_summaries():
        if summary.worker.host == name:
            return summary
    raise Http404


def process_of(session: AvatarSession) -> dict[str, Any]:
    """A session's job as the host page lists it; bars in percent of 300 MB, as text."""
    last = SessionSample.objects.filter(session=session, at__gt=timezone.now() - timedelta(seconds=5)).last()
    scale = 300 * 1024 * 1024 / 100
    uss, pss = (last.uss_bytes or 0, last.pss_bytes or 0) if last else (0, 0)
    own, shared = min(100.0, uss / scale), min(100.0, max(0, pss - uss) / scale)
    frames = session.frame_samples.last()
    return {
        "session": session,
        "sample": last,
        "shared_width": f"{shared:.1f}%",
        "own_x": f"{shared + 1:.1f}%",
        "own_width": f"{own:.1f}%",
        "frames": frames,
    }
