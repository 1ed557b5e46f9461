"""What a face does unasked: breathing, blinking, looking about, shifting its weight; brows and head on a stressed word.

Drawn from chance, so that it never loops; the expression that was asked for lies beneath.
"""

import math
import random
from typing import Final

from agent.avatars.builtin.expressions import ExpressionBlend
from agent.avatars.builtin.face_state import (
    BREATH_STEPS,
    BROW_STEPS,
    GAZE_STEPS_ACROSS,
    GAZE_STEPS_DOWN,
    LID_STEPS,
    NOD_STEPS,
    SMILE_STEPS,
    SWAY_STEPS,
    TILT_STEPS,
    Expression,
    FaceState,
    Gaze,
    Mouth,
    Pose,
)

_BLINK_CLOSE_S: Final = 0.09
_BLINK_OPEN_S: Final = 0.17
_TWO_BLINKS: Final = 0.12  # share of blinks that come in a pair
_BLINK_WITH_GAZE: Final = 0.35  # share of wide eye movements that a blink covers
_STRESS: Final = 0.8  # of the widest mouth: a word that is stressed
_STRESS_EVERY_S: Final = 1.1
_STRESS_RISE_S: Final = 0.12
_STRESS_S: Final = 0.62


class IdleMotion:
    """`advance` by each frame's duration; then read `state`, or its parts."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._expression = ExpressionBlend()
        self._breath_phase = 0.0
        self._breath_s = 4.2
        self._blink_age_s: float | None = None
        self._next_blink_s = chance.uniform(1.2, 3.0)
        self._sway = self._sway_from = self._sway_to = 0.0
        self._sway_age_s, self._sway_s = 0.0, 1.0
        self._next_sway_s = chance.uniform(1.5, 4.0)
        self._glance = (0.0, 0.0)
        self._next_glance_s = chance.uniform(1.0, 3.0)
        self._stress_age_s = math.inf
        self._stress = 0.0

    def show(self, expression: Expression) -> None:
        """Blend over to `expression`, and stay with it."""
        self._expression.show(expression)

    def state(self, mouth: Mouth) -> FaceState:
        """The whole face, with that mouth."""
        look = self._expression.look
        brows = min(look.brows + self._stress_now(), 1.0)
        return FaceState(
            self.pose, mouth, self.lids, self.gaze, _step(brows, BROW_STEPS - 1), _step(look.smile, SMILE_STEPS - 1)
        )

    @property
    def moving(self) -> bool:
        """Whether the next moments need every frame: a blink, or a new expression."""
        return self.lids > 0 or self._expression.moving

    @property
    def pose(self) -> Pose:
        breath = 0.5 - 0.5 * math.cos(2 * math.pi * self._breath_phase)
        look = self._expression.look
        return Pose(
            round(breath * (BREATH_STEPS - 1)),
            round(self._sway * SWAY_STEPS),
            _step(look.nod + 0.7 * self._stress_now(), NOD_STEPS),
            _step(look.tilt, TILT_STEPS),
        )

    @property
    def gaze(self) -> Gaze:
        look = self._expression.look
        return Gaze(
            _step(look.gaze_across + self._glance[0], GAZE_STEPS_ACROSS),
            _step(look.gaze_down + self._glance[1], GAZE_STEPS_DOWN),
        )

    @property
    def lids(self) -> int:
        """How far the lids are down, 0 to `LID_STEPS` - 1."""
        age = self._blink_age_s
        if age is None:
            return 0
        closed = age / _BLINK_CLOSE_S if age < _BLINK_CLOSE_S else 1 - (age - _BLINK_CLOSE_S) / _BLINK_OPEN_S
        return min(max(math.ceil(closed * (LID_STEPS - 1) - 0.25), 0), LID_STEPS - 1)

    def advance(self, duration_s: float, *, speaking: bool, openness: float = 0.0) -> None:
        """Let `duration_s` pass. Who speaks blinks more and moves the head more often, and stresses some of the words that
        the mouth opens wide for (`openness` 0 to 1)."""
        self._expression.advance(duration_s)
        self._breathe(duration_s)
        self._blink(duration_s, speaking)
        self._shift(duration_s, speaking)
        self._look_about(duration_s, speaking)
        self._emphasise(duration_s, openness)

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

    def _look_about(self, duration_s: float, speaking: bool) -> None:
        """Eyes jump: mostly a little beside the visitor's, now and then away, and back."""
        self._next_glance_s -= duration_s
        if self._next_glance_s > 0:
            return
        chance = self._chance
        if self._glance != (0.0, 0.0):
            self._glance = (0.0, 0.0)
            self._next_glance_s = chance.uniform(1.0, 3.5)
            return
        far = chance.random() < (0.3 if speaking else 0.15)
        reach = chance.uniform(0.5, 0.8) if far else 0.34
        self._glance = (reach * chance.choice((-1, 1)), chance.choice((0.0, 0.0, 0.5)) if far else 0.0)
        self._next_glance_s = chance.uniform(0.4, 1.0) if far else chance.uniform(0.25, 1.6)
        if far and self._blink_age_s is None and chance.random() < _BLINK_WITH_GAZE:
            self._next_blink_s = 0.0

    def _emphasise(self, duration_s: float, openness: float) -> None:
        self._stress_age_s += duration_s
        if openness >= _STRESS and self._stress_age_s > _STRESS_EVERY_S:
            # A word in two is left alone, and the wait starts anew.
            self._stress = self._chance.choice((0.0, self._chance.uniform(0.4, 0.9)))
            self._stress_age_s = 0.0

    def _stress_now(self) -> float:
        age = self._stress_age_s
        if age >= _STRESS_S:
            return 0.0
        rise = (
            age / _STRESS_RISE_S if age < _STRESS_RISE_S else 1 - (age - _STRESS_RISE_S) / (_STRESS_S - _STRESS_RISE_S)
        )
        return self._stress * rise * rise * (3 - 2 * rise)


def _step(share: float, most: int) -> int:
    return min(max(round(share * most), -most), most)
