"""Faces and state chips."""

from typing import Any, Final

from django import template
from django.utils.translation import gettext as _

from sessions.models import AvatarSession, Portrait, PortraitStatus, ProfileVersion, State
from sessions.models.switches import provider_name
from sessions.portraits.presenters import portrait_url
from sessions.verdicts import is_failure

register = template.Library()

CHIP_ICONS: Final = {
    State.REQUESTED: "clock",
    State.STARTING: "progress",
    State.READY: "circle-check",
    State.DEGRADED: "alert-triangle",
    State.STOPPING: "player-stop",
    State.ENDED: "circle-minus",
}
PORTRAIT_CHIPS: Final = {  # tone, icon
    PortraitStatus.WAITING: ("requested", "clock"),
    PortraitStatus.PREPARING: ("starting", "progress"),
    PortraitStatus.PREPARED: ("ready", "circle-check"),
    PortraitStatus.REFUSED: ("degraded", "ban"),
    PortraitStatus.FAILED: ("failed", "circle-x"),
}


@register.filter
def portrait(version: ProfileVersion) -> str:
    """Address of the face of a profile version."""
    return portrait_url(version)


register.filter("provider_name", provider_name)


@register.inclusion_tag("includes/chip.html")
def state_chip(session: AvatarSession) -> dict[str, Any]:
    """State as colour, icon and word."""
    if is_failure(session) and session.state == State.ENDED:
        return {"tone": "failed", "icon_name": "circle-x", "style": "outline", "failed": True}
    style = "filled" if session.state == State.STOPPING else "outline"
    return {
        "tone": session.state,
        "icon_name": CHIP_ICONS[State(session.state)],
        "style": style,
        "word": session.get_state_display(),
        "turning": session.state == State.STARTING,
    }


@register.inclusion_tag("includes/chip.html")
def portrait_chip(portrait: Portrait, is_worn: bool) -> dict[str, Any]:
    """How far an uploaded portrait is, or that it is worn."""
    status = PortraitStatus(portrait.status)
    tone, icon_name = PORTRAIT_CHIPS[status]
    return {
        "tone": tone,
        "icon_name": icon_name,
        "style": "outline",
        "word": _("Worn now") if is_worn else portrait.get_status_display(),
        "turning": status == PortraitStatus.PREPARING,
    }
