"""What somebody says, from the first voiced window on: when to ask what it was, and when it was all."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

SAMPLE_RATE: Final = 16_000
WINDOW_SAMPLES: Final = 512
WINDOW_MS: Final = WINDOW_SAMPLES * 1000 // SAMPLE_RATE
VOICED: Final = 0.5
STILL_VOICED: Final = 0.85  # in speech: the detector's certainty fades for 100 ms after the last sound

PAUSE_MS: Final = 64  # a pause in which it is worth asking what was said so far
AFTER_SPEECH_MS: Final = 96  # of silence that goes along with the speech
SHORTEST_VOICED_MS: Final = 128  # less is a cough or a click
PARTIAL_EVERY_MS: Final = 1_500
CUT_AFTER_MS: Final = 15_000  # long speech is recognised in pieces: at the next breath from here on ...
CUT_AT_MS: Final = 27_000  # ... and here without one
BREATH_MS: Final = 256

# silence after which the turn is over
DONE_MS: Final = 288
PERHAPS_DONE_MS: Final = 640
NOT_DONE_MS: Final = 1_280

_ENDS: Final = (".", "?", "!", "؟", "。")
_UNFINISHED: Final = ("...", "…", ",", "،", "-")


class Utterance:
    """Bounded: `cut` takes away what was recognised of a long one. Durations count windows, not time on a clock."""

    def __init__(self, before: Samples) -> None:
        """`before`: sound from shortly before the first voiced window."""
        self._pieces: list[Samples] = [before] if before.size else []
        self._piece_ms = 0
        self.voiced_ms = 0
        self.silent_ms = 0
        self.said = 0  # grows with every voiced window: what was asked at an older count is out of date
        self._since_partial_ms = 0

    def add(self, window: Samples, *, voiced: bool) -> None:
        self._pieces.append(window)
        self._piece_ms += WINDOW_MS
        self._since_partial_ms += WINDOW_MS
        if voiced:
            self.voiced_ms += WINDOW_MS
            self.silent_ms = 0
            self.said += 1
        else:
            self.silent_ms += WINDOW_MS

    @property
    def pauses(self) -> bool:
        return self.silent_ms >= PAUSE_MS

    @property
    def is_speech(self) -> bool:
        return self.voiced_ms >= SHORTEST_VOICED_MS

    @property
    def to_be_cut(self) -> bool:
        return self._piece_ms >= (CUT_AFTER_MS if self.silent_ms >= BREATH_MS else CUT_AT_MS)

    def partial_due(self) -> bool:
        """Whether it is time for words to show while they are spoken; counts from here again if so."""
        due = self._since_partial_ms >= PARTIAL_EVERY_MS and not self.silent_ms and self.is_speech
        if due:
            self._since_partial_ms = 0
        return due

    def sound(self) -> Samples:
        """The speech so far, without most of the silence after it."""
        sound = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        surplus = max(0, self.silent_ms - AFTER_SPEECH_MS) * SAMPLE_RATE // 1000
        return sound[: sound.size - surplus]

    def cut(self) -> Samples:
        """The speech so far; what comes is a new piece of the same utterance."""
        sound = self.sound()
        self._pieces, self._piece_ms = [], 0
        return sound


def patience_ms(text: str, ended: float | None, threshold: float) -> int:
    """How much silence makes the turn over. `ended`: the detector's probability, None where it didn't say."""
    complete = text.endswith(_ENDS) and not text.endswith(_UNFINISHED)
    likely = ended is None or ended >= threshold
    if complete and likely:
        return DONE_MS
    return PERHAPS_DONE_MS if complete or (likely and not text.endswith(_UNFINISHED)) else NOT_DONE_MS
