"""Values of settings as words."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def setting_text(value: Any) -> str:
    """on and off for switches, off for an empty one, else the value as it is."""
    if value is None:
        return _("off")
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return str(value)
