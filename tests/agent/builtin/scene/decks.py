"""PDFs for the TV, made here."""

import io
from collections.abc import Sequence

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import NameObject, NumberObject


def deck(colours: Sequence[str], size: tuple[int, int] = (640, 360)) -> bytes:
    """A PDF with a page of each colour."""
    pages = [Image.new("RGB", size, colour) for colour in colours]
    packed = io.BytesIO()
    pages[0].save(packed, "PDF", save_all=True, append_images=pages[1:])
    return packed.getvalue()


def locked_deck() -> bytes:
    writer = PdfWriter(clone_from=io.BytesIO(deck(["red"])))
    writer.encrypt("secret", algorithm="AES-256-R5")
    return _written(writer)


def deck_without_pages() -> bytes:
    return _written(PdfWriter())


def deck_with_a_vast_picture() -> bytes:
    """It says so, in a few hundred bytes."""
    writer = PdfWriter(clone_from=io.BytesIO(deck(["red"])))
    for picture in writer.pages[0]["/Resources"]["/XObject"].values():  # type: ignore[index]
        for side in ("/Width", "/Height"):
            picture.get_object()[NameObject(side)] = NumberObject(30_000)
    return _written(writer)


def _written(writer: PdfWriter) -> bytes:
    packed = io.BytesIO()
    writer.write(packed)
    return packed.getvalue()
