"""`python -m sessions.knowledge.document_text pdf|docx`: the text of a document, from standard input to standard output.

A program of its own, because a document may be made to eat memory or time: it gets no more than its limits. Exits with 3 where
the file can't be read as what it claims to be, with 4 where it wants a password, with 5 where it unpacks to far too much.
"""

import io
import resource
import sys
import zipfile
from typing import Final

MAX_CPU_S: Final = 40
MAX_MEMORY_BYTES: Final = 1024**3
MAX_UNPACKED_BYTES: Final = 100 * 1024**2
UNREADABLE, LOCKED, TOO_LARGE = 3, 4, 5


def pdf_text(content: bytes) -> str:
    """Pages as paragraphs."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        sys.exit(LOCKED)
    return "\n\n".join(_paragraphs(page.extract_text()) for page in reader.pages)


def docx_text(content: bytes) -> str:
    """Paragraphs and table rows in order."""
    from docx import Document
    from docx.table import Table

    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        if sum(part.file_size for part in parts.infolist()) > MAX_UNPACKED_BYTES:
            sys.exit(TOO_LARGE)
    blocks = []
    for block in Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            blocks += [". ".join(dict.fromkeys(cell.text.strip() for cell in row.cells)) for row in block.rows]
        else:
            blocks.append(block.text)
    return "\n\n".join(block for block in blocks if block.strip())


def _paragraphs(page: str) -> str:
    """A page's lines joined where a sentence goes on: a line that ends with a full stop and is short ends a paragraph."""
    lines = [line.strip() for line in page.splitlines()]
    longest = max(map(len, lines), default=0)
    joined = []
    for line in lines:
        ends = not line or (line[-1] in ".!?؟:" and len(line) < 0.8 * longest)
        joined.append(f"{line}\n\n" if ends else f"{line} ")
    return "".join(joined).strip()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    content = sys.stdin.buffer.read()
    try:
        text = pdf_text(content) if sys.argv[1] == "pdf" else docx_text(content)
    except Exception as error:  # whatever a parser trips over in a broken or malicious file
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(UNREADABLE)
    sys.stdout.buffer.write(text.encode(errors="replace"))


if __name__ == "__main__":
    main()
