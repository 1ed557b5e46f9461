"""A visit's chain as a bar: click, token, connected, first frame, first sound."""

from typing import Any, Final

from django import template
from django.utils.translation import gettext_lazy as _

from sessions.models import Visit

register = template.Library()

PARTS: Final = (
    ("token", "token_ms", _("token")),
    ("connected", "connected_ms", _("connected")),
    ("frame", "first_frame_ms", _("first frame")),
    ("sound", "first_sound_ms", _("first sound")),
)


@register.inclusion_tag("includes/visit_chain.html")
def visit_chain(visit: Visit) -> dict[str, Any]:
    """Milliseconds since the click on Talk, each part as long as it took; what has not been reported is left out."""
    known = [(name, label, getattr(visit, field)) for name, field, label in PARTS if getattr(visit, field) is not None]
    whole = max((at_ms for _, _, at_ms in known), default=0) or 1
    parts, last = [], 0.0
    for name, label, at_ms in known:
        width = max(0.0, 100 * (at_ms - last) / whole - 0.4)
        parts.append(
            {"name": name, "label": label, "at_ms": at_ms, "x": f"{100 * last / whole:.2f}%", "width": f"{width:.2f}%"}
        )
        last = max(last, at_ms)
    return {"parts": parts}
