"""A text cut into sentences, also while it is still being written; each sentence into runs of one script."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

LONGEST_CHARS: Final = 280  # a longer sentence is cut where it has a comma, or else a space
_END: Final = re.compile(r"(?:(?<=[.!?…])|(?<=[؟۔]))[\"”’»)\]]*\s+(?=\S)|\n+")
_COMMA: Final = re.compile(r"(?<=[,;:—،؛])\s+")
_TITLES: Final = frozenset(
    [
        "Mr",
        "Mrs",
        "Ms",
        "Dr",
        "Prof",
        "St",
        "Sr",
        "Jr",
        "Rev",
        "Hon",
        "Gen",
        "Col",
        "Capt",
        "Lt",
        "Sgt",
        "vs",
        "etc",
        "e.g",
        "i.e",
        "No",
        "Nos",
        "approx",
        "c",
        "ca",
        "min",
        "max",
        "Tel",
        "pp",
    ]
)
_ARABIC: Final = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_LATIN: Final = re.compile("[A-Za-z\u00c0-\u024f]")


class Script(StrEnum):
    LATIN = "latin"
    ARABIC = "arabic"


class Run(NamedTuple):
    """Words of one script, with the digits and signs that go with them."""

    script: Script
    text: str


class SentenceCutter:
    """Takes a text piece by piece and gives each sentence as soon as the next one has begun."""

    def __init__(self) -> None:
        self._rest = ""

    def push(self, text: str) -> list[str]:
        """The sentences that `text` completes."""
        self._rest += text
        cut = 0
        done: list[str] = []
        for end in _END.finditer(self._rest):
            if "\n" in end[0] or _ends(self._rest, end):
                done.append(self._rest[cut : end.end()].strip())
                cut = end.end()
        self._rest = self._rest[cut:]
        return [part for sentence in done if sentence for part in _of_speakable_length(sentence)]

    def flush(self) -> list[str]:
        """What is left."""
        rest, self._rest = self._rest.strip(), ""
        return list(_of_speakable_length(rest)) if rest else []


def sentences(text: str) -> list[str]:
    cutter = SentenceCutter()
    return [*cutter.push(text), *cutter.flush()]


def runs(sentence: str, default: Script = Script.LATIN) -> list[Run]:
    """The sentence as runs of one script, in order. What has letters of neither is read in the neighbour's, or `default`."""
    found: list[tuple[Script | None, str]] = [(_script(word), word) for word in sentence.split()]
    known = [script for script, _ in found if script is not None]
    current = known[0] if known else default
    result: list[tuple[Script, list[str]]] = []
    for script, word in found:
        current = script or current
        if result and result[-1][0] is current:
            result[-1][1].append(word)
        else:
            result.append((current, [word]))
    return [Run(script, " ".join(words)) for script, words in result]


def _script(word: str) -> Script | None:
    arabic, latin = _ARABIC.search(word), _LATIN.search(word)
    if arabic and latin:
        return Script.ARABIC if len(_ARABIC.findall(word)) >= len(_LATIN.findall(word)) else Script.LATIN
    if arabic and any(character.isalpha() for character in word):
        return Script.ARABIC
    return Script.LATIN if latin else None


def _ends(text: str, end: re.Match[str]) -> bool:
    """Not after a title or an initial, and not before a small letter."""
    following = text[end.end()]
    if following.islower():
        return False
    before = text[: end.start()]
    if not before.endswith("."):
        return True
    word = before[before.rfind(" ") + 1 : -1].lstrip("(\"“'‘«")
    return not (word in _TITLES or (len(word) == 1 and word.isalpha()))


def _of_speakable_length(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST_CHARS:
        commas = [comma.end() for comma in _COMMA.finditer(sentence, 0, LONGEST_CHARS)]
        cut = commas[-1] if commas else sentence.rfind(" ", 0, LONGEST_CHARS) + 1 or LONGEST_CHARS
        yield sentence[:cut].strip()
        sentence = sentence[cut:]
    if sentence.strip():
        yield sentence.strip()
