"""What a recogniser says of sound that holds no words, or says twice: known inventions, repeats, noises in brackets."""

import re
import unicodedata
from typing import Final

# what Whisper was taught to write below films; only believed where it is sure of it
_INVENTED: Final = {
    "you",
    "bye",
    "bye bye",
    "thank you",
    "thank you very much",
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subtitles by the amara org community",
    "the end",
    "music",
    "applause",
    "ترجمة نانسي قنقر",
    "نانسي قنقر",
    "اشتركوا في القناة",
    "شكرا للمشاهدة",
    "شكرا",
    "موسيقى",
}
_IN_BRACKETS: Final = re.compile(r"\[[^\]]*\]|\([^)]*\)|\*[^*]*\*|[♪♫🎵🎶]+")
_SENTENCE: Final = re.compile(r"[^.!?؟…]+[.!?؟…]*\s*")
_SPELT: Final = re.compile(r"(?:[^\W\d]-+)+[^\W\d]?\W*")
_MARKS: Final = re.compile(r"[^\w\s]|ـ")
_LOOP: Final = re.compile(r"(\b\S+(?:\s+\S+){0,5}?)(?:[\s,]+\1\b){2,}", re.IGNORECASE)

# mean log probability of a token; what is said in Arabic is less certain to the small models even where it is right
SURE: Final = {"en": -0.6, "ar": -0.9}
UNSURE: Final = {"en": -1.3, "ar": -2.0}
SILENT: Final = {"en": 0.6, "ar": 0.85}


def plausible(text: str, mean_log_probability: float, silence: float, language: str) -> str:
    """The text without repeats and noises; empty where nobody said it. `silence`: the probability that nobody spoke."""
    sure, unsure, silent = (limits.get(language, limits["en"]) for limits in (SURE, UNSURE, SILENT))
    text = without_repeats(" ".join(_IN_BRACKETS.sub(" ", text).split()))
    bare = bare_words(text)
    if (
        not bare
        or _is_breath(text, bare)
        or mean_log_probability < unsure
        or (silence > silent and mean_log_probability < sure)
    ):
        return ""
    if bare in _INVENTED and (mean_log_probability < sure or silence > silent):
        return ""
    return text


def _is_breath(text: str, bare: str) -> bool:
    """A single letter, or "h-h-t-", is a cough or a breath that was spelt; a single digit may be an answer."""
    return (len(bare) == 1 and not bare.isdigit()) or _SPELT.fullmatch(text) is not None


def without_repeats(text: str) -> str:
    """The text with each sentence once where it comes several times running, the last of them perhaps cut short."""
    kept: list[str] = []
    for sentence in _SENTENCE.findall(_LOOP.sub(r"\1", text)):
        bare = bare_words(sentence)
        if kept and bare and bare_words(kept[-1]).startswith(bare):
            continue
        kept.append(sentence.strip())
    return " ".join(kept)


def bare_words(text: str) -> str:
    """Lower case, without punctuation, accents and Arabic diacritics, single spaces."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(each))
    return " ".join(_MARKS.sub("", letters).split())
