"""Texts cut into sentences, and documents cut into passages that are short enough to be spoken."""

import re
from dataclasses import dataclass
from typing import Final

MAX_PASSAGE_CHARS: Final = 420
MAX_SENTENCE_CHARS: Final = 320
MIN_PASSAGE_LETTERS: Final = 12

_LETTER: Final = re.compile(r"[^\W\d_]")
_SENTENCE_END: Final = re.compile(r"[.!?؟۔。]+[\"»”’)\]]*(?=\s)")
# What a full stop does not end: an initial, an abbreviation.
_ABBREVIATED: Final = re.compile(r"(?:\b[A-Z]|\b(?:Mr|Mrs|Dr|St|No|vs|e\.g|i\.e|a\.m|p\.m))\.$")
_BLANK_LINE: Final = re.compile(r"\n\s*\n")


@dataclass(frozen=True)
class Passage:
    """A few sentences of a document that stand together."""

    document: str
    text: str


def sentences(text: str) -> list[str]:
    """The sentences of a text, none longer than can be said in one breath or two."""
    text = " ".join(text.split())
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATED.search(text, max(start, end.end() - 6), end.end()):
            found.extend(_shortened(text[start : end.end()].strip()))
            start = end.end()
    found.extend(_shortened(text[start:].strip()))
    return [sentence for sentence in found if sentence]


def passages(document: str, text: str) -> list[Passage]:
    """The passages of a document. A heading or a list goes with what follows it; page numbers and rules are left out."""
    found: list[Passage] = []
    for paragraph in _BLANK_LINE.split(text):
        taken: list[str] = []
        for sentence in sentences(paragraph):
            if taken and sum(map(len, taken)) + len(sentence) > MAX_PASSAGE_CHARS:
                found.append(Passage(document, " ".join(taken)))
                taken = []
            taken.append(sentence)
        if taken:
            found.append(Passage(document, " ".join(taken)))
    return [passage for passage in found if len(_LETTER.findall(passage.text)) >= MIN_PASSAGE_LETTERS]


def _shortened(sentence: str) -> list[str]:
    """A sentence without end (a table, a text without full stops) in pieces that end at a comma or a space."""
    pieces = []
    while len(sentence) > MAX_SENTENCE_CHARS:
        head = sentence[:MAX_SENTENCE_CHARS]
        cut = max(head.rfind(mark) + 1 for mark in (", ", "، ", "; ", "؛ ", ": "))
        if cut < MAX_SENTENCE_CHARS // 2:
            cut = head.rfind(" ") + 1 or MAX_SENTENCE_CHARS
        pieces.append(sentence[:cut].strip())
        sentence = sentence[cut:].strip()
    return [*pieces, sentence]
