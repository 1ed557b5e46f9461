"""Films, slides and logos: they arrive in pieces on disk, are checked, and are then named by a version of their profile."""

import logging
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Any, Final, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError as Malformed

from protocol.avatar import BuiltinSettings, SceneOrder
from protocol.scene_files import MOST_BYTES, PIECE_BYTES, PreparedFile, SceneFile, SceneFileKind
from sessions import assets
from sessions.actions.lifecycle import enqueue
from sessions.actions.profiles import edit_profile
from sessions.errors import Archived, PieceOutOfPlace, UploadRefused
from sessions.models import AvatarProfile, Portrait, PortraitStatus, ProfileVersion, SceneUpload

logger = logging.getLogger(__name__)

SPARE_BYTES: Final = 1024**3  # of the disk, which uploads leave to all else
MOST_UNDER_WAY: Final = 60  # of one profile
FORGOTTEN_AFTER: Final = timedelta(days=1)
CHUNK_BYTES: Final = 256 * 1024
SETTINGS: Final = ("scene", "tv", "film", "slides", "slide_s", "logo")


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def draft_path(upload: SceneUpload) -> Path:
    """Where the pieces of an upload are put together."""
    return Path(settings.HOME) / "uploads" / str(upload.code)


def announce_upload(profile: AvatarProfile, kind: str, name: str, size_bytes: int, *, by: str) -> SceneUpload:
    """A new upload, of which nothing has arrived yet. Raises `Archived`, `UploadRefused`."""
    if profile.archived_at:
        raise Archived(str(profile))
    name = _plain(name)
    most = MOST_BYTES[SceneFileKind(kind)]
    if size_bytes <= 0:
        raise UploadRefused(_("“%(name)s” is empty.") % {"name": name})
    if size_bytes > most:
        raise UploadRefused(
            _("“%(name)s” has %(size)s, and %(most)s is the most. Export it smaller.")
            % {"name": name, "size": filesizeformat(size_bytes), "most": filesizeformat(most)}
        )
    folder = Path(settings.HOME) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    _clear_forgotten()
    if shutil.disk_usage(folder).free < size_bytes + SPARE_BYTES:
        raise UploadRefused(_("There is no room for it on the server's disk. Free some, then upload it again."))
    uploads = SceneUpload.objects.filter(profile=profile)
    if uploads.filter(state__in=(SceneUpload.State.ARRIVING, SceneUpload.State.WAITING)).count() >= MOST_UNDER_WAY:
        raise UploadRefused(_("Too many files are under way at once. Wait until some are done."))
    return SceneUpload.objects.create(profile=profile, kind=kind, name=name, size_bytes=size_bytes, created_by=by)


def receive_piece(upload: SceneUpload, offset: int, content: Readable) -> SceneUpload:
    """Put a piece in its place on disk; behind the last one the check is ordered. The same piece twice does no harm.

    Raises `PieceOutOfPlace` where another one is awaited, `UploadRefused` for one that is too long.
    """
    if upload.state != SceneUpload.State.ARRIVING or offset != upload.received_bytes:
        raise PieceOutOfPlace(upload.received_bytes)
    room = min(PIECE_BYTES, upload.size_bytes - offset)
    length = 0
    with draft_path(upload).open("r+b" if offset else "wb") as file:
        file.seek(offset)
        while chunk := content.read(CHUNK_BYTES):
            length += len(chunk)
            if length > room:
                raise UploadRefused(_("More arrived of “%(name)s” than was announced.") % {"name": upload.name})
            file.write(chunk)
    is_last = offset + length == upload.size_bytes
    state = SceneUpload.State.WAITING if is_last else SceneUpload.State.ARRIVING
    moved = SceneUpload.objects.filter(pk=upload.pk, state=SceneUpload.State.ARRIVING, received_bytes=offset).update(
        received_bytes=F("received_bytes") + length, state=state, changed_at=timezone.now()
    )
    upload.refresh_from_db()
    if moved and is_last:
        order_check(upload)
    return upload


def order_check(upload: SceneUpload) -> None:
    """Have the file looked at on this machine, where its draft is."""
    from sessions.tasks import check_scene_upload

    SceneUpload.objects.filter(pk=upload.pk).update(changed_at=timezone.now())
    enqueue(check_scene_upload, upload.pk, queue=f"host.{settings.HOST_NAME}")


def begin_check(upload: SceneUpload) -> bool:
    """Make the check ours; False where another process is at it, or it is done."""
    return bool(
        SceneUpload.objects.filter(pk=upload.pk, state=SceneUpload.State.WAITING).update(
            state=SceneUpload.State.CHECKING, share=0, changed_at=timezone.now()
        )
        or (
            upload.is_stranded
            and SceneUpload.objects.filter(
                pk=upload.pk, state=SceneUpload.State.CHECKING, changed_at=upload.changed_at
            ).update(share=0, changed_at=timezone.now())
        )
    )


def note_progress(upload: SceneUpload, share: float) -> None:
    """The check goes on."""
    SceneUpload.objects.filter(pk=upload.pk, state=SceneUpload.State.CHECKING).update(
        share=share, changed_at=timezone.now()
    )


def accept_upload(upload: SceneUpload, prepared: PreparedFile, file: Path) -> None:
    """The file is good: it becomes an asset."""
    sha256 = assets.keep_file(file)
    SceneUpload.objects.filter(pk=upload.pk).update(
        state=SceneUpload.State.READY,
        sha256=sha256,
        share=1,
        width=prepared.width,
        height=prepared.height,
        duration_s=prepared.duration_s,
        was_changed=not prepared.is_source,
        changed_at=timezone.now(),
    )
    draft_path(upload).unlink(missing_ok=True)


def accept_deck(upload: SceneUpload, pages: Sequence[tuple[PreparedFile, Path]]) -> None:
    """The PDF is good: it becomes its first slide, and the others follow it in their order."""
    stem = PurePath(upload.name).stem[:70]
    slides = [
        {
            "kind": SceneFileKind.SLIDE.value,
            "name": f"{stem} · {number}",
            "state": SceneUpload.State.READY,
            "sha256": assets.keep_file(file),
            "share": 1,
            "width": prepared.width,
            "height": prepared.height,
            "was_changed": True,
            "changed_at": timezone.now(),
        }
        for number, (prepared, file) in enumerate(pages, 1)
    ]
    own = SceneUpload.objects.filter(pk=upload.pk)
    with transaction.atomic():
        if own.update(**slides[0]):  # it may have been removed meanwhile
            common = {"profile": upload.profile, "size_bytes": 0, "created_by": upload.created_by, "deck": upload}
            SceneUpload.objects.bulk_create(SceneUpload(**common, **slide) for slide in slides[1:])
            upload.pages.update(created_at=upload.created_at)  # so that they stand together, whatever came meanwhile
    draft_path(upload).unlink(missing_ok=True)


def refuse_upload(upload: SceneUpload, sentence: str) -> None:
    """The file is not taken; what arrived of it is deleted."""
    SceneUpload.objects.filter(pk=upload.pk).update(
        state=SceneUpload.State.REFUSED, detail=sentence[:500], changed_at=timezone.now()
    )
    draft_path(upload).unlink(missing_ok=True)


def remove_upload(upload: SceneUpload) -> None:
    """Take an upload off the page; its file goes too, unless a version of a profile names it or another upload is the same."""
    upload.delete()
    draft_path(upload).unlink(missing_ok=True)
    sha256 = upload.sha256
    if not sha256 or SceneUpload.objects.filter(sha256=sha256).exists():
        return
    named = ProfileVersion.objects.values_list("provider_settings", "other_settings")
    if not any(sha256 in str(settings) for settings in named.iterator()):
        assets.forget(sha256)


def keep_scene(profile: AvatarProfile, changes: Mapping[str, Any], *, by: str) -> ProfileVersion:
    """A new version with another scene; all else of the provider's settings stays. `changes` as in `SETTINGS`.

    Raises `Archived`, `ValidationError`.
    """
    return edit_profile(profile, {"provider_settings": _changed(profile, changes)}, by=by)


def order_with(profile: AvatarProfile, changes: Mapping[str, Any]) -> SceneOrder:
    """The still of what a version with another scene would show. Raises `pydantic.ValidationError`."""
    settings = BuiltinSettings.model_validate(_changed(profile, changes))
    worn = Portrait.objects.filter(code=settings.portrait, status=PortraitStatus.PREPARED) if settings.portrait else []
    return SceneOrder(settings=settings, portrait=next((each.prepared for each in worn), None))


def _changed(profile: AvatarProfile, changes: Mapping[str, Any]) -> dict[str, Any]:
    known = dict(profile.current.provider_settings) if profile.current else {}
    known.update({name: value for name, value in changes.items() if name in SETTINGS})
    return {name: value for name, value in known.items() if value}


def clear_unused(profile: AvatarProfile, *, by: str) -> None:
    """Let go of what somebody has uploaded and then not kept, and of what others have forgotten."""
    kept = {file.sha256 for file in settings_of(profile).files_named}
    done = (SceneUpload.State.READY, SceneUpload.State.REFUSED)
    own_or_old = Q(created_by=by) | Q(changed_at__lt=timezone.now() - FORGOTTEN_AFTER)
    for upload in SceneUpload.objects.filter(own_or_old, profile=profile, state__in=done).exclude(sha256__in=kept):
        remove_upload(upload)


def files_of(profile: AvatarProfile) -> dict[str, SceneFile]:
    """By sha256: what a version of the profile may name. Those of its current one, and what was uploaded for it."""
    found = {
        upload.sha256: upload.as_scene_file()
        for upload in SceneUpload.objects.filter(profile=profile, state=SceneUpload.State.READY)
    }
    return found | {file.sha256: file for file in settings_of(profile).files_named}


def settings_of(profile: AvatarProfile) -> BuiltinSettings:
    """What the profile's current version says of the scene; nothing where it says what is no longer known."""
    try:
        return BuiltinSettings.model_validate(profile.current.provider_settings if profile.current else {})
    except Malformed:
        return BuiltinSettings()


def _plain(name: str) -> str:
    """A file's name as one line, without its folder."""
    kept = "".join(letter if unicodedata.category(letter)[0] != "C" else " " for letter in PurePath(name).name)
    return " ".join(kept.split())[:80] or _("unnamed")


def _clear_forgotten() -> None:
    """Drafts of uploads that nobody went on with."""
    forgotten = SceneUpload.objects.filter(
        state=SceneUpload.State.ARRIVING, changed_at__lt=timezone.now() - FORGOTTEN_AFTER
    )
    for upload in forgotten:
        upload.delete()
        draft_path(upload).unlink(missing_ok=True)
