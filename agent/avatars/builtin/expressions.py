"""What an expression is made of, and the way from one to the next."""

from typing import Final, NamedTuple

from agent.avatars.builtin.face_state import Expression

_BLEND_S: Final = 0.3
_HEAD_S: Final = 0.7  # a head is heavier than a brow


class Look(NamedTuple):
    """Shares of the largest: brows and smile 0 to 1, gaze and head -1 to 1 (the viewer's right and down are positive)."""

    brows: float = 0.0
    smile: float = 0.0
    gaze_across: float = 0.0
    gaze_down: float = 0.0
    tilt: float = 0.0
    nod: float = 0.0


_FACE: Final = 4  # the first fields of a look; the rest is the head
_LOOKS: Final = {
    Expression.NEUTRAL: Look(),
    Expression.LISTENING: Look(brows=0.45, smile=0.2, tilt=0.6, nod=0.15),
    Expression.THINKING: Look(brows=0.3, gaze_across=0.8, gaze_down=-0.8, tilt=-0.35, nod=-0.3),
    Expression.HAPPY: Look(brows=0.2, smile=1.0, nod=-0.1),
}


class ExpressionBlend:
    """`show` an expression, `advance` by each frame's duration, read `look`."""

    def __init__(self) -> None:
        self.expression = Expression.NEUTRAL
        self.look = self._from = _LOOKS[Expression.NEUTRAL]
        self._age_s = _HEAD_S

    @property
    def moving(self) -> bool:
        return self._age_s < _HEAD_S

    def show(self, expression: Expression) -> None:
        if expression is not self.expression:
            self.expression = expression
            self._from, self._age_s = self.look, 0.0

    def advance(self, duration_s: float) -> None:
        if not self.moving:
            return
        self._age_s += duration_s
        face, head = _eased(self._age_s / _BLEND_S), _eased(self._age_s / _HEAD_S)
        self.look = Look(
            *(
                start + (end - start) * (face if index < _FACE else head)
                for index, (start, end) in enumerate(zip(self._from, _LOOKS[self.expression], strict=True))
            )
        )


def _eased(share: float) -> float:
    share = min(share, 1.0)
    return share * share * (3 - 2 * share)
