"""Words of questions and texts, reduced to what can be compared: case, diacritics, spelling variants, endings, clitics."""

import functools
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Final

from protocol.jobspec import Language

_WORD: Final = re.compile(r"[^\W_]+")
_ARABIC: Final = re.compile(r"[\u0600-\u06ff]")
_LATIN: Final = re.compile(r"[A-Za-z]")
_DIACRITICS: Final = re.compile(r"[\u0610-\u061a\u064b-\u065f\u0670\u0640]")
_SPELLINGS: Final = str.maketrans("أإآٱىةؤئ", "اااايهوي")

_IRREGULAR: Final = {
    "children": "child",
    "kids": "child",
    "kid": "child",
    "men": "man",
    "women": "woman",
    "feet": "foot",
}
_ENGLISH_ENDINGS: Final = (
    ("ies", "y"),
    ("sses", "ss"),
    ("ing", ""),
    ("ed", ""),
    ("es", ""),
    ("s", ""),
    ("ly", ""),
    ("er", ""),
)
_ARABIC_PREFIXES: Final = ("وال", "بال", "كال", "فال", "لل", "ال")
_ARABIC_ENDINGS: Final = ("ها", "هم", "نا", "كم", "ات", "ون", "ين", "ان", "يه", "ني", "ه", "ي", "ا", "ت")


def language_of(text: str, default: Language) -> Language:
    """The language that most letters of a text are of; `default` where it has none, or as many of both."""
    arabic, latin = len(_ARABIC.findall(text)), len(_LATIN.findall(text))
    if arabic == latin:
        return default
    return "ar" if arabic > latin else "en"


def plain(text: str) -> str:
    """A text without diacritics, emoji and doubled spaces: what sentence vectors are made of."""
    text = _DIACRITICS.sub("", unicodedata.normalize("NFKC", text)).replace("’", "'")
    kept = "".join(
        " " if unicodedata.category(each) in {"So", "Sk", "Cf", "Cc", "Cs", "Co", "Mn"} else each for each in text
    )
    return " ".join(kept.split())


def folded(text: str) -> str:
    """A text as letters and digits only, in one spelling: equal for two texts that are the same to an ear."""
    return " ".join(_fold(word) for word in _WORD.findall(plain(text).lower().replace("'", "")))


def words(text: str) -> list[tuple[str, bool]]:
    """Stems of a text's words in order, each with whether it is a word that says little by itself."""
    bare = plain(text).lower().replace("'s ", " ").replace("'", " ")
    return [_stem(word) for word in _WORD.findall(bare)]


def stem(word: str) -> str:
    """The stem of one word."""
    return _stem(plain(word).lower())[0]


def _fold(word: str) -> str:
    return word.translate(_SPELLINGS) if _ARABIC.match(word) else word


@functools.cache
def _little_words() -> frozenset[str]:
    table = tomllib.loads((Path(__file__).parent / "concepts.toml").read_text())["little_words"]
    return frozenset(_fold(word) for text in table.values() for word in text.split())


@functools.lru_cache(maxsize=50_000)
def _stem(word: str) -> tuple[str, bool]:
    word = _fold(word)
    if _ARABIC.match(word):
        bare = word[1:] if word[0] in "وف" else word
        return _arabic_stem(word), len(word) < 2 or not _little_words().isdisjoint((word, bare))
    return _english_stem(word), word in _little_words()


def _english_stem(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    for ending, instead in _ENGLISH_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not (ending == "s" and word.endswith("ss")):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lse":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def _arabic_stem(word: str) -> str:
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= 3:
            word = word[len(prefix) :]
            break
    else:
        if len(word) >= 5 and word[0] in "وبفل":
            word = word[1:]
    for ending in _ARABIC_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
