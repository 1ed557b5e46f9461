"""Deployment modes: built-in ones from `protocol.modes`, copies that operators edit, each change a new version."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from protocol.mode_effects import contradictions
from protocol.modes import ModeSettings
from sessions.errors import Archived, BuiltIn, Contradictory
from sessions.install import install
from sessions.models import DeploymentMode, ModeVersion
from sessions.models.profiles import settings_as_json

MAX_SLUG_CHARS: Final = 60


@transaction.atomic
def load_built_in_modes(descriptions: Mapping[str, str]) -> None:
    """Bring the five built-in modes to what `protocol.modes` and the environment say; does nothing where they are so."""
    defaults = install()
    for slug, settings in defaults.modes.items():
        mode, _created = DeploymentMode.objects.update_or_create(
            slug=slug, defaults={"is_built_in": True, "description": descriptions[slug]}
        )
        current, wanted, variables = mode.current, settings_as_json(settings), dict(defaults.variables)
        if current is None or (current.settings_json, current.from_environment) != (wanted, variables):
            _write_version(mode, settings, by="", from_environment=variables)


@transaction.atomic
def copy_mode(mode: DeploymentMode, *, by: str, slug: str = "") -> DeploymentMode:
    """An editable copy. Raises `Archived`."""
    if mode.archived_at or mode.current is None:
        raise Archived(str(mode))
    DeploymentMode.objects.select_for_update().get(pk=mode.pk)  # who copies it at the same time finds another free name
    wanted = slugify(slug) or f"{mode.slug}-copy"
    copy = DeploymentMode.objects.create(slug=_free_slug(wanted), description=mode.description)
    _write_version(copy, mode.current.settings, by=by)
    return copy


@transaction.atomic
def edit_mode(mode: DeploymentMode, settings: Mapping[str, Any], *, by: str, description: str = "") -> ModeVersion:
    """A new version of a mode's settings. Sessions on air keep theirs until somebody switches them to it.

    Raises `BuiltIn`, `Archived`, `Contradictory`, `pydantic.ValidationError`.
    """
    if mode.is_built_in:
        raise BuiltIn(str(mode))
    if mode.archived_at:
        raise Archived(str(mode))
    checked = ModeSettings.model_validate(dict(settings))
    if problems := contradictions(checked):
        raise Contradictory(problems)
    version = _write_version(mode, checked, by=by)
    if description:
        DeploymentMode.objects.filter(pk=mode.pk).update(description=description[:200])
    return version


def archive_mode(mode: DeploymentMode) -> bool:
    """Take the mode out of the lists; running sessions keep it. Raises `BuiltIn`. False where it was archived already."""
    if mode.is_built_in:
        raise BuiltIn(str(mode))
    return bool(DeploymentMode.objects.filter(pk=mode.pk, archived_at=None).update(archived_at=timezone.now()))


def _free_slug(wanted: str) -> str:
    """`wanted`, or else `wanted-2` and so on, cut to fit the column."""
    endings = ("" if number == 1 else f"-{number}" for number in count(1))
    names = (wanted[: MAX_SLUG_CHARS - len(ending)].rstrip("-") + ending for ending in endings)
    return next(name for name in names if not DeploymentMode.objects.filter(slug=name).exists())


def _write_version(
    mode: DeploymentMode, settings: ModeSettings, *, by: str, from_environment: Mapping[str, str] | None = None
) -> ModeVersion:
    DeploymentMode.objects.select_for_update().get(pk=mode.pk)  # one after the other, so that each has its own number
    last = mode.versions.aggregate(last=Max("number"))["last"] or 0
    version = ModeVersion.objects.create(
        mode=mode,
        number=last + 1,
        settings_json=settings_as_json(settings),
        from_environment=from_environment or {},
        created_by=by,
    )
    mode.current = version
    mode.save(update_fields=["current"])
    return version
