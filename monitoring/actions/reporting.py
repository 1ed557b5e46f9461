"""Keep the report of a session that is over, and its digest."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from monitoring.models import Report
from monitoring.reports.digests import keep_digest
from monitoring.reports.report import summarize
from monitoring.reports.summaries import Summary
from sessions.actions.lifecycle import announce
from sessions.models import AvatarSession, State

LAST_EVENTS_WITHIN: Final = timedelta(seconds=3)  # a job says good-bye a little after its room is closed
AT_ONCE: Final = 5


def make_report(session: AvatarSession) -> Report:
    """Sum the session up and keep it; an earlier report of it is replaced."""
    summary = summarize(session)
    with transaction.atomic():
        report, _ = Report.objects.update_or_create(
            session=session, defaults={"made_at": timezone.now(), "summary": summary.model_dump(mode="json")}
        )
        keep_digest(session, summary)
        announce(session)
    return report


def complete_report(session: AvatarSession) -> None:
    """Make the report, or only the digest where the report is kept already: its samples may be gone by now."""
    kept = Report.objects.filter(session=session).first()
    if kept is None:
        make_report(session)
    else:
        keep_digest(session, Summary.model_validate(kept.summary))


def sessions_without_report(now: datetime) -> list[AvatarSession]:
    """A few sessions that ended some seconds ago, or while nobody watched, and have no digest (made with the report, or after
    one of an earlier release); the newest first."""
    over = AvatarSession.objects.filter(state=State.ENDED, digest=None, ended_at__lt=now - LAST_EVENTS_WITHIN)
    return list(over.order_by("-ended_at")[:AT_ONCE])
