"""Uploaded portraits: taken with a recorded consent, worn by a profile, removed with all that was made of them."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions import assets
from sessions.actions.lifecycle import enqueue
from sessions.actions.profiles import edit_profile
from sessions.errors import Archived, PortraitBusy, PortraitNotReady, PortraitOnAir, PortraitWorn
from sessions.models import (
    AgentWorker,
    AvatarProfile,
    AvatarSession,
    ClipStatus,
    FileToForget,
    Portrait,
    PortraitStatus,
    ProfileVersion,
)
from sessions.models.avatar_session import LIVE_STATES
from sessions.models.profiles import Provider
from sessions.scene.stills import forget_stills
from sessions.signals import profile_changed

MAX_PORTRAITS: Final = 24  # of one profile


def announce(portrait: Portrait) -> None:
    """Tell the pages, once the transaction has committed, that something about a profile's portraits changed."""
    transaction.on_commit(partial(profile_changed.send, sender=Portrait, profile=str(portrait.profile.code)))


@transaction.atomic
def upload_portrait(
    profile: AvatarProfile, content: bytes, *, name: str, crop: Sequence[float] | None, consented: bool, by: str
) -> Portrait:
    """Keep a picture that was checked, and have it prepared. Raises `ValidationError`, `Archived`."""
    if profile.archived_at:
        raise Archived(str(profile))
    if not consented:
        raise ValidationError(_("Nothing was kept: say that the person in the picture agrees."))
    if profile.portraits.count() >= MAX_PORTRAITS:
        raise ValidationError(
            _("Nothing was kept: %(n)d portraits are as many as a profile may have. Remove one first.")
            % {"n": MAX_PORTRAITS}
        )
    now = timezone.now()
    portrait = Portrait.objects.create(
        profile=profile,
        name=name,
        crop=list(crop) if crop is not None else None,
        source=assets.keep(content),
        consent_by=by,
        consent_at=now,
        changed_at=now,
    )
    enqueue_preparation(portrait)
    return portrait


@transaction.atomic
def prepare_again(portrait: Portrait) -> None:
    """Have a picture prepared whose preparation failed. Raises `PortraitBusy` for any other."""
    if not update(
        portrait,
        Q(status=PortraitStatus.FAILED),
        status=PortraitStatus.WAITING,
        changed_at=timezone.now(),
        stage="",
        share=0.0,
        detail="",
    ):
        raise PortraitBusy(portrait.name)
    enqueue_preparation(portrait)


@transaction.atomic
def order_clip(portrait: Portrait) -> None:
    """Have the clip made, or made anew: it says what the profile says now. Raises `PortraitNotReady`, `PortraitBusy`."""
    if not portrait.is_ready:
        raise PortraitNotReady(portrait.name)
    idle = ~Q(clip_status__in=(ClipStatus.WAITING, ClipStatus.MAKING))
    if not update(
        portrait,
        Q(status=PortraitStatus.PREPARED) & idle,
        clip_status=ClipStatus.WAITING,
        clip_changed_at=timezone.now(),
        clip_share=0.0,
        clip_detail="",
    ):
        raise PortraitBusy(portrait.name)
    enqueue_clip(portrait)


@transaction.atomic
def use_portrait(portrait: Portrait, *, by: str) -> ProfileVersion:
    """A new version of its profile, which wears it. Raises `PortraitNotReady`, `Archived`, `ValidationError`."""
    locked = Portrait.objects.select_for_update(of=("self",)).select_related("profile__current").get(pk=portrait.pk)
    if not locked.is_ready:
        raise PortraitNotReady(locked.name)
    profile = locked.profile
    known = profile.current.settings_for(Provider.BUILT_IN) if profile.current else {}
    fields = {"provider": Provider.BUILT_IN, "provider_settings": {**known, "portrait": str(locked.code)}}
    return edit_profile(profile, fields, by=by)


@transaction.atomic
def remove_portrait(portrait: Portrait) -> None:
    """Remove a portrait, its picture and all that was made of it. Raises `PortraitWorn`, `PortraitOnAir`."""
    locked = Portrait.objects.select_for_update(of=("self",)).get(pk=portrait.pk)
    code = str(locked.code)
    worn = Q(provider_settings__portrait=code) | Q(other_settings__builtin__portrait=code)
    wearers = AvatarProfile.objects.filter(
        archived_at=None, current__in=ProfileVersion.objects.filter(worn)
    ).select_related("current")
    if wearers:
        raise PortraitWorn(locked.name, [str(wearer) for wearer in wearers])
    on_air = AvatarSession.objects.filter(
        state__in=LIVE_STATES, profile_version__in=ProfileVersion.objects.filter(worn)
    ).count()
    if on_air:
        raise PortraitOnAir(locked.name, on_air)
    files = locked.files
    announce(locked)
    locked.delete()
    forget_unshared(files)


def update(portrait: Portrait, condition: Q, **fields: Any) -> bool:
    """Change the row where the condition still holds, and tell the pages; False where somebody was faster."""
    with transaction.atomic():
        updated = Portrait.objects.filter(condition, pk=portrait.pk).update(**fields)
        if updated:
            announce(portrait)
    return bool(updated)


def enqueue_preparation(portrait: Portrait) -> None:
    """Hand the picture to the host's queue after the commit."""
    from sessions.portrait_tasks import prepare_portrait

    transaction.on_commit(partial(enqueue, prepare_portrait, portrait.pk, queue=f"host.{settings.HOST_NAME}"))
    announce(portrait)


def enqueue_clip(portrait: Portrait) -> None:
    """Hand the clip to the host's queue after the commit."""
    from sessions.portrait_tasks import make_clip

    transaction.on_commit(partial(enqueue, make_clip, portrait.pk, queue=f"host.{settings.HOST_NAME}"))


def forget_unshared(files: set[str]) -> None:
    """Delete files here and on every avatar host, those that no other portrait names. Called in a transaction."""
    columns = ("source", "prepared", "still", "clip")
    needed = {
        sha256
        for column in columns
        for sha256 in Portrait.objects.filter(**{f"{column}__in": files}).values_list(column, flat=True)
    }
    gone = sorted(files - needed)
    if not gone:
        return

    def forget() -> None:
        for sha256 in gone:
            assets.forget(sha256)
        forget_stills()

    transaction.on_commit(forget)
    for host in AgentWorker.objects.exclude(host=settings.HOST_NAME).values_list("host", flat=True):
        now = timezone.now()
        FileToForget.objects.bulk_create(
            [FileToForget(host=host, sha256=sha256, asked_at=now) for sha256 in gone], ignore_conflicts=True
        )
        enqueue_forgetting(host)


def enqueue_forgetting(host: str) -> None:
    """Have another host delete, after the commit, what it is to forget."""
    from sessions.portrait_tasks import forget_files

    transaction.on_commit(partial(enqueue, forget_files, queue=f"host.{host}"))
