"""English text as it is said, where hibari's own reading of numbers, dates and abbreviations falls short."""

import re
from collections.abc import Callable
from typing import Final

_DIGITS: Final = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_DAYS: Final = {
    day[:3]: day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
} | {"Tues": "Tuesday", "Thurs": "Thursday"}
_DAY: Final = "|".join(sorted(_DAYS, key=len, reverse=True))
_CURRENCIES: Final = {
    "SAR": ("Saudi riyal", "Saudi riyals"),
    "AED": ("dirham", "dirhams"),
    "QAR": ("Qatari riyal", "Qatari riyals"),
    "KWD": ("Kuwaiti dinar", "Kuwaiti dinars"),
    "EGP": ("Egyptian pound", "Egyptian pounds"),
}
_CURRENCY: Final = "|".join(_CURRENCIES)
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_CLOCK: Final = r"\d{1,2}(?::\d{2})?\s?(?:[ap]\.?m\.?)?"
_NO_WORDS: Final = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u200d\ufe0f*_`|•●◦→]+")
_ADDRESS: Final = re.compile(
    r"(?:https?://|www\.)[^\s,;!?()]+[^\s,;!?().]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|sa|ae|eg|edu|gov|io)\b(?:/[\w/-]+)?",
    re.IGNORECASE,
)
_ADDRESS_SIGNS: Final = {".": "dot", "@": "at", "/": "slash", "-": "dash", "_": "underscore", "+": "plus", ":": "colon"}


def spoken(text: str) -> str:
    """The text with words for what would be misread. Emoji and marks of layout are not said."""
    text = _ADDRESS.sub(_address, _NO_WORDS.sub(" ", text))
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    return re.sub(r"\s+", " ", text).strip()


def _address(found: re.Match[str]) -> str:
    """ "info@museum.org" as "info at museum dot org"."""
    plain = re.sub(r"^https?://(?:www\.)?|^www\.", "", found[0], flags=re.IGNORECASE).rstrip("/")
    return " ".join(_ADDRESS_SIGNS.get(part, part) for part in re.split(r"([.@/_+:-])", plain) if part)


def _phone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    if len(groups) == 1 and len(groups[0]) > 6:
        groups = [groups[0][at : at + 3] for at in range(0, len(groups[0]), 3)]
    plus = "plus " if found[0].startswith("+") else ""
    return plus + ", ".join(" ".join(_DIGITS[int(digit)] for digit in group) for group in groups)


def _price(sign: str, number: str) -> str:
    one, many = _CURRENCIES[sign]
    return f"{number} {one if number == '1' else many}"


def _half_day(found: re.Match[str]) -> str:
    return f"{found[1]} {found[2].upper()}.M."


Words = Callable[[re.Match[str]], str]
_RULES: Final[tuple[tuple[re.Pattern[str], str | Words], ...]] = (
    (re.compile(r"(?<![\w.])\+\d[\d\s-]{6,18}\d(?!\w)"), _phone),
    (re.compile(r"(?<![\w.,])0\d(?:[\s-]?\d){6,10}(?![\w.])"), _phone),
    (re.compile(rf"({_CLOCK})\s?[-–]\s?(?={_CLOCK}(?!\d))(?=\d{{1,2}}(?::|\s?[ap]\.?m))", re.IGNORECASE), r"\1 to "),
    (re.compile(r"(?<![\w:])(\d{1,2})\s?([ap])\.?m\b\.?", re.IGNORECASE), _half_day),
    (re.compile(rf"\b({_DAY})\.?\s?[-–]\s?({_DAY})\b\.?"), lambda found: f"{_DAYS[found[1]]} to {_DAYS[found[2]]}"),
    (re.compile(r"\b24/7\b"), "twenty-four seven"),
    (re.compile(rf"\b({_CURRENCY})\s?({_NUMBER})(?!\d)"), lambda found: _price(found[1], found[2])),
    (re.compile(rf"(?<![\w.])({_NUMBER})\s?({_CURRENCY})\b"), lambda found: _price(found[2], found[1])),
    (re.compile(r"(?<![\w.])1/2\s?(?:km\b|kilometers?\b)"), "half a kilometer"),
    (re.compile(r"(?<!\w)(?:c|ca)\.\s?(?=\d)"), "around "),
    (re.compile(r"(?<![\w~])~\s?(?=\d)"), "about "),
    (re.compile(rf"(?<![\w.])({_NUMBER})\s?m(?=[\s,.;!?)]|$)"), lambda found: f"{found[1]} meters"),
    (re.compile(rf"(?<![\w.])({_NUMBER})\s?(?:m2|m²)(?!\w)"), lambda found: f"{found[1]} square meters"),
    (re.compile(r"\bmin\.\s?(?=\d)"), "minimum "),
    (re.compile(r"\bmax\.\s?(?=\d)"), "maximum "),
    (re.compile(r"\bTel\b\.?:?\s?(?=\+|zero|\d|plus)"), "telephone: "),
    (re.compile(r"\b(?:OK|ok|Ok)\b"), "okay"),
    (re.compile(r"\bA\.?D\.?\s(?=\d)|(?<=\d\s)A\.?D\b\.?"), "A.D. "),
)
