"""Avatar profiles: every change is a new version; sessions keep the one that they started with."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.actions.lifecycle import enqueue
from sessions.errors import Archived
from sessions.models import AvatarProfile, ProfileVersion
from sessions.providers.choices import check_providers, check_voice

FIELDS: Final = (
    "name",
    "tagline",
    "persona",
    "greeting",
    "language",
    "voice",
    "provider",
    "provider_settings",
    "fallback",
    "other_settings",
    "knowledge",
)


@transaction.atomic
def create_profile(fields: Mapping[str, Any], *, by: str) -> AvatarProfile:
    """A new profile with its first version. `fields` as in `FIELDS`; raises `ValidationError` for bad values."""
    profile = AvatarProfile.objects.create()
    _write_version(profile, fields, by=by)
    return profile


@transaction.atomic
def edit_profile(profile: AvatarProfile, fields: Mapping[str, Any], *, by: str) -> ProfileVersion:
    """A new version of the profile. Fields that are not given stay as they were; what was set up for another provider is kept
    for when it is chosen again. Raises `Archived`, `ValidationError`."""
    if profile.archived_at:
        raise Archived(str(profile))
    before = _fields_of(profile)
    version = _write_version(profile, _with_kept_settings(before, fields), by=by)
    if version.knowledge and (version.knowledge, version.voice) != (before.get("knowledge"), before.get("voice")):
        _have_answers_ready()
    return version


@transaction.atomic
def duplicate_profile(profile: AvatarProfile, *, by: str) -> AvatarProfile:
    """A copy of the profile's current version as a profile of its own."""
    fields = _fields_of(profile)
    return create_profile({**fields, "name": (_("Copy of %(name)s") % fields)[:80]}, by=by)


def archive_profile(profile: AvatarProfile) -> bool:
    """Take the profile out of the lists; running sessions go on. False where it was archived already."""
    return bool(AvatarProfile.objects.filter(pk=profile.pk, archived_at=None).update(archived_at=timezone.now()))


def _fields_of(profile: AvatarProfile) -> dict[str, Any]:
    return {name: getattr(profile.current, name) for name in FIELDS} if profile.current else {}


def _with_kept_settings(earlier: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """`fields` over `earlier`. A provider that is changed to finds what it was set up with, unless other settings are given."""
    together = {**earlier, **fields}
    if together["fallback"] == together["provider"] and "fallback" not in fields:
        together["fallback"] = ""
    kept = {**earlier["other_settings"], earlier["provider"]: earlier["provider_settings"]}
    if "provider_settings" not in fields:
        together["provider_settings"] = kept.get(together["provider"], {})
    if isinstance(together["other_settings"], dict):
        kept |= together["other_settings"]
        together["other_settings"] = {
            name: each for name, each in kept.items() if each and name != together["provider"]
        }
    return together


def _write_version(profile: AvatarProfile, fields: Mapping[str, Any], *, by: str) -> ProfileVersion:
    AvatarProfile.objects.select_for_update().get(pk=profile.pk)  # one after the other, so that each has its own number
    last = profile.versions.aggregate(last=Max("number"))["last"] or 0
    version = ProfileVersion(profile=profile, number=last + 1, created_by=by, **fields)
    _check(version)
    version.save()
    profile.current = version
    profile.save(update_fields=["current"])
    return version


def _have_answers_ready() -> None:
    from sessions.tasks import understand_knowledge

    transaction.on_commit(partial(enqueue, understand_knowledge, queue=f"host.{settings.HOST_NAME}"))


def _check(version: ProfileVersion) -> None:
    """What no column says by itself; forms and API alike come by here. Raises `ValidationError`."""
    version.name = version.name.strip()
    if not version.name:
        raise ValidationError({"name": _("Nothing was kept: the name is empty. Give the avatar one.")})
    no_null = ProhibitNullCharactersValidator()
    for name in ("name", "tagline", "persona", "greeting"):
        no_null(getattr(version, name))
    version.full_clean()
    check_voice(version.voice)
    check_providers(version)
