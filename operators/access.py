"""The role that an action asks for. Permission getters of the apps call `require`."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _

from operators.models import ApiToken, Operator, Role

Actor = Operator | ApiToken


def require(actor: Any, role: Role) -> Actor:
    """The actor, known to hold `role`. Raises `PermissionDenied` with a sentence otherwise."""
    if isinstance(actor, (Operator, ApiToken)) and actor.is_active and Role(actor.role).covers(role):
        return actor
    raise PermissionDenied(
        _("Nothing was changed: this needs the role “%(role)s”. Ask an admin to give it to you.") % {"role": role.label}
    )


def label_of(request: HttpRequest) -> str:
    """The operator's name as it stands in histories."""
    return request.user.label if isinstance(request.user, Operator) else ""
