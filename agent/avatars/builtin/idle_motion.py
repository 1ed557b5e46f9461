"""What a face does unasked: breathing, blinking, shifting its weight. Drawn from chance, so that it never loops."""

import math
import random
from typing import Final

from agent.avatars.builtin.face_state import BREATH_STEPS, LID_STEPS, SWAY_STEPS, Pose

_BLINK_CLOSE_S: Final = 0.09
_BLINK_OPEN_S: Final = 0.17
_TWO_BLINKS: Final = 0.12  # share of blinks that come in a pair


class IdleMotion:
    """`advance` by each frame's duration; then read `pose` and `lids`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._breath_phase = 0.0
        self._breath_s = 4.2
        self._blink_age_s: float | None = None
        self._next_blink_s = chance.uniform(1.2, 3.0)
        self._sway = self._sway_from = self._sway_to = 0.0
        self._sway_age_s, self._sway_s = 0.0, 1.0
        self._next_sway_s = chance.uniform(1.5, 4.0)

    @property
    def pose(self) -> Pose:
        breath = 0.5 - 0.5 * math.cos(2 * math.pi * self._breath_phase)
        return Pose(round(breath * (BREATH_STEPS - 1)), round(self._sway * SWAY_STEPS))

    @property
    def lids(self) -> int:
        """How far the lids are down, 0 to `LID_STEPS` - 1."""
        age = self._blink_age_s
        if age is None:
            return 0
        closed = age / _BLINK_CLOSE_S if age < _BLINK_CLOSE_S else 1 - (age - _BLINK_CLOSE_S) / _BLINK_OPEN_S
        return min(max(math.ceil(closed * (LID_STEPS - 1) - 0.25), 0), LID_STEPS - 1)

    def advance(self, duration_s: float, *, speaking: bool) -> None:
        """Let `duration_s` pass. Who speaks blinks more and moves the head more often."""
        self._breathe(duration_s)
        self._blink(duration_s, speaking)
        self._shift(duration_s, speaking)

    def _breathe(self, duration_s: float) -> None:
        self._breath_phase += duration_s / self._breath_s
        if self._breath_phase >= 1:
            self._breath_phase %= 1
            self._breath_s = self._chance.uniform(3.6, 5.2)

    def _blink(self, duration_s: float, speaking: bool) -> None:
        if self._blink_age_s is not None:
            self._blink_age_s += duration_s
            if self._blink_age_s >= _BLINK_CLOSE_S + _BLINK_OPEN_S:
                self._blink_age_s = None
                again = self._chance.random() < _TWO_BLINKS
                self._next_blink_s = 0.12 if again else self._chance.uniform(1.6, 4.0 if speaking else 6.0)
            return
        self._next_blink_s -= duration_s
        if self._next_blink_s <= 0:
            # At low frame rates too the first frame of a blink has the lids on their way.
            self._blink_age_s = min(duration_s, _BLINK_CLOSE_S) / 2

    def _shift(self, duration_s: float, speaking: bool) -> None:
        if self._sway != self._sway_to:
            self._sway_age_s += duration_s
            share = min(self._sway_age_s / self._sway_s, 1.0)
            eased = share * share * (3 - 2 * share)
            self._sway = self._sway_to if share == 1 else self._sway_from + (self._sway_to - self._sway_from) * eased
            return
        self._next_sway_s -= duration_s
        if self._next_sway_s <= 0:
            self._sway_from, self._sway_to = self._sway, self._chance.uniform(-1, 1) * (1.0 if speaking else 0.6)
            self._sway_age_s, self._sway_s = 0.0, self._chance.uniform(0.7, 1.4)
            self._next_sway_s = self._chance.uniform(0.8, 3.0) if speaking else self._chance.uniform(2.0, 6.0)
