"""Pages of hosts: us or the machine?"""

from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from monitoring.hosts.page import host_context
from monitoring.hosts.processes import process_lines
from monitoring.live.newest import newest_of
from monitoring.samples.queries import HostSummary, host_summaries
from monitoring.templatetags.measured import host_figures_of
from operators.access import require
from operators.models import Role
from sessions.access import sessions_for
from sessions.models.avatar_session import LIVE_STATES

LEAVES_WITHIN: Final = timedelta(seconds=30)  # the job of a session that is over


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
    second = newest_of(name) if summary.now else {}  # a host of another time tells nothing of now
    processes = second.get("processes", [])
    jobs = [process["pid"] for process in processes]
    leaving = Q(job_pid__in=jobs, ended_at__gt=timezone.now() - LEAVES_WITHIN)
    found = sessions_for(request.user).filter(Q(state__in=LIVE_STATES) | leaving, host=name).order_by("requested_at")
    context = {
        **host_context(summary, second.get("per_core_busy_percent", [])),
        "processes": process_lines(summary.worker, processes, found),
        "on_air": sum(session.is_on_air for session in found),
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
