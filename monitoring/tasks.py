"""Celery tasks of monitoring: telling of alerts, and letting go of what is old."""

from typing import Any, Final

from celery import shared_task

from monitoring.models import Alert

RETRY_AFTER_S: Final = (5, 30, 120, 600, 3600)


@shared_task(bind=True, max_retries=len(RETRY_AFTER_S))
def tell_alert(self: Any, alert_id: int, what: str) -> None:
    """Tell the webhook of an alert that was `raised`, `worsened` or `cleared`; a failure is tried again for more than an hour."""
    from monitoring.alerts.telling import NotTold, send_webhook_about  # seldom wanted, as mail below

    alert = Alert.objects.select_related("session").filter(pk=alert_id).first()
    if alert is None:
        return
    try:
        send_webhook_about(alert, what)
    except NotTold as error:
        if self.request.retries >= len(RETRY_AFTER_S):
            return
        raise self.retry(exc=error, countdown=RETRY_AFTER_S[self.request.retries]) from error


@shared_task
def mail_alert(alert_id: int, what: str) -> None:
    """Tell of an alert by mail, once."""
    from monitoring.alerts.telling import send_mail_about

    alert = Alert.objects.select_related("session").filter(pk=alert_id).first()
    if alert is not None:
        send_mail_about(alert, what)


@shared_task
def delete_old_samples() -> None:
    """Let go of samples and rollups that are older than they are to be kept."""
    from monitoring.actions.retention import delete_old

    delete_old()
