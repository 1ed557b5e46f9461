"""Uploaded documents, as text: TXT, Markdown, PDF, DOCX, up to 5 MB."""

import logging
import subprocess
import sys
from pathlib import PurePath
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from protocol.knowledge import MAX_DOCUMENT_BYTES
from sessions.knowledge.document_text import LOCKED, TOO_LARGE

logger = logging.getLogger(__name__)

READ_TIMEOUT_S: Final = 60
MIN_LETTERS: Final = 20  # fewer, in a PDF, are page numbers under pictures
KINDS: Final = {".txt": "text", ".md": "text", ".markdown": "text", ".pdf": "pdf", ".docx": "docx"}
MAGIC: Final = {"pdf": b"%PDF-", "docx": b"PK\x03\x04"}


def text_of(upload: "UploadedFile[Any]") -> str:
    """The text of an uploaded document. Raises `ValidationError` with a sentence for what can't be read."""
    name = upload.name or ""
    kind = KINDS.get(PurePath(name).suffix.lower())
    if kind is None:
        raise _refused(_("“%(name)s” is none of TXT, Markdown, PDF and DOCX. Save it as one of these."), name)
    content = content_of(upload)
    if kind == "text":
        return decoded(content, name)
    if not content.lstrip()[:8].startswith(MAGIC[kind]):
        raise _refused(_("“%(name)s” is not what its name says. Save it anew from the program that made it."), name)
    text = _read_apart(content, kind, name)
    letters = sum(each.isalpha() for each in text)
    if letters < MIN_LETTERS:
        if kind == "pdf":
            raise _refused(
                _(
                    "“%(name)s” holds pictures of text and no text. Run it through text recognition first, or paste the text."
                ),
                name,
            )
        raise _refused(_("“%(name)s” has no text."), name)
    return text


def content_of(upload: "UploadedFile[Any]") -> bytes:
    """The bytes of an upload. Raises `ValidationError` for an empty one, and for one over 5 MB."""
    name = upload.name or ""
    if not upload.size:
        raise _refused(_("“%(name)s” is empty."), name)
    if upload.size > MAX_DOCUMENT_BYTES:
        raise _refused(_("“%(name)s” is over 5 MB. Split it, or leave out its pictures."), name)
    return bytes(upload.read())


def decoded(content: bytes, name: str) -> str:
    """Text of a file that holds nothing else. Raises `ValidationError` for another encoding, and for what is no text."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise _refused(_("“%(name)s” is not UTF-8 text. Save it as UTF-8 and upload it again."), name) from None
    if "\x00" in text:
        raise _refused(_("“%(name)s” is not a text file."), name)
    if not text.strip():
        raise _refused(_("“%(name)s” is empty."), name)
    return text


def _read_apart(content: bytes, kind: str, name: str) -> str:
    """By a process of its own: no document can hold up or bring down the web process."""
    try:
        result: subprocess.CompletedProcess[Any] = subprocess.run(  # noqa: S603 (one of two words)
            [sys.executable, "-m", "sessions.knowledge.document_text", kind],
            cwd=settings.BASE_DIR,
            input=content,
            capture_output=True,
            timeout=READ_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(_("“%(name)s” takes too long to read. Save it as text, or split it."), name) from None
    if result.returncode == LOCKED:
        raise _refused(_("“%(name)s” is locked with a password. Upload it without one."), name)
    if result.returncode == TOO_LARGE:
        raise _refused(_("“%(name)s” unpacks to over 100 MB. Upload its text alone."), name)
    if result.returncode:
        logger.warning("%r could not be read: %s", name, result.stderr.decode(errors="replace").strip()[-500:])
        raise _refused(_("“%(name)s” is damaged and can't be read. Save it anew, or paste its text."), name)
    return str(result.stdout.decode())


def _refused(sentence: str, name: str) -> ValidationError:
    return ValidationError(_("Nothing was kept:") + " " + sentence % {"name": name[:80]})
