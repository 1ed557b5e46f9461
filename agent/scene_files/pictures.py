"""Slides and logos: measured before they are unpacked, then written anew in the size that a picture shows of them."""

from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from agent.scene_files.refusals import RefusedFile
from protocol.scene_files import LEAST_LOGO_PX, MOST_PICTURE_PIXELS, PreparedFile

SLIDE: Final = (1280, 720)  # no TV shows more
LOGO: Final = (480, 200)  # twice its box in a scene of 1920 by 1080
_KINDS: Final = ("JPEG", "PNG", "WEBP")
JPEG_QUALITY: Final = 90
_OTHERS: Final = {
    b"%PDF": "This is a PDF by another name; end its name with .pdf and choose it again, and each page becomes a slide.",
    b"PK\x03\x04": "This is a document; export its pages as pictures, JPEG or PNG, and choose those.",
    b"<svg": "This is an SVG drawing; export it as PNG.",
    b"<?xml": "This is an SVG drawing; export it as PNG.",
}
_UNSEEN: Final = 8  # of 255: opacity below it is what an export leaves at the edge


def prepare_slide(source: Path, target: Path) -> PreparedFile:
    """Write a JPEG of at most `SLIDE` pixels. Raises `RefusedFile`."""
    picture = _opened(source, SLIDE)
    picture = _fitted(picture if picture.mode in ("RGB", "RGBA") else picture.convert("RGBA"), SLIDE)
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white.convert("RGB")
    picture.save(target, "JPEG", quality=JPEG_QUALITY)
    return PreparedFile(width=picture.width, height=picture.height)


def prepare_logo(source: Path, target: Path) -> PreparedFile:
    """Write a PNG of at most `LOGO` pixels, without the empty space around what is to be seen. Raises `RefusedFile`."""
    picture = _opened(source, LOGO).convert("RGBA")
    seen = picture.getchannel("A").point(lambda opacity: 255 if opacity > _UNSEEN else 0).getbbox()
    if seen is None:
        raise RefusedFile("The logo is transparent all over; export it with something to see.")
    picture = picture.crop(seen)
    if max(picture.size) < LEAST_LOGO_PX:
        raise RefusedFile(
            f"The logo is only {picture.width} by {picture.height} pixels; export it larger, 200 or more across."
        )
    picture = _fitted(picture, LOGO)
    picture.save(target, "PNG", optimize=True)
    return PreparedFile(width=picture.width, height=picture.height)


def _opened(source: Path, wanted: tuple[int, int]) -> Image.Image:
    """The picture, upright, unpacked not much larger than `wanted` where its kind allows. Raises `RefusedFile`."""
    try:
        with Image.open(source, formats=_KINDS) as picture:
            if picture.width * picture.height > MOST_PICTURE_PIXELS:
                raise RefusedFile(
                    f"The picture is {picture.width} by {picture.height}, which is too large to unpack; "
                    f"export it with at most {MOST_PICTURE_PIXELS // 1_000_000} million pixels."
                )
            picture.draft("RGB", (2 * wanted[0], 2 * wanted[1]))
            upright = ImageOps.exif_transpose(picture)
            upright.load()
            return upright
    except Image.DecompressionBombError:
        raise RefusedFile(
            f"The picture is too large to unpack; export it with at most {MOST_PICTURE_PIXELS // 1_000_000} million pixels."
        ) from None
    except UnidentifiedImageError:
        with source.open("rb") as file:
            head = file.read(8).lstrip()
        other = next((sentence for magic, sentence in _OTHERS.items() if head.startswith(magic)), None)
        raise RefusedFile(other or "This is no picture that can be read; export it as JPEG, PNG or WebP.") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise RefusedFile(f"This is no picture that can be read ({error}); export it as JPEG, PNG or WebP.") from None


def _fitted(picture: Image.Image, most: tuple[int, int]) -> Image.Image:
    scale = min(most[0] / picture.width, most[1] / picture.height)
    if scale >= 1:
        return picture
    size = max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
