"""Many pairs at once: CSV with or without a line of names, or plain text with a question above each answer."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from pydantic import ValidationError as Malformed

from protocol.jobspec import Language
from protocol.knowledge import MAX_PAIRS, Pair
from sessions.actions.knowledge import new_pair_id

COLUMNS: Final = ("question", "answer", "language", "topic", "also", "group")
MAX_CELL_CHARS: Final = 100_000
_QUESTION: Final = re.compile(r"^\s*(?:q|question|س|سؤال)\s*[:：]\s*", re.IGNORECASE)
_ANSWER: Final = re.compile(r"^\s*(?:a|answer|ج|جواب)\s*[:：]\s*", re.IGNORECASE)
_ARABIC: Final = re.compile(r"[\u0600-\u06ff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


def pairs_from(text: str) -> list[Pair]:
    """The pairs of a pasted or uploaded text. Raises `ValidationError` that names the first line in the way."""
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise ValidationError(_("Nothing was kept: there is no text. Paste questions with their answers."))
    rows = list(_rows_of_text(text) if _looks_like_blocks(text) else _rows_of_csv(text))
    if not rows:
        raise ValidationError(_("Nothing was kept: no question with an answer was found."))
    if len(rows) > MAX_PAIRS:
        raise ValidationError(
            _("Nothing was kept: %(n)d pairs are more than the %(most)d that fit. Put the rest into a document.")
            % {"n": len(rows), "most": MAX_PAIRS}
        )
    return [_pair(line, row) for line, row in rows]


def language_by_letters(text: str) -> Language:
    """Arabic where most letters are."""
    return "ar" if len(_ARABIC.findall(text)) > len(_LATIN.findall(text)) else "en"


def _looks_like_blocks(text: str) -> bool:
    first = next(line for line in text.splitlines() if line.strip())
    return bool(_QUESTION.match(first)) or (first.count(",") + first.count(";") + first.count("\t") == 0)


def _rows_of_text(text: str) -> Iterable[tuple[int, dict[str, str]]]:
    """Blocks with blank lines between them: the first line asks, the rest answers."""
    line = 1
    for block in re.split(r"(\n\s*\n)", text):
        lines = [each.strip() for each in block.splitlines() if each.strip()]
        if lines:
            start = line + (len(block) - len(block.lstrip("\n"))) * bool(block.startswith("\n"))
            if len(lines) == 1:
                raise ValidationError(
                    _("Nothing was kept: line %(line)d asks “%(words)s” and no answer stands below it.")
                    % {"line": start, "words": lines[0][:60]}
                )
            yield start, {"question": _QUESTION.sub("", lines[0]), "answer": _ANSWER.sub("", " ".join(lines[1:]))}
        line += block.count("\n")


def _rows_of_csv(text: str) -> Iterable[tuple[int, dict[str, str]]]:
    csv.field_size_limit(MAX_CELL_CHARS)
    first = text.splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip().lower() for cell in cells]
                if "question" in names and "answer" in names:
                    continue
                names = list(COLUMNS)
            yield reader.line_num, {name: cell.strip() for name, cell in zip(names, cells, strict=False)}
    except csv.Error as error:
        raise ValidationError(
            _("Nothing was kept: line %(line)d is no CSV (%(problem)s).") % {"line": reader.line_num, "problem": error}
        ) from None


def _pair(line: int, row: dict[str, str]) -> Pair:
    number = new_pair_id()
    fields: dict[str, Any] = {
        "id": number,
        "group": row.get("group") or number,
        "language": row.get("language") or language_by_letters(row.get("question", "")),
        "question": row.get("question", ""),
        "also": [each.strip() for each in row.get("also", "").split("|") if each.strip()],
        "answer": row.get("answer", ""),
        "topic": row.get("topic", ""),
    }
    try:
        return Pair.model_validate(fields)
    except Malformed as error:
        problem = error.errors()[0]
        raise ValidationError(
            _("Nothing was kept: line %(line)d, %(field)s: %(problem)s.")
            % {"line": line, "field": problem["loc"][0], "problem": problem["msg"]}
        ) from None
