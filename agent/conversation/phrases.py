"""The avatar's own phrases (`phrases.toml`)."""

import functools
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("phrases.toml")
_MARKS: Final = re.compile(r"[^\w\s]|ـ")
_ONE_LETTER: Final = str.maketrans("أإآىة", "ااايه")
MOST_WORDS: Final = 6  # a goodbye with a name or a thank-you around it; more says something else


@dataclass(frozen=True)
class Phrases:
    """Of one language."""

    silence: str
    too_long: str
    too_fast: str
    goodbye: tuple[str, ...]
    thanks: tuple[str, ...]


@functools.cache
def _data() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text())


def silence_after_s() -> float:
    return float(_data()["silence"]["after_s"])


def silence_prompts() -> int:
    """How many times in a row silence is broken."""
    return int(_data()["silence"]["most"])


@functools.cache
def phrases(language: str) -> Phrases:
    """Of the language, or English."""
    texts = _data().get(language, _data()["en"])
    goodbye, thanks = (tuple(map(_bare, texts[name])) for name in ("goodbye", "thanks"))
    return Phrases(texts["silence"], texts["too_long"], texts["too_fast"], goodbye, thanks)


def language_of(text: str) -> str:
    """Arabic where most letters are; else English."""
    letters = [letter for letter in text if letter.isalpha()]
    arabic = sum("\u0600" <= letter <= "\u06ff" for letter in letters)
    return "ar" if arabic * 2 > len(letters) else "en"


def is_goodbye(text: str) -> bool:
    """Whether the text takes leave and asks nothing."""
    known = phrases(language_of(text))
    return "?" not in text and "؟" not in text and _ends_with(text, known.goodbye)


def is_thanks(text: str) -> bool:
    bare = _bare(text)
    return any(f" {bare} ".find(f" {phrase} ") >= 0 for phrase in phrases(language_of(text)).thanks)


def _ends_with(text: str, known: tuple[str, ...]) -> bool:
    bare = _bare(text)
    return len(bare.split()) <= MOST_WORDS and any(
        bare == phrase or bare.endswith(f" {phrase}") or bare.startswith(f"{phrase} ") for phrase in known
    )


def _bare(text: str) -> str:
    """Lower case, without marks, diacritics and the letters that are written now this way, now that."""
    letters = (each for each in unicodedata.normalize("NFKD", text.lower().translate(_ONE_LETTER)))
    return " ".join(_MARKS.sub(" ", "".join(each for each in letters if not unicodedata.combining(each))).split())
