"""A prepared portrait: one file with the picture of a person, how opaque it is, and where in it the face is.

A zip archive, stored: `portrait.json` (the places), `figure.jpg` and, unless the picture fills the canvas, `mask.png`.
All places are pixels of the canvas (`width` x `height`, what a frame shows at full size), x to the right and y down.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

CANVAS_WIDTH: Final = 1920
CANVAS_HEIGHT: Final = 1080
MOST_BYTES: Final = 16 * 1024 * 1024

Point = tuple[float, float]
Curve = Annotated[tuple[Point, ...], Field(min_length=3, max_length=64)]
"""Through these points, from left to right."""


class BrokenPortraitError(ValueError):
    """The file is not a prepared portrait; the message says what is wrong with it."""


class _Places(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EyePlaces(_Places):
    """`upper` and `lower`: edges of the lids, corner to corner. `iris`: middle and radius."""

    upper: Curve
    lower: Curve
    iris: tuple[float, float, float]
    crease_height: float  # from the middle of the upper lid up to the crease that it unfolds from
    lash_height: float  # thickness of the lash line
    brow: Curve  # the middle of the brow


class MouthPlaces(_Places):
    """Edges of the lips, corner to corner; lips that are closed in the picture have the same inner edge."""

    upper_outer: Curve
    upper_inner: Curve
    lower_inner: Curve
    lower_outer: Curve
    nose_y: float
    chin_y: float
    neck_y: float  # below it nothing follows the jaw
    jaw_half_width: float
    teeth: tuple[float, float, float]  # blue, green, red of teeth in the picture's light


class BodyPlaces(_Places):
    """Head and chest, for sway and breath. Each falls off softly from full to nothing."""

    pivot: Point  # foot of the neck, about which the head leans
    head_half_width: float
    head_bottom_y: float
    shoulder_y: float  # the head's movement has died down
    body_half_width: float
    desk_y: float  # nothing moves from here down
    face_middle: Point
    face_half_size: Point  # of the part that comes forward when the head turns
    motion: float = 1.0  # share of the full movement; less where the background moves along


class Places(_Places):
    """Everything that is to know about the picture; `corner` is where on the canvas it lies."""

    corner: tuple[int, int]
    eyes: tuple[EyePlaces, EyePlaces]
    mouth: MouthPlaces
    body: BodyPlaces
    width: int = CANVAS_WIDTH
    height: int = CANVAS_HEIGHT


@dataclass(frozen=True)
class Portrait:
    """`figure` is a JPEG of the person, `mask` a grey PNG of the same size: 255 is opaque. No mask: it fills the canvas."""

    places: Places
    figure: bytes
    mask: bytes | None


def read_portrait(path: Path) -> Portrait:
    """Raises `BrokenPortraitError`, `FileNotFoundError`."""
    if path.stat().st_size > MOST_BYTES:
        raise BrokenPortraitError(f"{path.name} is larger than any prepared portrait")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise BrokenPortraitError(f"{path.name} unpacks to more than any prepared portrait")
            names = archive.namelist()
            return Portrait(
                Places.model_validate_json(archive.read("portrait.json")),
                archive.read("figure.jpg"),
                archive.read("mask.png") if "mask.png" in names else None,
            )
    except (zipfile.BadZipFile, KeyError, ValidationError, OSError, EOFError) as error:
        raise BrokenPortraitError(f"{path.name} is not a prepared portrait: {error}") from error


def write_portrait(portrait: Portrait, path: Path) -> None:
    """The same portrait gives the same bytes. A reader sees the whole file or none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        places = portrait.places.model_dump_json(indent=1).encode()
        for name, content in (("portrait.json", places), ("figure.jpg", portrait.figure), ("mask.png", portrait.mask)):
            if content is not None:
                archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(packed.getvalue())
    part.replace(path)
