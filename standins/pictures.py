"""A portrait as bitHuman takes it: JPEG or PNG, 10 MB at most [D]."""

import base64
import binascii
import io
from typing import Final

from PIL import Image, UnidentifiedImageError

from standins.vendor import Refusal

LARGEST_BYTES: Final = 10 * 1024 * 1024
LARGEST_PIXELS: Final = 50_000_000
_SIGNATURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def check_text(image: str) -> None:
    """An address, base64, or base64 as a data URI; an address is not fetched. Raises `Refusal`."""
    if image.startswith(("http://", "https://")):
        return
    _, _, encoded = image.rpartition("base64,") if image.startswith("data:image/") else ("", "", image)
    if len(encoded) > LARGEST_BYTES * 4 // 3 + 4:
        raise _too_large()
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise Refusal(400, "image is neither an http(s) URL nor valid base64", code="VALIDATION_ERROR") from None
    check_bytes(data)


def check_bytes(data: bytes) -> None:
    """Raises `Refusal`."""
    if len(data) > LARGEST_BYTES:
        raise _too_large()
    if not data.startswith(_SIGNATURES):
        raise Refusal(415, "The image must be a JPEG or PNG", code="UNSUPPORTED_TYPE")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            width, height = picture.size
            if width * height > LARGEST_PIXELS:
                raise Refusal(400, f"The image has {width}x{height} pixels, which is too many", code="VALIDATION_ERROR")
            picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise Refusal(400, "The image can't be decoded", code="VALIDATION_ERROR") from None


def _too_large() -> Refusal:
    return Refusal(413, "The image is larger than 10 MB", code="FILE_TOO_LARGE")
