"""Uploaded pictures, looked at before anything is kept: what they are and how large, without unpacking them."""

import io
from pathlib import PurePath
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from protocol.portraits import MOST_PICTURE_BYTES, MOST_PICTURE_PIXELS
from sessions.portrait_words import REFUSALS

KINDS: Final = ("JPEG", "PNG", "WEBP")
LEAST_SIDE_PX: Final = 64


def picture_of(upload: "UploadedFile[Any]") -> bytes:
    """The bytes of an uploaded picture. Raises `ValidationError` with a sentence for what can't be a portrait."""
    if not upload.size:
        raise _refused("not_a_picture")
    if upload.size > MOST_PICTURE_BYTES:
        raise _refused("too_large")
    content = bytes(upload.read())
    width, height = _size_of(content)
    if width * height > MOST_PICTURE_PIXELS:
        raise _refused("too_large")
    if min(width, height) < LEAST_SIDE_PX:
        raise _refused("too_small")
    return content


def name_of(upload: "UploadedFile[Any]") -> str:
    """What to call it where nobody says: the file's name without its ending."""
    stem = PurePath(upload.name or "").stem
    return " ".join(stem.replace("_", " ").split())[:80] or _("Portrait")


def _size_of(content: bytes) -> tuple[int, int]:
    """Width and height by the file's head, whatever its name says."""
    from PIL import Image  # several megabytes, which only this page needs

    try:
        with Image.open(io.BytesIO(content), formats=KINDS) as picture:
            return picture.size
    except Image.DecompressionBombError:
        raise _refused("too_large") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
    ):  # what its readers raise for a broken file
        raise _refused("not_a_picture") from None


def _refused(code: str) -> ValidationError:
    return ValidationError(_("Nothing was kept:") + " " + str(REFUSALS[code]))
