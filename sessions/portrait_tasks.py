"""Celery tasks of a host's own queue that make portraits. Ids only; each may run twice without harm."""

import logging
import tempfile
from pathlib import Path
from typing import Final

import pydantic
from celery import shared_task
from django.conf import settings
from django.utils.translation import gettext as _

from protocol.avatar import BuiltinSettings
from protocol.portraits import ClipOrder
from sessions import assets
from sessions.actions import portrait_progress as progress
from sessions.agent_programs import ProgramFailed, ProgramTooSlow, Said, run_program
from sessions.errors import SessionError
from sessions.models import FileToForget, Portrait
from sessions.models.profiles import Provider
from sessions.portraits.words import clip_text

logger = logging.getLogger(__name__)

LIMIT_S: Final = 240.0  # a busy host takes long over what a quiet one does in five seconds


class _Prepared(pydantic.BaseModel):
    """What the program says of what it made, as far as pages tell it."""

    face_height_px: int
    own_background: bool


@shared_task
def prepare_portrait(portrait_id: int) -> None:
    """From the uploaded picture to a face that can be worn; ends as prepared, refused or failed, each with its sentence."""
    portrait = _portrait(portrait_id)
    if portrait is None or not progress.record_taken(portrait):
        return
    try:
        _prepare(portrait)
    except ProgramTooSlow as error:
        logger.warning("portrait %s: %s", portrait.code, error)
        progress.record_failed(
            portrait, _("The picture took too long. Crop it, or choose a smaller one; or try again.")
        )
    except SessionError as error:  # the picture is lost
        progress.record_failed(portrait, str(error))
    except (ProgramFailed, OSError, pydantic.ValidationError) as error:
        logger.warning("portrait %s: %s", portrait.code, error)
        progress.record_failed(portrait, _("The picture could not be prepared. It is kept: try again."))


def _prepare(portrait: Portrait) -> None:
    def told(said: Said) -> None:
        if isinstance(said.get("stage"), str):
            progress.record_progress(portrait, said["stage"], float(said.get("share", 0.0)))

    with tempfile.TemporaryDirectory(prefix="avatary-portrait-") as folder:
        picture, out, still = (Path(folder) / name for name in ("picture", "face.portrait", "still.jpg"))
        picture.write_bytes(assets.read(portrait.source))
        crop = ["--crop", ",".join(f"{edge:.5f}" for edge in portrait.crop)] if portrait.crop else []
        last = run_program(
            "prepare-portrait", *crop, "--still", str(still), str(picture), str(out), told=told, limit_s=LIMIT_S
        )
        refused = last.get("refused")
        if isinstance(refused, dict):
            progress.record_refused(portrait, str(refused.get("code", "")), str(refused.get("sentence", "")))
            return
        made = _Prepared.model_validate(last.get("prepared"))
        progress.record_prepared(portrait, out.read_bytes(), still.read_bytes(), **made.model_dump())


@shared_task
def make_clip(portrait_id: int) -> None:
    """The prepared portrait, saying what its profile says first."""
    portrait = _portrait(portrait_id)
    if portrait is None or portrait.profile.current is None or not progress.record_clip_taken(portrait):
        return
    try:
        _make_clip(portrait)
    except SessionError as error:
        progress.record_clip_failed(portrait, str(error))
    except (ProgramFailed, OSError, pydantic.ValidationError) as error:
        logger.warning("clip of portrait %s: %s", portrait.code, error)
        progress.record_clip_failed(
            portrait, _("The clip could not be made. The portrait can be worn all the same; or try again.")
        )


def _make_clip(portrait: Portrait) -> None:
    def told(said: Said) -> None:
        if "share" in said:
            progress.record_clip_progress(portrait, float(said["share"]))

    version = portrait.profile.current
    assert version is not None, "looked at by the caller"  # noqa: S101
    is_built_in = version.provider == Provider.BUILT_IN
    place = BuiltinSettings.model_validate({**version.provider_settings, "portrait": None} if is_built_in else {})
    order = ClipOrder(text=clip_text(version), voice=version.voice, settings=place)
    with tempfile.TemporaryDirectory(prefix="avatary-clip-") as folder:
        face, out = Path(folder) / "face.portrait", Path(folder) / "clip.webm"
        face.write_bytes(assets.read(portrait.prepared))
        run_program("preview-portrait", str(face), str(out), told=told, limit_s=LIMIT_S, order=order.model_dump_json())
        progress.record_clip_made(portrait, out.read_bytes())


@shared_task
def forget_files() -> None:
    """On another host's own queue: delete its copies of what was removed."""
    for row in FileToForget.objects.filter(host=settings.HOST_NAME):
        assets.forget(row.sha256)
        row.delete()


@shared_task
def resume_stranded_portraits() -> None:
    """Pick up what was dropped or left half-way."""
    progress.resume_stranded_portraits()


def _portrait(portrait_id: int) -> Portrait | None:
    return Portrait.objects.select_related("profile__current").filter(pk=portrait_id).first()
