"""Pictures from outside: measured before they are unpacked, so that none is larger in memory than it may be."""

import struct
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.portraits.models import Picture
from agent.portraits.refusals import RefusalCode, RefusedPicture
from protocol.portraits import MOST_PICTURE_BYTES, MOST_PICTURE_PIXELS

_LEAST_SIDE: Final = 64


class Upload(NamedTuple):
    """A decoded picture. `alpha` (height, width), 255 is opaque; None where nothing is transparent."""

    colour: Picture
    alpha: NDArray[np.uint8] | None


class Crop(NamedTuple):
    """A part of the picture, shares of its width and height."""

    left: float
    top: float
    right: float
    bottom: float


def read_picture(path: Path, crop: Crop | None = None) -> Upload:
    """Raises `RefusedPicture` (not_a_picture, too_large, too_small)."""
    if path.stat().st_size > MOST_PICTURE_BYTES:
        raise RefusedPicture(RefusalCode.TOO_LARGE)
    content = path.read_bytes()
    size = _size_of(content)
    if size is None:
        raise RefusedPicture(RefusalCode.NOT_A_PICTURE)
    if size[0] * size[1] > MOST_PICTURE_PIXELS:
        raise RefusedPicture(RefusalCode.TOO_LARGE)
    packed = np.frombuffer(content, np.uint8)
    # A JPEG has no alpha and may lie on its side, which only this way of reading puts right.
    how = cv2.IMREAD_COLOR if content.startswith(b"\xff\xd8") else cv2.IMREAD_UNCHANGED
    try:
        decoded = cv2.imdecode(packed, how)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise RefusedPicture(RefusalCode.NOT_A_PICTURE)
    upload = _as_upload(decoded)
    if crop is not None:
        height, width = upload.colour.shape[:2]
        rows = slice(round(crop.top * height), round(crop.bottom * height))
        columns = slice(round(crop.left * width), round(crop.right * width))
        alpha = upload.alpha
        upload = Upload(
            np.ascontiguousarray(upload.colour[rows, columns]),
            None if alpha is None else np.ascontiguousarray(alpha[rows, columns]),
        )
    if min(upload.colour.shape[:2]) < _LEAST_SIDE:
        raise RefusedPicture(RefusalCode.TOO_SMALL)
    return upload


def _as_upload(decoded: cv2.typing.MatLike) -> Upload:
    if decoded.dtype not in (np.uint8, np.uint16):
        raise RefusedPicture(RefusalCode.NOT_A_PICTURE)
    pixels = np.asarray(decoded // 256 if decoded.dtype == np.uint16 else decoded, np.uint8)
    if pixels.ndim == 2:
        return Upload(np.repeat(pixels[:, :, None], 3, 2), None)
    if pixels.shape[2] == 2:
        return Upload(np.repeat(pixels[:, :, :1], 3, 2), _alpha(pixels[:, :, 1]))
    if pixels.shape[2] == 3:
        return Upload(pixels, None)
    return Upload(np.ascontiguousarray(pixels[:, :, :3]), _alpha(pixels[:, :, 3]))


def _alpha(plane: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The plane where it hides more than a few stray pixels."""
    return np.ascontiguousarray(plane) if (plane < 250).mean() > 0.005 else None


def _size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height as the file's head says them; None for what is neither JPEG, PNG nor WebP."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack(">II", content[16:24])
        if content.startswith(b"\xff\xd8"):
            return _jpeg_size(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp_size(content)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at < len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
