"""What the signed-in person may do, so that nobody sees a button that would refuse them."""

from typing import Any

from django import template

from operators.models import Operator, Role

register = template.Library()


@register.filter
def may(user: Any, role: str) -> bool:
    """`{% if request.user|may:"operator" %}`: true where the role covers it."""
    return isinstance(user, Operator) and user.is_active and Role(user.role).covers(Role(role))
