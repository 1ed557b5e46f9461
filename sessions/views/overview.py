"""The overview: who needs me? And the list of all sessions."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.vary import vary_on_headers

from operators.access import require
from operators.models import Role
from sessions.access import get_session_for, profiles_for, sessions_for
from sessions.forms.sessions import HistoryFilter, new_request_key
from sessions.models import AvatarSession, State, VisitorLink
from sessions.models.avatar_session import LIVE_STATES
from sessions.verdicts import Waiting, is_failure, overview_sentence, waiting_for, worst_thing

PAGE_SIZE = 25


@dataclass(frozen=True)
class Row:
    """One line of the overview."""

    session: AvatarSession
    here: int
    waiting: Waiting | None
    worst: tuple[str, str]
    link: VisitorLink | None

    @property
    def track(self) -> list[str]:
        """The milestones of the start as marks: "done", "now", or "" for one still ahead."""
        done = self.waiting.done if self.waiting else 0
        total = self.waiting.total if self.waiting else 0
        return ["done" if place < done else "now" if place == done else "" for place in range(total)]

    @property
    def step(self) -> int:
        return self.waiting.done + 1 if self.waiting else 0


def row_of(session: AvatarSession) -> Row:
    """What the overview says of one session."""
    here = session.visits.filter(left_at=None).exclude(joined_at=None).count()
    link = next((link for link in session.links.order_by("-created_at") if link.is_open), None)
    return Row(session, here, waiting_for(session), worst_thing(session, here), link)


@vary_on_headers("HX-Request")
def overview(request: HttpRequest) -> HttpResponse:
    """Sentence, hosts, live sessions, last day. By htmx: the sentence and the rows alone."""
    live = sessions_for(request.user).filter(state__in=LIVE_STATES).order_by("requested_at")
    rows = [row_of(session) for session in live]
    context = {
        "sentence": overview_sentence(live),
        "rows": rows,
        "trouble": [row for row in rows if row.session.state == State.DEGRADED],
        "visitors": sum(row.here for row in rows),
        "demo": profiles_for(request.user).first(),
        "request_key": new_request_key(),
    }
    template = "sessions/fragments/overview.html" if request.htmx else "sessions/overview.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def overview_low(request: HttpRequest) -> HttpResponse:
    """The last hour and the last day, drawn again."""
    require(request.user, Role.VIEWER)
    return render(request, "sessions/fragments/overview_low.html")


def overview_row(request: HttpRequest, code: str) -> HttpResponse:
    """One live session's line, for its own change."""
    return render(request, "sessions/fragments/row.html", {"row": row_of(get_session_for(request.user, code))})


def history(request: HttpRequest) -> HttpResponse:
    """All sessions, newest first, by state, outcome and profile."""
    form = HistoryFilter(request.GET, profiles=profiles_for(request.user))
    everything = sessions_for(request.user)
    found = (
        form.apply(everything)
        .order_by("-requested_at")
        .annotate(visitors=Count("visits", filter=Q(visits__joined_at__isnull=False)))
    )
    page = Paginator(found.select_related("report"), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "total": everything.count(),
        "live": everything.filter(state__in=LIVE_STATES).count(),
        "failed": [session.pk for session in page if session.state == State.ENDED and is_failure(session)],
        "query": form.query(),
    }
    return render(request, "sessions/history.html", context)
