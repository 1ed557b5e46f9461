"""What an alert says to people."""

from django.conf import settings
from django.urls import reverse
from django.utils import formats

from monitoring.alerts.rules import RULES, Rule
from monitoring.models import Alert

NO_BREAK = "\u00a0"


def figure_of(rule: Rule, value: float) -> str:
    """A rule's figure with its unit, as text."""
    text = formats.number_format(value, rule.digits)
    if rule.unit == "×":
        return f"{text}×"
    return f"{text}{NO_BREAK}{rule.unit}" if rule.unit else text


def who_of(alert: Alert) -> str:
    """Whom it is about: a session by its profile's name, or a host."""
    return alert.host if alert.session is None else alert.session.profile_name


def alert_sentence(alert: Alert) -> str:
    """The alert in one sentence, in the reader's language; with the worst figure since it was raised."""
    rule = RULES[alert.rule]
    return str(rule.sentence) % {
        "who": who_of(alert),
        "value": figure_of(rule, alert.worst),
        "detail": alert.detail,
    }


def page_of(alert: Alert) -> str:
    """The whole address of the page that shows what it is about."""
    if alert.session is not None:
        path = reverse("sessions:session", args=[alert.session.code])
    else:
        path = reverse("monitoring:host", args=[alert.host])
    return f"{settings.PUBLIC_URL}{path}"
