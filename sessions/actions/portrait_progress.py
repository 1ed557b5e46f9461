"""What the tasks record while a portrait is prepared and its clip made.

Each step is a conditional update, so that a portrait that was removed, or taken by another task, stays so.
"""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions import assets
from sessions.actions.portraits import enqueue_clip, enqueue_forgetting, enqueue_preparation, forget_unshared, update
from sessions.models import AgentWorker, ClipStatus, FileToForget, Portrait, PortraitStatus

UNTAKEN_AFTER: Final = timedelta(seconds=15)  # a queue that was away has dropped the order
HEARD_WITHIN: Final = timedelta(minutes=1)  # a host that is off would find an order for each time it was asked
SILENT_AFTER: Final = timedelta(seconds=270)  # longer than any program may take


def record_taken(portrait: Portrait) -> bool:
    """A task begins to prepare it; False where another one has, or it is gone."""
    return update(
        portrait,
        Q(status=PortraitStatus.WAITING),
        status=PortraitStatus.PREPARING,
        changed_at=timezone.now(),
    )


def record_progress(portrait: Portrait, stage: str, share: float) -> bool:
    """How far its preparation is."""
    return update(
        portrait,
        Q(status=PortraitStatus.PREPARING),
        stage=stage[:40],
        share=min(max(share, 0.0), 1.0),
        changed_at=timezone.now(),
    )


@transaction.atomic
def record_prepared(
    portrait: Portrait, prepared: bytes, still: bytes, *, face_height_px: int, own_background: bool
) -> bool:
    """It can be worn; its clip is made next. False where it was removed meanwhile: nothing is kept."""
    files = {"prepared": assets.keep(prepared), "still": assets.keep(still)}
    now = timezone.now()
    if not update(
        portrait,
        Q(status=PortraitStatus.PREPARING),
        status=PortraitStatus.PREPARED,
        changed_at=now,
        share=1.0,
        clip_status=ClipStatus.WAITING,
        clip_changed_at=now,
        face_height_px=face_height_px,
        own_background=own_background,
        **files,
    ):
        forget_unshared(set(files.values()))
        return False
    enqueue_clip(portrait)
    return True


def record_refused(portrait: Portrait, code: str, sentence: str) -> bool:
    """The picture can't be a portrait; it stays until it is removed."""
    return update(
        portrait,
        Q(status=PortraitStatus.PREPARING),
        status=PortraitStatus.REFUSED,
        changed_at=timezone.now(),
        refusal=code[:40],
        detail=sentence[:500],
    )


def record_failed(portrait: Portrait, sentence: str) -> bool:
    """It could not be prepared; the picture stays, so that it can be tried again."""
    return update(
        portrait,
        Q(status=PortraitStatus.PREPARING),
        status=PortraitStatus.FAILED,
        changed_at=timezone.now(),
        detail=sentence[:500],
    )


def record_clip_taken(portrait: Portrait) -> bool:
    """A task begins to make the clip; False where another one has."""
    return update(
        portrait,
        Q(status=PortraitStatus.PREPARED, clip_status=ClipStatus.WAITING),
        clip_status=ClipStatus.MAKING,
        clip_changed_at=timezone.now(),
    )


def record_clip_progress(portrait: Portrait, share: float) -> bool:
    """How far the clip is."""
    return update(
        portrait,
        Q(clip_status=ClipStatus.MAKING),
        clip_share=min(max(share, 0.0), 1.0),
        clip_changed_at=timezone.now(),
    )


@transaction.atomic
def record_clip_made(portrait: Portrait, clip: bytes) -> bool:
    """The clip can be seen; an earlier one goes."""
    earlier = Portrait.objects.filter(pk=portrait.pk).values_list("clip", flat=True).first()
    kept = assets.keep(clip)
    made = update(
        portrait,
        Q(clip_status=ClipStatus.MAKING),
        clip_status=ClipStatus.MADE,
        clip_changed_at=timezone.now(),
        clip_share=1.0,
        clip=kept,
    )
    forget_unshared(({earlier} if made and earlier else {kept} if not made else set()) - ({kept} if made else set()))
    return made


def record_clip_failed(portrait: Portrait, sentence: str) -> bool:
    """The clip could not be made; an earlier one stays, and the portrait can be worn all the same."""
    return update(
        portrait,
        Q(clip_status=ClipStatus.MAKING),
        clip_status=ClipStatus.FAILED,
        clip_changed_at=timezone.now(),
        clip_detail=sentence[:500],
    )


def resume_stranded_portraits() -> None:
    """Order again what a queue that was away has dropped; end what its task has left half-way."""
    now = timezone.now()
    rows = Portrait.objects.select_related("profile")
    for portrait in rows.filter(status=PortraitStatus.WAITING, changed_at__lt=now - UNTAKEN_AFTER):
        update(portrait, Q(status=PortraitStatus.WAITING), changed_at=now)
        enqueue_preparation(portrait)
    for portrait in rows.filter(clip_status=ClipStatus.WAITING, clip_changed_at__lt=now - UNTAKEN_AFTER):
        update(portrait, Q(clip_status=ClipStatus.WAITING), clip_changed_at=now)
        enqueue_clip(portrait)
    interrupted = _("The preparation was interrupted. The picture is kept: try again.")
    for portrait in rows.filter(status=PortraitStatus.PREPARING, changed_at__lt=now - SILENT_AFTER):
        record_failed(portrait, interrupted)
    for portrait in rows.filter(clip_status=ClipStatus.MAKING, clip_changed_at__lt=now - SILENT_AFTER):
        record_clip_failed(portrait, _("The clip was interrupted. Have it made again."))
    heard = AgentWorker.objects.filter(host_seen_at__gt=now - HEARD_WITHIN).values_list("host", flat=True)
    unforgotten = FileToForget.objects.filter(asked_at__lt=now - UNTAKEN_AFTER)
    for host in unforgotten.filter(host__in=heard).values_list("host", flat=True).distinct():
        unforgotten.filter(host=host).update(asked_at=now)
        enqueue_forgetting(host)
