"""Uploaded pictures, looked at before anything is kept: what they are and how large, without unpacking them."""

import io
from pathlib import PurePath
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from protocol.portraits import MOST_PICTURE_BYTES, MOST_PICTURE_PIXELS
from sessions.portraits.words import REFUSALS

KINDS: Final = ("JPEG", "PNG", "WEBP")
LEAST_SIDE_PX: Final = 64


class NotAPicture(ValueError):
    """The content is of none of the kinds that are taken."""


class TooManyPixels(ValueError):
    """Unpacked, it would be larger than any picture needs to be."""


def picture_of(upload: "UploadedFile[Any]") -> bytes:
    """The bytes of an uploaded picture. Raises `ValidationError` with a sentence for what can't be a portrait."""
    if not upload.size:
        raise _refused("not_a_picture")
    if upload.size > MOST_PICTURE_BYTES:
        raise _refused("too_large")
    content = bytes(upload.read())
    try:
        width, height = size_of(content, KINDS)
    except TooManyPixels:
        raise _refused("too_large") from None
    except NotAPicture:
        raise _refused("not_a_picture") from None
    if min(width, height) < LEAST_SIDE_PX:
        raise _refused("too_small")
    return content


def name_of(upload: "UploadedFile[Any]") -> str:
    """What to call it where nobody says: the file's name without its ending."""
    stem = PurePath(upload.name or "").stem
    return " ".join(stem.replace("_", " ").split())[:80] or _("Portrait")


def size_of(content: bytes, kinds: tuple[str, ...]) -> tuple[int, int]:
    """Width and height by the file's head, whatever its name says. Raises `NotAPicture`, `TooManyPixels`."""
    from PIL import Image  # several megabytes, which few pages need

    try:
        with Image.open(io.BytesIO(content), formats=kinds) as picture:
            width, height = picture.size
    except Image.DecompressionBombError:
        raise TooManyPixels from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        KeyError,
    ):  # what its readers raise for a broken file
        raise NotAPicture from None
    if width * height > MOST_PICTURE_PIXELS:
        raise TooManyPixels
    return width, height


def _refused(code: str) -> ValidationError:
    return ValidationError(_("Nothing was kept:") + " " + str(REFUSALS[code]))
