"""Telling of alerts outside: a signed webhook, and mail by Django's backend.

The webhook gets a POST of JSON with the header `Avatary-Signature: t=<seconds since 1970>,v1=<hex>`, where the second part is the
HMAC-SHA256 of `<t>.<body>` under AVATARY_ALERT_WEBHOOK_SECRET. Any answer of 2xx is taken for received.
"""

import hashlib
import hmac
import http.client
import json
import logging
import time
from smtplib import SMTPException
from typing import Final
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings
from django.core.mail import BadHeaderError, send_mail
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.alerts.rules import RULES
from monitoring.alerts.words import alert_sentence, page_of
from monitoring.models import Alert

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0
SIGNATURE_HEADER: Final = "Avatary-Signature"


class _NoRedirects(HTTPRedirectHandler):
    """A redirect is an error: what follows it is a GET without the body, to somebody else perhaps."""

    def redirect_request(self, *_: object) -> None:
        return None


class NotTold(Exception):
    """The webhook did not take it; `str()` says why."""


def payload_of(alert: Alert, what: str) -> bytes:
    """The webhook's body. `event`: raised, worsened or cleared."""
    rule = RULES[alert.rule]
    return json.dumps(
        {
            "event": what,
            "alert": str(alert.code),
            "rule": alert.rule,
            "severity": alert.severity,
            "sentence": alert_sentence(alert),
            "advice": str(rule.advice),
            "host": alert.host,
            "session": str(alert.session.code) if alert.session else None,
            "value": alert.value,
            "worst": alert.worst,
            "unit": rule.unit,
            "raised_at": alert.raised_at.isoformat(),
            "cleared_at": alert.cleared_at.isoformat() if alert.cleared_at else None,
            "page": page_of(alert),
        }
    ).encode()


def signature_of(body: bytes, at_s: int, secret: str) -> str:
    """The header's value."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def send_webhook_about(alert: Alert, what: str) -> None:
    """Nothing without an address. Raises `NotTold`; the alert's page says so too."""
    if not settings.ALERT_WEBHOOK_URL:
        return
    body = payload_of(alert, what)
    headers = {
        "Content-Type": "application/json",
        SIGNATURE_HEADER: signature_of(body, int(time.time()), settings.ALERT_WEBHOOK_SECRET),
    }
    request = Request(settings.ALERT_WEBHOOK_URL, body, headers, method="POST")  # noqa: S310  (settings hold it to http)
    try:
        with build_opener(_NoRedirects).open(request, timeout=TIMEOUT_S):
            pass
    except (URLError, http.client.HTTPException, OSError) as error:
        reason = str(error)[:200]
        Alert.objects.filter(pk=alert.pk).update(tell_error=_("The webhook did not take it: %(why)s") % {"why": reason})
        raise NotTold(reason) from error
    Alert.objects.filter(pk=alert.pk).update(told_at=timezone.now(), tell_error="")


def send_mail_about(alert: Alert, what: str) -> None:
    """Nothing without addresses. Mail that can't be sent is told on the alert's page."""
    if not settings.ALERT_EMAILS:
        return
    rule, sentence = RULES[alert.rule], alert_sentence(alert)
    over = _("Over: %(sentence)s") if what == "cleared" else "%(sentence)s"
    subject = f"[Avatary] {alert.get_severity_display()}: {over % {'sentence': sentence}}"
    text = f"{over % {'sentence': sentence}}\n\n{rule.advice}\n\n{page_of(alert)}\n"
    try:
        send_mail(" ".join(subject.splitlines())[:200], text, None, list(settings.ALERT_EMAILS))
    except (SMTPException, BadHeaderError, OSError) as error:
        logger.warning("mail about an alert was not sent: %s", error)
        Alert.objects.filter(pk=alert.pk).update(mail_error=(_("Mail was not sent: %(why)s") % {"why": error})[:300])
    else:
        Alert.objects.filter(pk=alert.pk).update(mail_error="")
