"""A PDF as slides: each page is drawn in the size that a TV shows, in order. PDFium draws; nothing in the file is run."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.scene_files.pictures import JPEG_QUALITY, SLIDE
from agent.scene_files.refusals import RefusedFile
from protocol.scene_files import MOST_PICTURE_PIXELS, MOST_SLIDES, PreparedFile

if TYPE_CHECKING:
    import pypdfium2 as pdfium

_HEAD_BYTES: Final = 1024  # readers look for the sign of a PDF within its first kilobyte


def prepare_deck(source: Path, folder: Path, progress: Callable[[float], None]) -> list[PreparedFile]:
    """Write 001.jpg, 002.jpg, ... into `folder`, a page each. `progress` is told shares of 1. Raises `RefusedFile`."""
    import pypdfium2 as pdfium

    document = _opened(source)
    try:
        count = len(document)
        if count > MOST_SLIDES:
            raise RefusedFile(
                f"The PDF has {count} pages, and {MOST_SLIDES} slides are the most; export fewer of them."
            )
        folder.mkdir(exist_ok=True)
        pages = []
        for number in range(1, count + 1):
            try:
                pages.append(_draw(document[number - 1], number, folder / f"{number:03}.jpg"))
            except pdfium.PdfiumError:
                raise RefusedFile(f"Page {number} of the PDF is damaged; export the PDF anew.") from None
            progress(number / count)
        return pages
    finally:
        document.close()


def _opened(source: Path) -> "pdfium.PdfDocument":
    """A document with at least one page. Raises `RefusedFile`."""
    import pypdfium2 as pdfium
    from pypdfium2.raw import FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY, FPDF_ERR_SUCCESS

    with source.open("rb") as file:
        if b"%PDF" not in file.read(_HEAD_BYTES):
            raise RefusedFile("This is no PDF, whatever its name says; export it as PDF, or its pages as pictures.")
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        if error.err_code in (FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY):
            raise RefusedFile("The PDF asks for a password; save it without one.") from None
        if error.err_code == FPDF_ERR_SUCCESS:
            raise RefusedFile("The PDF has no pages; export it anew.") from None
        raise RefusedFile("The PDF is damaged; export it anew.") from None


def _draw(page: "pdfium.PdfPage", number: int, target: Path) -> PreparedFile:
    """Raises `RefusedFile`, `PdfiumError`."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    for picture in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]):
        width, height = picture.get_px_size()
        if width * height > MOST_PICTURE_PIXELS:
            raise RefusedFile(
                f"Page {number} holds a picture of {width} by {height}, which is too large to unpack; "
                f"export the PDF with pictures of at most {MOST_PICTURE_PIXELS // 1_000_000} million pixels."
            )
    width, height = page.get_size()
    if width <= 0 or height <= 0:
        raise RefusedFile(f"Page {number} of the PDF has no size; export the PDF anew.")
    # What a page lacks of the TV's size is not stretched: it is drawn in the size in which it stands there.
    drawn = page.render(scale=min(SLIDE[0] / width, SLIDE[1] / height)).to_pil().convert("RGB")
    page.close()
    drawn = drawn.crop((0, 0, min(drawn.width, SLIDE[0]), min(drawn.height, SLIDE[1])))  # sizes are rounded up
    drawn.save(target, "JPEG", quality=JPEG_QUALITY)
    return PreparedFile(width=drawn.width, height=drawn.height)
