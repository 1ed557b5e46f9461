"""Arabic number words: cardinals that agree with what they count, ordinals, digits one by one.

The oblique case throughout ("-iin", "mi'atayn"), which is what is said in speech.
"""

from typing import Final

MOST: Final = 10**12 - 1
_OF_MASCULINE: Final = (  # the form that counts masculine nouns, and that numbers without a noun have
    ["صفر", "واحد", "اثنين", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة", "عشرة"]
)
_OF_FEMININE: Final = ["صفر", "واحدة", "اثنتين", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثماني", "تسع", "عشر"]
_TENS: Final = ["-", "عشرة", "عشرين", "ثلاثين", "أربعين", "خمسين", "ستين", "سبعين", "ثمانين", "تسعين"]
_HUNDREDS: Final = ["-", "مئة", "مئتين", "ثلاثمئة", "أربعمئة", "خمسمئة", "ستمئة", "سبعمئة", "ثمانمئة", "تسعمئة"]
_SCALES: Final = (  # one, two, three to ten, eleven and more
    (10**9, ("مليار", "مليارين", "مليارات", "مليارا")),
    (10**6, ("مليون", "مليونين", "ملايين", "مليونا")),
    (10**3, ("ألف", "ألفين", "آلاف", "ألفا")),
)
_ORDINALS: Final = [
    "-",
    "الأول",
    "الثاني",
    "الثالث",
    "الرابع",
    "الخامس",
    "السادس",
    "السابع",
    "الثامن",
    "التاسع",
    "العاشر",
]
_ORDINALS_OF_FEMININE: Final = [
    "-",
    "الأولى",
    "الثانية",
    "الثالثة",
    "الرابعة",
    "الخامسة",
    "السادسة",
    "السابعة",
    "الثامنة",
    "التاسعة",
    "العاشرة",
]


def cardinal(number: int, *, feminine: bool = False) -> str:
    """A number up to `MOST` in words; `feminine`: what it counts is. Larger ones are read digit by digit."""
    if number < 0:
        return f"سالب {cardinal(-number, feminine=feminine)}"
    if number > MOST:
        return digits(str(number))
    if number == 0:
        return _OF_MASCULINE[0]
    parts = []
    for scale, (one, two, few, many) in _SCALES:
        count, number = divmod(number, scale)
        if count == 1:
            parts.append(one)
        elif count == 2:
            parts.append(two)
        elif count:
            noun = few if 3 <= count % 100 <= 10 else many if count % 100 > 10 else one
            parts.append(f"{_below_thousand(count, feminine=False)} {noun}")
    if number:
        parts.append(_below_thousand(number, feminine=feminine))
    return " و".join(parts)


def ordinal(number: int, *, feminine: bool = False) -> str:
    """ "the third", 1 to 99; others as "number ..."."""
    first = _ORDINALS_OF_FEMININE if feminine else _ORDINALS
    if 1 <= number <= 10:
        return first[number]
    if 11 <= number <= 19:
        unit = ("الحادية" if feminine else "الحادي") if number == 11 else first[number - 10]
        return f"{unit} {'عشرة' if feminine else 'عشر'}"
    if 20 <= number <= 99:
        tens, ones = divmod(number, 10)
        if not ones:
            return f"ال{_TENS[tens]}"
        name = ("الحادية" if feminine else "الحادي") if ones == 1 else first[ones]
        return f"{name} وال{_TENS[tens]}"
    return f"رقم {cardinal(number)}"


def digits(text: str) -> str:
    """Each digit by itself."""
    return " ".join(_OF_MASCULINE[int(digit)] for digit in text if digit.isdecimal())


def decimal(whole: str, fraction: str) -> str:
    """ "three point one four": the fraction as a number where it is short, else digit by digit."""
    after = digits(fraction) if len(fraction) > 2 or fraction.startswith("0") else cardinal(int(fraction))
    return f"{cardinal(int(whole))} فاصلة {after}"


def _below_thousand(number: int, *, feminine: bool) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [_HUNDREDS[hundreds]] if hundreds else []
    if rest:
        parts.append(_below_hundred(rest, feminine=feminine))
    return " و".join(parts)


def _below_hundred(number: int, *, feminine: bool) -> str:
    units = _OF_FEMININE if feminine else _OF_MASCULINE
    if number <= 10:
        return units[number]
    tens, unit = divmod(number, 10)
    if number < 20:
        ten = "عشرة" if feminine else "عشر"
        if unit == 1:
            return f"{'إحدى' if feminine else 'أحد'} {ten}"
        if unit == 2:
            return f"{'اثنتي' if feminine else 'اثني'} {ten}"
        return f"{units[unit]} {ten}"
    if not unit:
        return _TENS[tens]
    name = ("إحدى" if feminine else "واحد") if unit == 1 else units[unit]
    return f"{name} و{_TENS[tens]}"
