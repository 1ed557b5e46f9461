"""Alerts on every page: the bell, the banner, and the words of one."""

from typing import Any, Final

from django import template
from django.urls import reverse

from monitoring import standstill
from monitoring.alerts.rules import RULES
from monitoring.alerts.words import alert_sentence
from monitoring.alerts.worst import Worst, worst_of
from monitoring.models import Alert, Severity
from sessions.models import AvatarSession

register = template.Library()

SHOWN: Final = 2


def by_weight(alert: Alert) -> tuple[bool, bool, float]:
    """To sort by: causes come before what follows from them."""
    return alert.severity != Severity.CRITICAL, alert.session_id is not None, -alert.raised_at.timestamp()


@register.inclusion_tag("monitoring/alert_bell.html")
def alert_bell() -> dict[str, Any]:
    """How many alerts are open, for the top of a page."""
    severities = list(Alert.objects.filter(cleared_at=None).values_list("severity", flat=True))
    return {"count": len(severities), "is_critical": Severity.CRITICAL in severities}


@register.inclusion_tag("monitoring/alert_banner.html", takes_context=True)
def alert_banner(context: template.Context) -> dict[str, Any]:
    """The open alerts that nobody has acknowledged: the worst first, a host's before those of its sessions."""
    unseen = Alert.objects.filter(cleared_at=None, acknowledged_at=None).select_related("session__profile_version")
    found = sorted(unseen, key=by_weight)
    return {
        "standstill": standstill.sentences(),
        "alerts": found[:SHOWN],
        "more": len(found) - len(found[:SHOWN]),
        "request": context.get("request"),
    }


@register.simple_tag
def worst_now(session: AvatarSession, otherwise: tuple[str, str]) -> Worst:
    """The worst thing about a session right now; `otherwise` what its rows say by themselves."""
    return worst_of(session, otherwise)


@register.filter
def sentence(alert: Alert) -> str:
    """What happens, in one sentence."""
    return alert_sentence(alert)


@register.filter
def advice(alert: Alert) -> str:
    """What to do about it."""
    return str(RULES[alert.rule].advice)


@register.filter
def about(alert: Alert) -> str:
    """Address of the page that shows what it is about."""
    if alert.session is not None:
        return reverse("sessions:session", args=[alert.session.code])
    return reverse("monitoring:host", args=[alert.host])
