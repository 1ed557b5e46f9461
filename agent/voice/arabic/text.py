"""Arabic text as it is said: words for numbers, dates, times, prices, signs and abbreviations.

Knows no more grammar than a number's agreement with the noun after it; a noun's gender is guessed by its ending.
"""

import re
from collections.abc import Callable
from typing import Final

from agent.voice.arabic.numbers import cardinal, decimal, digits, ordinal

_EASTERN_DIGITS: Final = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬٪", "01234567890123456789.,%")
_MONTHS: Final = [
    "-",
    "يناير",
    "فبراير",
    "مارس",
    "أبريل",
    "مايو",
    "يونيو",
    "يوليو",
    "أغسطس",
    "سبتمبر",
    "أكتوبر",
    "نوفمبر",
    "ديسمبر",
]
_MONTH: Final = (
    "يناير|فبراير|مارس|أبريل|إبريل|ابريل|مايو|يونيو|يوليو|أغسطس|اغسطس|سبتمبر|أكتوبر|اكتوبر|نوفمبر|ديسمبر|محرم|صفر|رجب|"
    "شعبان|رمضان|شوال|ذي القعدة|ذي الحجة|ربيع الأول|ربيع الآخر|جمادى الأولى|جمادى الآخرة"
)
_FEMININE_PLURALS: Final = frozenset(
    ["دقائق", "ثوان", "ثواني", "غرف", "صور", "قطع", "تذاكر", "مدن", "دول", "نسخ", "نوافذ", "ليال"]
)
_MASCULINE_IN_AT: Final = frozenset(
    ["ريالات", "دولارات", "كيلومترات", "حيوانات", "مترات", "كيلوغرامات", "اختبارات", "مطارات"]
)
_CURRENCIES: Final = {  # one, two, three to ten, eleven and more
    "$": ("دولار", "دولارين", "دولارات", "دولارا"),
    "€": ("يورو", "يورو", "يورو", "يورو"),
    "£": ("جنيه", "جنيهين", "جنيهات", "جنيها"),
    "ر.س": ("ريال", "ريالين", "ريالات", "ريالا"),
    "ريال": ("ريال", "ريالين", "ريالات", "ريالا"),
    "SAR": ("ريال", "ريالين", "ريالات", "ريالا"),
    "AED": ("درهم", "درهمين", "دراهم", "درهما"),
    "د.إ": ("درهم", "درهمين", "دراهم", "درهما"),
    "ج.م": ("جنيه", "جنيهين", "جنيهات", "جنيها"),
}
_UNITS: Final = {
    "كم": ("كيلومتر", "كيلومترين", "كيلومترات", "كيلومترا"),
    "km": ("كيلومتر", "كيلومترين", "كيلومترات", "كيلومترا"),
    "كغ": ("كيلوغرام", "كيلوغرامين", "كيلوغرامات", "كيلوغراما"),
    "كجم": ("كيلوغرام", "كيلوغرامين", "كيلوغرامات", "كيلوغراما"),
    "kg": ("كيلوغرام", "كيلوغرامين", "كيلوغرامات", "كيلوغراما"),
    "سم": ("سنتيمتر", "سنتيمترين", "سنتيمترات", "سنتيمترا"),
    "cm": ("سنتيمتر", "سنتيمترين", "سنتيمترات", "سنتيمترا"),
    "m": ("متر", "مترين", "أمتار", "مترا"),
}
_ABBREVIATIONS: Final = (
    (re.compile(r"(?<!\w)ق\.?\s?م\.?(?!\w)"), "قبل الميلاد"),
    (re.compile(r"(?<=\d)\s?(?:هـ|ه)(?!\w)"), " للهجرة"),
    (re.compile(r"(?<=\d{3})\s?م(?![\w.])"), " للميلاد"),
    (re.compile(r"(?<!\w)د\.\s?(?=\w)"), "الدكتور "),
    (re.compile(r"(?<!\w)أ\.\s?(?=\w)"), "الأستاذ "),
    (re.compile(r"(?<!\w)م\.\s?(?=[^\W\d])"), "المهندس "),
    (re.compile(r"(?<!\w)(?:إلخ|الخ)\.?(?!\w)"), "إلى آخره"),
    (re.compile(r"(?<!\w)ص\.?\s?ب\.?(?!\w)"), "صندوق بريد"),
    (re.compile(r"(?<!\w)ت:\s?(?=[+\d])"), "هاتف: "),
)
_SIGNS: Final = {"&": " و", "+": " زائد ", "=": " يساوي ", "@": " آت ", "#": " رقم ", "°": " درجة "}
_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_CURRENCY: Final = "|".join(sorted(map(re.escape, _CURRENCIES), key=len, reverse=True))
_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_TIME: Final = r"(\d{1,2}):(\d{2})(?::\d{2})?\s?(صباحا|مساء|صباحًا|مساءً|ظهرا|ص(?!\w)|م(?!\w)|[ap]\.?m\.?(?!\w))?"


def spoken(text: str) -> str:
    """The text in words. Latin words stay as they are, with the digits that stand between them."""
    text = text.translate(_EASTERN_DIGITS)
    for pattern, words in _RULES:
        text = pattern.sub(words, text)
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return re.sub(r"\s+", " ", text).strip()


def counted(number: int, forms: tuple[str, str, str, str]) -> str:
    """A number with a masculine noun in the form that goes with it: one, two, few, many."""
    if number == 1:
        return f"{forms[0]} واحد"
    if number == 2:
        return forms[1]
    last = number % 100
    return f"{cardinal(number)} {forms[2] if 3 <= last <= 10 else forms[3] if last > 10 else forms[0]}"


def _phone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    if len(groups) == 1 and len(groups[0]) > 6:
        groups = [groups[0][at : at + 3] for at in range(0, len(groups[0]), 3)]
    return ("زائد " if found[0].startswith("+") else "") + "، ".join(digits(group) for group in groups)


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour > 24 or minute > 59:
        return f"{cardinal(hour)} و{cardinal(minute)}"
    part = (found[3] or "").rstrip()
    if part.startswith(("ص", "a")):
        part = "صباحا"
    elif part in ("م", "مساء", "مساءً") or part.startswith("p") or hour > 12:
        part = "مساء"
    words = ordinal((hour - 1) % 12 + 1, feminine=True)
    if minute == 15:
        words += " والربع"
    elif minute == 30:
        words += " والنصف"
    elif minute:
        noun = "دقائق" if 3 <= minute <= 10 else "دقيقة"
        words += f" و{cardinal(minute, feminine=True)} {noun}"
    return f"{words} {part}".strip() + " "


def _hour(found: re.Match[str]) -> str:
    hour = int(found[2])
    return f"{found[1]} {ordinal((hour - 1) % 12 + 1, feminine=True)}" if 1 <= hour <= 24 else found[0]


def _iso_date(found: re.Match[str]) -> str:
    return _date(int(found[3]), int(found[2]), found[1]) or found[0]


def _day_first_date(found: re.Match[str]) -> str:
    day, month = int(found[1]), int(found[2])
    if month > 12 >= day:
        day, month = month, day
    return _date(day, month, found[3]) or found[0]


def _date(day: int, month: int, year: str) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{ordinal(day)} من {_MONTHS[month]} {cardinal(int(year))}"


def _day_of_month(found: re.Match[str]) -> str:
    day = int(found[1])
    return f"{ordinal(day)} من {found[2]}" if 1 <= day <= 31 else found[0]


def _amount(number: str, forms: tuple[str, str, str, str], part: str) -> str:
    whole, _, fraction = number.replace(",", "").partition(".")
    words = counted(int(whole), forms)
    if fraction.rstrip("0"):
        words += f" و{cardinal(int(fraction.ljust(2, '0')[:2]))} {part}"
    return words


_PARTS: Final = {"$": "سنتا", "€": "سنتا", "£": "قرشا", "ج.م": "قرشا", "AED": "فلسا", "د.إ": "فلسا"}


def _price(sign: str, number: str) -> str:
    return _amount(number, _CURRENCIES[sign], _PARTS.get(sign, "هللة"))


def _measure(found: re.Match[str]) -> str:
    number, forms = found[1].replace(",", ""), _UNITS[found[2]]
    return f"{_plain(number)} {forms[0]}" if "." in number else counted(int(number), forms)


def _plain(number: str) -> str:
    whole, _, fraction = number.replace(",", "").partition(".")
    return decimal(whole, fraction) if fraction else cardinal(int(whole))


def _number_with_noun(found: re.Match[str]) -> str:
    number, noun = found[1], found[2]
    if "." in number:
        return f"{_plain(number)} {noun}"
    return f"{cardinal(int(number.replace(',', '')), feminine=_is_feminine(noun))} {noun}"


def _is_feminine(noun: str) -> bool:
    if noun in _MASCULINE_IN_AT:
        return False
    return noun in _FEMININE_PLURALS or noun.endswith(("ة", "ات"))


Words = Callable[[re.Match[str]], str]
_RULES: Final[tuple[tuple[re.Pattern[str], str | Words], ...]] = (
    (re.compile(r"(?<![\w.])\+\d[\d\s-]{6,18}\d(?!\w)"), _phone),
    (re.compile(r"(?<![\w.])0\d(?:[\s-]?\d){5,10}(?![\w.])"), _phone),
    (re.compile(r"(?<![\d/-])(\d{4})-(\d{2})-(\d{2})(?![\d/-])"), _iso_date),
    (re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})/(\d{4})(?![\d/])"), _day_first_date),
    (re.compile(rf"(?<=\d)\s?[-–]\s?(?={_TIME}|\d)"), " إلى "),
    (re.compile(_TIME), _clock),
    (re.compile(r"(الساعة)\s(\d{1,2})(?![\d:.,%])"), _hour),
    *_ABBREVIATIONS,
    (re.compile(rf"(?<!\d)(\d{{1,2}})\s(?:من\s)?(?:شهر\s)?({_MONTH})(?!\w)"), _day_of_month),
    (
        re.compile(r"(ال)?(قرن|طابق|دور)\s(\d{1,2})(?![\d:.,%])"),
        lambda found: f"ال{found[2]} {ordinal(int(found[3]))}",
    ),
    (re.compile(rf"({_CURRENCY})\s?({_NUMBER})(?!\d)"), lambda found: _price(found[1], found[2])),
    (re.compile(rf"({_NUMBER})\s?({_CURRENCY})(?!\w)"), lambda found: _price(found[2], found[1])),
    (re.compile(rf"({_NUMBER})\s?%|%\s?({_NUMBER})"), lambda found: f"{_plain(found[1] or found[2])} في المئة"),
    (re.compile(rf"(?<![A-Za-z])({_NUMBER})\s?({_UNIT})(?!\w)"), _measure),
    (re.compile(r"(\d)/(\d)(?!\d)"), lambda found: f"{cardinal(int(found[1]))} على {cardinal(int(found[2]))}"),
    (re.compile(r"(سنة)\s(\d{3,4})(?![\d:.,%])"), lambda found: f"{found[1]} {cardinal(int(found[2]), feminine=True)}"),
    (re.compile(rf"(?<![A-Za-z\d.])({_NUMBER})\s([ء-ي]+)"), _number_with_noun),
    (re.compile(rf"(?<![A-Za-z\d.])(?<![A-Za-z]\s)({_NUMBER})(?![\w]*[A-Za-z])"), lambda found: _plain(found[1])),
)
