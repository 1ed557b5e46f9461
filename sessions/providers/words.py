"""Checks of providers as people read them."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from protocol.vendors import Check, Outcome
from sessions.models import Preflight
from sessions.models.profiles import Provider

CHECKS: Final = {
    Check.KEY: _("Key"),
    Check.REACHABLE: _("Way to the vendor"),
    Check.QUOTA: _("Credit"),
    Check.FACE: _("Face"),
    Check.ROOM: _("Way into the room"),
}
OUTCOMES: Final = {  # tone, icon, word
    Outcome.OK: ("ready", "circle-check", _("good")),
    Outcome.WARNING: ("degraded", "alert-triangle", _("doubtful")),
    Outcome.FAILED: ("failed", "circle-x", _("wrong")),
    Outcome.UNKNOWN: ("ended", "circle-minus", _("not told")),
}


def checks_of(preflight: Preflight) -> list[dict[str, Any]]:
    """By provider, the one that draws first: its name, and each check as icon, label and sentence."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for result in preflight.results:
        tone, icon, word = OUTCOMES[result.outcome]
        parts.setdefault(result.provider, []).append(
            {"label": CHECKS[result.check], "sentence": result.sentence, "tone": tone, "icon": icon, "word": word}
        )
    names = dict(Provider.choices)
    return [
        {
            "name": names.get(provider, provider),
            "is_fallback": provider != preflight.version.provider,
            "checks": checks,
        }
        for provider, checks in parts.items()
    ]
