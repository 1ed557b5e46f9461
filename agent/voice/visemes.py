"""What the lips do in speech, with times: made by a voice from the timing of its phonemes, read by the face.

A track goes with its sound: each `rtc.AudioFrame` of ours holds a `SpokenPart` in `userdata[SPOKEN_PART]`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

SPOKEN_PART: Final = "avatary.spoken_part"


class Viseme(StrEnum):
    """Sounds that look alike."""

    REST = "rest"  # silence
    LIPS = "lips"  # p b m
    TEETH = "teeth"  # f v
    TONGUE = "tongue"  # th: the tongue at the teeth
    FRONT = "front"  # t d n l
    BACK = "back"  # k g ng h and the throat's sounds
    HISS = "hiss"  # s z
    HUSH = "hush"  # sh zh ch j
    R = "r"
    W = "w"
    A = "a"
    E = "e"
    I = "i"  # noqa: E741
    O = "o"  # noqa: E741
    U = "u"
    SCHWA = "schwa"


class Lips(NamedTuple):
    """One viseme, from `start_s` to `end_s` of its sound."""

    start_s: float
    end_s: float
    viseme: Viseme


Track = tuple[Lips, ...]


@dataclass(frozen=True)
class SpokenPart:
    """Where in a track a piece of sound begins."""

    track: Track
    start_s: float

    def later(self, seconds: float) -> "SpokenPart":
        return SpokenPart(self.track, self.start_s + seconds)


_SHARED: Final = {
    **dict.fromkeys("pbm", Viseme.LIPS),
    **dict.fromkeys("fv", Viseme.TEETH),
    **dict.fromkeys(("θ", "ð", "T", "D"), Viseme.TONGUE),
    **dict.fromkeys("tdnl", Viseme.FRONT),
    **dict.fromkeys(("k", "g", "h", "q", "?", "x"), Viseme.BACK),
    **dict.fromkeys("sz", Viseme.HISS),
    "w": Viseme.W,
    "j": Viseme.I,
}
# hibari's alphabet (misaki's): capitals are diphthongs, each of two visemes.
ENGLISH: Final[dict[str, tuple[Viseme, ...]]] = {
    **{phoneme: (viseme,) for phoneme, viseme in _SHARED.items() if phoneme not in "TD?q"},
    **dict.fromkeys("ɡŋɣʔ", (Viseme.BACK,)),
    **dict.fromkeys("ʃʒʤʧ", (Viseme.HUSH,)),
    **dict.fromkeys("ɹrɜɚ", (Viseme.R,)),
    **dict.fromkeys("ɾT", (Viseme.FRONT,)),
    **dict.fromkeys("ɑæaʌɐ", (Viseme.A,)),
    **dict.fromkeys("ɛe", (Viseme.E,)),
    **dict.fromkeys("iɪᵻ", (Viseme.I,)),
    **dict.fromkeys("ɔɒo", (Viseme.O,)),
    **dict.fromkeys("uʊ", (Viseme.U,)),
    **dict.fromkeys("əᵊ", (Viseme.SCHWA,)),
    "A": (Viseme.E, Viseme.I),
    "I": (Viseme.A, Viseme.I),
    "O": (Viseme.O, Viseme.U),
    "Q": (Viseme.O, Viseme.U),
    "W": (Viseme.A, Viseme.U),
    "Y": (Viseme.O, Viseme.I),
    **dict.fromkeys(';:,.!?—…"()“” ', (Viseme.REST,)),
}
# espeak-ng's notation for Arabic, without stress and length.
ARABIC: Final[dict[str, Viseme]] = {
    **_SHARED,
    **dict.fromkeys(("s[", "Z"), Viseme.HISS),
    **dict.fromkeys(("t[", "dH", "R"), Viseme.FRONT),
    **dict.fromkeys(("X", "Q", "H", "A"), Viseme.BACK),
    **dict.fromkeys(("S", "dZ", "tS"), Viseme.HUSH),
    "a": Viseme.A,
    "i": Viseme.I,
    "u": Viseme.U,
}


def english_track(phonemes: str, durations_s: Iterable[float], end_s: float) -> Track:
    """Visemes of hibari's phonemes, each with its duration; a stress mark's time is its vowel's."""
    lips: list[Lips] = []
    start = 0.0
    pending = 0.0
    for phoneme, duration in zip(phonemes, durations_s, strict=True):
        if phoneme not in ENGLISH:  # marks of stress and length
            pending += duration
            continue
        visemes = ENGLISH[phoneme]
        share = (pending + duration) / len(visemes)
        for viseme in visemes:
            lips.append(Lips(start, start + share, viseme))
            start += share
        pending = 0.0
    return _joined(lips, end_s)


def arabic_track(phonemes: Iterable[tuple[float, str]], end_s: float) -> Track:
    """Visemes of espeak-ng's phoneme events: start in seconds, mnemonic."""
    events = [(start, ARABIC.get(name.strip("',:=%"), ARABIC.get(name.strip("',:=%.")))) for start, name in phonemes]
    ends = [*(start for start, _ in events[1:]), end_s]
    return _joined(
        (Lips(start, end, viseme or Viseme.REST) for (start, viseme), end in zip(events, ends, strict=True)), end_s
    )


def shifted(track: Track, seconds: float) -> Track:
    """The track of a sound that got `seconds` in front of it, or lost them; what is before its start goes."""
    return tuple(
        Lips(max(start + seconds, 0.0), end + seconds, viseme) for start, end, viseme in track if end + seconds > 0
    )


def _joined(lips: Iterable[Lips], end_s: float) -> Track:
    """Neighbours that look alike made one; nothing beyond the end."""
    joined: list[Lips] = []
    for start, end, viseme in _within(lips, end_s):
        if joined and joined[-1].viseme == viseme and viseme is not Viseme.LIPS:
            joined[-1] = joined[-1]._replace(end_s=end)
        else:
            joined.append(Lips(start, end, viseme))
    return tuple(joined)


def _within(lips: Iterable[Lips], end_s: float) -> Iterator[Lips]:
    for start, end, viseme in lips:
        if start < end_s and end > start:
            yield Lips(start, min(end, end_s), viseme)
