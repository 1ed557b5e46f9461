"""What is done with alerts: raised, worsened, cleared, acknowledged. Each tells the pages, and whoever wants to be told."""

from datetime import datetime
from functools import partial
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from monitoring.alerts.rules import RULES
from monitoring.live.broadcast import ALERTS, OVERVIEW, broadcaster, host_topic, session_topic
from monitoring.models import Alert, Severity
from sessions.actions.lifecycle import enqueue
from sessions.models import AvatarSession

MAX_NOTE_CHARS: Final = 500


def announce(alert: Alert) -> None:
    """Have the pages fetch again what shows it."""
    topics = [ALERTS, OVERVIEW, host_topic(alert.host)]
    if alert.session is not None:
        topics.append(session_topic(str(alert.session.code)))
    for topic in topics:
        transaction.on_commit(partial(broadcaster().changed, topic))


def tell(alert: Alert, what: str) -> None:
    """Hand the news to the webhook and the mail, where there are any."""
    from monitoring.tasks import mail_alert, tell_alert

    for where, task in ((settings.ALERT_WEBHOOK_URL, tell_alert), (settings.ALERT_EMAILS, mail_alert)):
        if where:
            transaction.on_commit(partial(enqueue, task, alert.pk, what))


@transaction.atomic
def raise_alert(
    rule: str,
    severity: Severity,
    subject: str,
    value: float,
    at: datetime,
    *,
    host: str,
    session: int | None,
    detail: str,
) -> Alert:
    """Raise it, once: whoever comes second gets the one that is open."""
    try:
        with transaction.atomic():
            alert = Alert.objects.create(
                rule=rule,
                severity=severity,
                subject=subject,
                host=host,
                session_id=session,
                raised_at=at,
                value=value,
                worst=value,
                detail=detail[:300],
            )
    except IntegrityError:
        return Alert.objects.select_related("session").get(rule=rule, subject=subject, cleared_at=None)
    announce(alert)
    tell(alert, "raised")
    return alert


@transaction.atomic
def worsen_alert(alert: Alert, severity: Severity, value: float) -> None:
    """The figure got worse. The severity only rises: what was critical stays so until it is over."""
    worst = RULES[alert.rule].worse(alert.worst, value)
    rises = severity == Severity.CRITICAL and alert.severity != Severity.CRITICAL
    if worst == alert.worst and not rises:
        return
    alert.worst = worst
    if rises:
        alert.severity = severity
    Alert.objects.filter(pk=alert.pk, cleared_at=None).update(worst=alert.worst, severity=alert.severity)
    if rises:
        announce(alert)
        tell(alert, "worsened")


@transaction.atomic
def clear_alert(alert: Alert, at: datetime) -> None:
    """It is over."""
    if Alert.objects.filter(pk=alert.pk, cleared_at=None).update(cleared_at=max(at, alert.raised_at)):
        announce(alert)
        tell(alert, "cleared")


@transaction.atomic
def acknowledge_alert(alert: Alert, note: str, by: str) -> bool:
    """Somebody has seen it. False where somebody was faster: their note stays."""
    unseen = Alert.objects.filter(pk=alert.pk, acknowledged_at=None)
    if not unseen.update(acknowledged_at=timezone.now(), acknowledged_by=by, note=note[:MAX_NOTE_CHARS]):
        return False
    announce(alert)
    return True


def host_of(session_pk: int) -> str:
    return AvatarSession.objects.values_list("host", flat=True).get(pk=session_pk)
