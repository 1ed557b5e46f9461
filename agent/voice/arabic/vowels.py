"""The vowel marks that Arabic is written without, restored by text2tashkeel (Apache-2.0; 14 MB, 13 ms a sentence)."""

import functools
import os
import re
import threading
from typing import Any, Final

from agent.voice.arabic.phonemes import MARKS

_lock = threading.Lock()
# Words that a museum says often and the model guesses wrongly; their last letter keeps its case.
_KNOWN: Final = {
    "متحف": "مَتْحَف",
    "متاحف": "مَتَاحِف",
    "معرض": "مَعْرِض",
    "معارض": "مَعَارِض",
    "مدخل": "مَدْخَل",
    "مخرج": "مَخْرَج",
    "طابق": "طَابِق",
    "زوار": "زُوَّار",
    "مطعم": "مَطْعَم",
    "مقهى": "مَقْهَى",
    "تذكرة": "تَذْكَرَة",
    "تذاكر": "تَذَاكِر",
    "مرشد": "مُرْشِد",
    "تمثال": "تِمْثَال",
    "مخطوطة": "مَخْطُوطَة",
}
_PREFIX: Final = re.compile("[وفبكل]?[بكل]?(?:ال|ل)?")
_LETTER: Final = re.compile(f"[^{''.join(sorted(MARKS))}][{''.join(sorted(MARKS))}]*")
TATWEEL: Final = "\u0640"


@functools.cache
def _model() -> Any:
    os.environ.setdefault("TT_ORT_THREADS", "1")
    from text2tashkeel import Diacritizer

    return Diacritizer()


def vowelled(text: str) -> str:
    """The text with its vowels. Words that come with most of theirs keep them. Loads the model at the first call (0.1 s)."""
    text = text.replace(TATWEEL, "")
    with _lock:
        guessed = str(_model().diacritize(text))
    own, restored = text.split(), guessed.split()
    if len(own) != len(restored):  # never seen; the model adds marks only
        return guessed
    return " ".join(
        mine if _is_vowelled(mine) else _corrected(theirs) for mine, theirs in zip(own, restored, strict=True)
    )


def _corrected(word: str) -> str:
    letters = _LETTER.findall(word)
    plain = "".join(letter[0] for letter in letters)
    for stem, vowels in _KNOWN.items():
        at = plain.find(stem)
        if at >= 0 and _PREFIX.fullmatch(plain[:at]):
            known = _LETTER.findall(vowels)
            letters[at : at + len(known) - 1] = known[:-1]
            return "".join(letters)
    return word


def _is_vowelled(word: str) -> bool:
    marks = sum(character in MARKS for character in word)
    return marks * 2 >= sum(character.isalpha() for character in word) and marks > 0
