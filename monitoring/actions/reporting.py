"""Keep the report of a session that is over."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from monitoring.models import Report
from monitoring.reports import summarize
from sessions.actions.lifecycle import announce
from sessions.models import AvatarSession, State

LAST_EVENTS_WITHIN: Final = timedelta(seconds=3)  # a job says good-bye a little after its room is closed
AT_ONCE: Final = 5


def make_report(session: AvatarSession) -> Report:
    """Sum the session up and keep it; an earlier report of it is replaced."""
    summary = summarize(session).model_dump(mode="json")
    report, _ = Report.objects.update_or_create(
        session=session, defaults={"made_at": timezone.now(), "summary": summary}
    )
    announce(session)
    return report


def sessions_without_report(now: datetime) -> list[AvatarSession]:
    """A few sessions that ended some seconds ago, or while nobody watched, and have no report; the newest first."""
    over = AvatarSession.objects.filter(state=State.ENDED, report=None, ended_at__lt=now - LAST_EVENTS_WITHIN)
    return list(over.select_related("profile_version", "mode_version__mode").order_by("-ended_at")[:AT_ONCE])
