"""Vowelled Arabic to phonemes, in espeak-ng's notation for its Arabic voice.

espeak-ng's own rules read each word alone: the article's vowel is spoken after another vowel ("fii al" for "fil"), long
vowels come out short, case endings are heard before a pause, and "Allah" and the words with an unwritten long a are
wrong. Vowelled spelling is regular, so it is read here: words are joined as in connected speech and end as before a pause.
"""

import itertools
import re
from dataclasses import dataclass
from typing import Final

FATHA, DAMMA, KASRA, SUKUN, SHADDA, DAGGER = "\u064e\u064f\u0650\u0652\u0651\u0670"
FATHATAN, DAMMATAN, KASRATAN = "\u064b\u064c\u064d"
MARKS: Final = frozenset(FATHA + DAMMA + KASRA + SUKUN + SHADDA + DAGGER + FATHATAN + DAMMATAN + KASRATAN)

_CONSONANTS: Final = {
    **dict.fromkeys("ءأؤئإ", "?"),
    "ب": "b",
    "ت": "t",
    "ث": "T",
    "ج": "dZ",
    "ح": "H",
    "خ": "X",
    "د": "d",
    "ذ": "D",
    "ر": "R",
    "ز": "z",
    "س": "s",
    "ش": "S",
    "ص": "s[",
    "ض": "dH",
    "ط": "t[",
    "ظ": "Z",
    "ع": "A",
    "غ": "Q",
    "ف": "f",
    "ق": "q",
    "ك": "k",
    "ل": "l",
    "م": "m",
    "ن": "n",
    "ه": "h",
    "و": "w",
    "ي": "j",
    "ة": "t",
    "پ": "p",
    "چ": "tS",
    "ڤ": "v",
    "گ": "g",
    "ڨ": "g",
    "ژ": "Z",
}
_VOWELS: Final = {FATHA: "a", DAMMA: "u", KASRA: "i", DAGGER: "a:"}
_TANWIN: Final = {FATHATAN: "a", DAMMATAN: "u", KASRATAN: "i"}
_EMPHATIC: Final = frozenset({"s[", "dH", "t[", "Z"})
_SUN_LETTERS: Final = frozenset("تثدذرزسشصضطظلن")
_PREFIXES: Final = "وفبكل"
# After what a long a is spoken though it is not written, and what is written and not spoken.
_LONG_A_AFTER: Final = re.compile(
    "^[وفبكل]?ه(?=ذا|ذه|ذان|ذين|ؤلاء|كذا)|^[وفبكل]?ذ(?=لك)|^[وف]?ل(?=كن)|(?<=أول)(?=ئك)|^[وفبكل]?(?:ال)?رحم(?=ن)|^[وفبكل]?إل(?=ه)"
)
_SILENT: Final = re.compile("(?<=^أ)و(?=لئك)|(?<=^[وفبكل]أ)و(?=لئك)|(?<=م)ا(?=ئة|ئت)")
_LETTERS: Final = frozenset({*_CONSONANTS, *"اىآٱ"})


@dataclass
class _Letter:
    """A letter with its marks."""

    base: str
    vowel: str = ""  # one of the short vowels, tanwin, sukun, or nothing
    doubled: bool = False


def phonemes_of(words: list[str]) -> list[list[str]]:
    """Phonemes of the vowelled words between two pauses, word by word; a word may take up its neighbour's article.

    A stressed vowel has "'" before it. What has no Arabic letter gives an empty list.
    """
    spoken = [_word(word, pause=number == len(words) - 1) for number, word in enumerate(words)]
    for before, after in itertools.pairwise(spoken):
        _join(before, after)
    return [_stressed(word.phonemes) for word in spoken]


@dataclass
class _Spoken:
    phonemes: list[str]
    starts_loose: bool  # its first "?" and vowel are heard only after a pause (hamzat wasl)


def _join(before: _Spoken, after: _Spoken) -> None:
    """Connected speech: the loose beginning goes, and a long vowel before it is short."""
    if not before.phonemes or not after.starts_loose or len(after.phonemes) < 3:
        return
    if _is_vowel(before.phonemes[-1]):
        before.phonemes[-1] = before.phonemes[-1].removesuffix(":")
        del after.phonemes[:2]
        if before.phonemes[-1] == "i" and after.phonemes[:3] == ["l", "l", "a.:"]:
            after.phonemes[2] = "a:"  # Allah after "i"
    else:
        del after.phonemes[0]
        before.phonemes.append("i")
        del after.phonemes[0]
    if len(after.phonemes) > 1 and not _is_vowel(after.phonemes[1]):
        before.phonemes.append(after.phonemes.pop(0))  # "fil mathaf": no word begins with two consonants


def _word(word: str, *, pause: bool) -> _Spoken:
    letters = _letters(word)
    loose = bool(letters) and letters[0].base in "اٱ"
    return _Spoken(_read(letters, pause=pause), loose)


def _letters(word: str) -> list[_Letter]:
    letters: list[_Letter] = []
    for character in word:
        if character in _LETTERS:
            letters.append(_Letter(character))
        elif not letters or character not in MARKS:
            continue
        elif character == SHADDA:
            letters[-1].doubled = True
        else:
            letters[-1].vowel = letters[-1].vowel or character
    return _with_unwritten(letters)


def _with_unwritten(letters: list[_Letter]) -> list[_Letter]:
    plain = "".join(letter.base for letter in letters)
    if long_a := _LONG_A_AFTER.search(plain):
        letters[long_a.end() - 1].vowel = FATHA
        letters = [*letters[: long_a.end()], _Letter("ا"), *letters[long_a.end() :]]
    elif silent := _SILENT.search(plain):
        letters = letters[: silent.start()] + letters[silent.end() :]
    return letters


def _read(letters: list[_Letter], *, pause: bool) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(letters):
        at = _article(letters, at, out) or _god(letters, at, out) or _letter(letters, at, out, pause=pause)
    if pause and out:
        _pausal(letters, out)
    return out


def _article(letters: list[_Letter], at: int, out: list[str]) -> int:
    """Reads "al-" at the start of a word or after a one-letter prefix; the index after it, or 0."""
    if at + 2 >= len(letters) or letters[at].base not in "اٱ" or letters[at + 1].base != "ل":
        return 0
    lam, following = letters[at + 1], letters[at + 2]
    prefixed = at > 0
    if prefixed and not (at <= 2 and all(letter.base in _PREFIXES for letter in letters[:at])):
        return 0
    if lam.vowel not in ("", SUKUN) and not (lam.doubled and not prefixed):
        return 0
    if lam.vowel in ("", SUKUN) and following.base in "اوي" and following.vowel == "" and not following.doubled:
        return 0  # "waalii": the lam carries the long vowel
    if not prefixed:
        out += ["?", "a"]
    if lam.doubled:  # alladhii
        return at + 1
    if following.base == "ل" and following.doubled and _spells_god(letters, at + 1):
        return at + 1
    if following.base in _SUN_LETTERS:
        following.doubled = True
    else:
        out.append("l")
    return at + 2


def _spells_god(letters: list[_Letter], at: int) -> bool:
    return [letter.base for letter in letters[at : at + 3]] == ["ل", "ل", "ه"] and at + 3 >= len(letters)


def _god(letters: list[_Letter], at: int, out: list[str]) -> int:
    """Reads the "llaah" of Allah."""
    if not _spells_god(letters, at):
        return 0
    out += ["l", "l", "a:" if out and out[-1] == "i" else "a.:", "h"]
    _vowel(letters[at + 2], out, pause=False)
    return at + 3


def _letter(letters: list[_Letter], at: int, out: list[str], *, pause: bool) -> int:
    letter = letters[at]
    before = letters[at - 1] if at else None
    last = at == len(letters) - 1
    if letter.base in "اٱ":
        if at == 0:
            out += ["?", _VOWELS.get(letter.vowel, "i")]
        elif before is not None and before.base == "و" and last and out and out[-1] in ("u:", "w"):
            pass  # the silent alif of "katabuu"
        elif letter.vowel == FATHATAN:
            _end_in_an(out)
        elif before is None or before.vowel != FATHATAN:
            _lengthen(out, "a")
        return at + 1
    if letter.base == "ى":
        if letter.vowel == FATHATAN:
            _end_in_an(out)
        elif before is None or before.vowel != FATHATAN:
            _lengthen(out, "a")
        return at + 1
    if letter.base == "آ":
        out += ["?", "a:"]
        return at + 1
    if letter.base == "ة":
        if out and not _is_vowel(out[-1]):
            out.append("a")
        if not (pause and last):
            out.append("t")
            _vowel(letter, out, pause=False)
        return at + 1
    if letter.base in "وي" and letter.vowel in ("", SUKUN) and not letter.doubled and out:
        vowel = "u" if letter.base == "و" else "i"
        next_is_alif = at + 2 < len(letters) and letters[at + 1].base in "اىة" and letter.vowel == ""
        if out[-1].rstrip(".") == vowel and not next_is_alif:
            _lengthen(out, vowel)
            return at + 1
        if not _is_vowel(out[-1]) and letter.vowel == "" and not next_is_alif and before and before.vowel == "":
            out.append(_coloured(vowel, out) + ":")
            return at + 1
    consonant = _CONSONANTS[letter.base]
    out += [consonant, consonant] if letter.doubled else [consonant]
    _vowel(letter, out, pause=False)
    return at + 1


def _vowel(letter: _Letter, out: list[str], *, pause: bool) -> None:
    if letter.vowel in _VOWELS:
        out.append(_coloured(_VOWELS[letter.vowel], out))
    elif letter.vowel in _TANWIN and not pause:
        out += [_coloured(_TANWIN[letter.vowel], out), "n"]


def _end_in_an(out: list[str]) -> None:
    out += [_coloured("a", out), "n"]


def _lengthen(out: list[str], vowel: str) -> None:
    if out and out[-1].rstrip(".") == vowel:
        out[-1] += ":"
    elif out and not _is_vowel(out[-1]):
        out.append(_coloured(vowel, out) + ":")


def _coloured(vowel: str, out: list[str]) -> str:
    """Darker after an emphatic consonant."""
    if out and out[-1] in _EMPHATIC:
        return vowel.replace("a", "a.").replace("i", "i.").replace("u", "u.")
    return vowel


def _pausal(letters: list[_Letter], out: list[str]) -> None:
    """Before a pause: no case vowel, no "n" of the indefinite; "-an" is a long a."""
    last = letters[-1]
    mark = last.vowel or (letters[-2].vowel if last.base in "اى" and len(letters) > 1 else "")
    if mark == FATHATAN and last.base != "ة" and out[-1] == "n":
        out.pop()
        out[-1] = out[-1].removesuffix(":") + ":"
    elif last.vowel in (DAMMATAN, KASRATAN) and out[-1] == "n":
        del out[-2:]
    elif last.vowel in (FATHA, DAMMA, KASRA) and last.base != "ة" and len(out) > 3 and _is_vowel(out[-1]):
        out.pop()


def _is_vowel(phoneme: str) -> bool:
    return phoneme[0] in "aiu"


def _stressed(phonemes: list[str]) -> list[str]:
    """Stress on the last syllable where it is overlong, else on the one before where that is heavy, else one further."""
    vowels = [at for at, phoneme in enumerate(phonemes) if _is_vowel(phoneme)]
    if not vowels or (len(vowels) == 1 and len(phonemes) <= 3 and not phonemes[vowels[0]].endswith(":")):
        return phonemes  # "fi", "min" lean on their neighbours
    closing = len(phonemes) - 1 - vowels[-1]
    if closing >= 2 or (closing == 1 and phonemes[vowels[-1]].endswith(":")) or len(vowels) == 1:
        stressed = vowels[-1]
    elif len(vowels) == 2 or _heavy(phonemes, vowels[-2], vowels[-1]):
        stressed = vowels[-2]
    else:
        stressed = vowels[-3]
    return [f"'{phoneme}" if at == stressed else phoneme for at, phoneme in enumerate(phonemes)]


def _heavy(phonemes: list[str], vowel: int, following: int) -> bool:
    return phonemes[vowel].endswith(":") or following - vowel > 2
