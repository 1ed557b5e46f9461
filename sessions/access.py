"""Permission lives in the getters: a view that has a row in its hands was allowed to have it."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404

from operators.access import require
from operators.models import Role
from sessions.models import (
    AgentWorker,
    AvatarProfile,
    AvatarSession,
    DeploymentMode,
    Portrait,
    SceneUpload,
    VisitorLink,
)


def sessions_for(actor: Any, role: Role = Role.VIEWER) -> QuerySet[AvatarSession]:
    """All sessions that the actor may act on with `role`. Raises `PermissionDenied`."""
    require(actor, role)
    return AvatarSession.objects.select_related("profile_version__profile", "mode_version__mode")


def get_session_for(actor: Any, code: Any, role: Role = Role.VIEWER) -> AvatarSession:
    """The session of `code`. Raises `PermissionDenied`, `Http404`."""
    return get_object_or_404(sessions_for(actor, role), code=code)


def profiles_for(actor: Any, role: Role = Role.VIEWER) -> QuerySet[AvatarProfile]:
    """Profiles that are not archived. Raises `PermissionDenied`."""
    require(actor, role)
    return AvatarProfile.objects.filter(archived_at=None).select_related("current")


def get_profile_for(actor: Any, code: Any, role: Role = Role.VIEWER) -> AvatarProfile:
    """The profile of `code`, archived or not. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(AvatarProfile.objects.select_related("current"), code=code)


def modes_for(actor: Any, role: Role = Role.VIEWER) -> QuerySet[DeploymentMode]:
    """Modes that are not archived. Raises `PermissionDenied`."""
    require(actor, role)
    return DeploymentMode.objects.filter(archived_at=None).select_related("current")


def get_mode_for(actor: Any, slug: str, role: Role = Role.VIEWER) -> DeploymentMode:
    """The mode of `slug`. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(DeploymentMode.objects.select_related("current"), slug=slug)


def get_worker_for(actor: Any, host: str, role: Role = Role.VIEWER) -> AgentWorker:
    """The agent worker of the host of that name. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(AgentWorker, host=host)


def get_link_for(actor: Any, code: Any, role: Role = Role.OPERATOR) -> VisitorLink:
    """The visitor link of `code`. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(VisitorLink.objects.select_related("session"), code=code)


def get_upload_for(actor: Any, profile: Any, code: Any, role: Role = Role.OPERATOR) -> SceneUpload:
    """The upload of `code` for the profile of that code. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(SceneUpload.objects.select_related("profile__current"), code=code, profile__code=profile)


def get_portrait_for(actor: Any, profile: Any, code: Any, role: Role = Role.OPERATOR) -> Portrait:
    """The portrait of `code` of the profile of that code. Raises `PermissionDenied`, `Http404`."""
    require(actor, role)
    return get_object_or_404(Portrait.objects.select_related("profile__current"), code=code, profile__code=profile)
