"""The mouth's shape in each video frame: from the visemes that come with the sound, or else from the sound alone."""

from typing import Final

from agent.avatars.builtin.face_state import (
    CLOSED_MOUTH,
    MOUTH_OPENINGS,
    MOUTH_WIDTHS,
    WIDTH_AT_REST,
    Contact,
    Mouth,
)
from agent.avatars.builtin.mouth_from_sound import Loudness, MouthFromSound
from agent.avatars.builtin.mouth_from_track import Target, target_at
from agent.avatars.builtin.sound_blocks import Samples
from agent.voice.visemes import SpokenPart

_QUIETEST: Final = 0.45  # how far a vowel opens that is hardly heard, of its full opening
_FULLY_OPEN_S: Final = 0.085  # no mouth opens or closes faster, but for lips that must touch
_HOLD: Final = 0.62  # of one step: how far the value must leave a step before the shape changes


class SpeakingMouth:
    """Follows one voice. `update` takes each frame's sound once, in order."""

    def __init__(self, sample_rate: int) -> None:
        self._loudness = Loudness()
        self._by_ear = MouthFromSound(sample_rate)
        self.silence()

    def silence(self) -> None:
        """Close at once, and forget the voice."""
        self._loudness.forget()
        self._by_ear.forget()
        self._opening = 0.0  # 0 to 1
        self._width = 0.0  # -1 rounded to 1 wide
        self._shape = CLOSED_MOUTH

    @property
    def closed(self) -> bool:
        return self._shape == CLOSED_MOUTH and self._opening < 0.02

    def update(self, samples: Samples | None, duration_s: float, spoken: SpokenPart | None = None) -> Mouth:
        """The mouth's shape for one frame of `duration_s` with the sound `samples` (None: silence) and its visemes."""
        loudness = self._loudness.of(samples, duration_s)
        target = None if spoken is None else target_at(spoken.track, spoken.start_s, duration_s)
        if target is None:
            heard = self._by_ear.update(samples, loudness, duration_s)
            target = Target(*heard, Contact.NONE)
        else:
            target = target._replace(opening=target.opening * (_QUIETEST + (1 - _QUIETEST) * loudness) * (loudness > 0))
        furthest = duration_s / _FULLY_OPEN_S
        if target.contact is not Contact.NONE:
            self._opening = 0.0
        else:
            self._opening = min(max(target.opening, self._opening - furthest), self._opening + furthest)
        self._width = min(max(target.width, self._width - furthest), self._width + furthest)
        self._shape = self._in_steps(target.contact)
        return self._shape

    def _in_steps(self, contact: Contact) -> Mouth:
        width = _held_step(self._shape.width, WIDTH_AT_REST * (1 + self._width), MOUTH_WIDTHS)
        if contact is not Contact.NONE:
            return Mouth(0, width, contact)
        opening = _held_step(self._shape.opening, self._opening * (MOUTH_OPENINGS - 1), MOUTH_OPENINGS)
        return Mouth(opening, width) if opening else CLOSED_MOUTH


def _held_step(step: int, value: float, steps: int) -> int:
    """The step nearest to `value`, or still `step` while `value` is close to it: no flicker between two."""
    if abs(value - step) < _HOLD:
        return step
    return min(max(round(value), 0), steps - 1)
