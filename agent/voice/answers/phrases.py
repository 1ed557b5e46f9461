"""What is said and heard beside knowledge: `phrases.toml`, ready for use."""

import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from agent.voice.answers.by_sound import SoundIndex
from agent.voice.answers.words import folded
from protocol.jobspec import Language

FollowUp = Literal["repeat", "more", "yes", "no"]
MOST_TOPICS_NAMED: Final = 3

# Politeness around a question or a small word, which says nothing about what is asked.
_FRAMES: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("please", "thank you", "thanks", "excuse me", "ok", "okay", "so", "well", "um", "uh", "sorry", "hello", "hi", "hey",
           "good morning", "good evening", "good afternoon"),
    "ar": ("من فضلك", "لو سمحت", "لو سمحتي", "شكرا", "طيب", "حسنا", "عفوا", "مرحبا", "السلام عليكم", "صباح الخير",
           "مساء الخير", "أهلا", "عذرا"),
}  # fmt: skip


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text())


@functools.cache
def _heard(language: Language) -> dict[str, str]:
    talk = _table()["small_talk"]
    return {folded(phrase): name for name, entry in talk.items() for phrase in entry[language]["heard"]}


@functools.cache
def _follow_ups(language: Language) -> dict[str, FollowUp]:
    table: dict[FollowUp, dict[str, list[str]]] = _table()["follow_up"]
    return {folded(phrase): name for name, entry in table.items() for phrase in entry[language]}


@functools.cache
def _frames(language: Language) -> tuple[str, ...]:
    return tuple(sorted((folded(frame) for frame in _FRAMES[language]), key=len, reverse=True))


def unframed(text: str, language: Language) -> str:
    """A text without the politeness around it; the text itself where it is nothing else."""
    spoken = text.split()
    for frame in _frames(language):
        length = len(frame.split())
        if len(spoken) > length and folded(" ".join(spoken[:length])) == frame:
            spoken = spoken[length:]
        if len(spoken) > length and folded(" ".join(spoken[-length:])) == frame:
            spoken = spoken[:-length]
    return " ".join(spoken)


def small_talk(text: str, language: Language) -> str | None:
    """Name of the small talk that a text is, as a whole; of two in a row the second. None where it is something else."""
    known = _heard(language)
    whole = known.get(folded(text)) or known.get(folded(unframed(text, language)))
    if whole is not None:
        return whole
    spoken = folded(text).split()
    cuts = ((" ".join(spoken[:cut]), " ".join(spoken[cut:])) for cut in range(1, len(spoken)))
    return next((known[second] for first, second in cuts if first in known and second in known), None)


def follow_up(text: str, language: Language) -> FollowUp | None:
    """Which follow-up a text is, as a whole."""
    known = _follow_ups(language)
    return known.get(folded(text)) or known.get(folded(unframed(text, language)))


def phrase_like(text: str, language: Language) -> tuple[str, float]:
    """The small talk or follow-up that a badly heard text sounds like most, and how much, 0 to 1."""
    known, index = _by_sound(language)
    likeness = index.likeness(text)
    nearest = int(likeness.argmax())
    return known[nearest], float(likeness[nearest])


@functools.cache
def _by_sound(language: Language) -> tuple[list[str], SoundIndex]:
    known = [*_heard(language), *_follow_ups(language)]
    return known, SoundIndex(known)


def leans_on_the_last(text: str, language: Language) -> bool:
    """Whether a question is only whole together with what was said before: “and on Thursdays?”, “how old is it?”"""
    rest, table = folded(unframed(text, language)), _table()["leans"]
    begins = [folded(phrase) for phrase in table[f"begins_{language}"]]
    if any(rest.startswith(f"{phrase} ") for phrase in begins):
        return True
    spoken = rest.split()
    if language == "ar" and spoken and len(spoken) <= 3 and len(spoken[0]) > 3 and spoken[0][0] == "و":
        return True
    return len(spoken) <= 8 and bool(set(spoken) & {folded(word) for word in table[f"points_{language}"]})


def said(what: str, language: Language, number: int = 0, **fields: str) -> str:
    """One of the things to say, the `number`-th in turn, with its blanks filled."""
    table = _table()
    choices = table["said"][what][language] if what in table["said"] else table["small_talk"][what][language]["said"]
    text: str = choices[number % len(choices)]
    for blank, value in fields.items():
        text = text.replace(f"{{{blank}}}", value)
    return text


def listed(topics: Sequence[str], language: Language, start: int = 0) -> str:
    """A few topics as a list in words, beginning with another one each time."""
    start = (start * MOST_TOPICS_NAMED) % max(len(topics), 1)
    named = [*topics[start:], *topics[:start]][:MOST_TOPICS_NAMED]
    joints = _table()["list"][language]
    return joints["comma"].join(named[:-1]) + joints["last"] + named[-1] if len(named) > 1 else "".join(named)
