"""Which shape the mouth has, from the visemes of what is said and their times.

Each viseme pulls the lips towards its shape, most within its own time and less before and after: lips round ahead of an
"oo" and stay round behind it, a "t" takes the shape of its neighbours. Lips that must touch do touch, however short the
sound: in the frame that holds its middle.
"""

import math
from typing import Final, NamedTuple

from agent.avatars.builtin.face_state import Contact
from agent.voice.visemes import Lips, Track, Viseme

REACH_S: Final = 0.2  # beyond it nothing pulls any more
_BEFORE_S: Final = 0.045  # how far ahead of its sound a viseme opens or closes the mouth (to a third)
_AFTER_S: Final = 0.03
_ROUND_BEFORE_S: Final = 0.07  # and rounds or spreads it
_ROUND_AFTER_S: Final = 0.06


class _Shape(NamedTuple):
    """`opening` 0 to 1, `width` -1 rounded to 1 wide; how strongly a viseme asks for each."""

    opening: float
    width: float
    opening_pull: float = 1.0
    width_pull: float = 1.0


_SHAPES: Final = {
    Viseme.REST: _Shape(0.0, 0.0, 0.8, 0.5),
    Viseme.LIPS: _Shape(0.0, 0.0, 1.6, 0.2),
    Viseme.TEETH: _Shape(0.06, 0.1, 1.3, 0.4),
    Viseme.TONGUE: _Shape(0.24, 0.1, 0.7, 0.3),
    Viseme.FRONT: _Shape(0.26, 0.15, 0.6, 0.4),
    Viseme.BACK: _Shape(0.36, 0.0, 0.4, 0.15),
    Viseme.HISS: _Shape(0.14, 0.5, 1.0, 0.7),
    Viseme.HUSH: _Shape(0.24, -0.6, 0.9, 0.9),
    Viseme.R: _Shape(0.32, -0.45, 0.7, 0.7),
    Viseme.W: _Shape(0.14, -1.0, 1.0, 1.5),
    Viseme.A: _Shape(1.0, 0.1),
    Viseme.E: _Shape(0.62, 0.5),
    Viseme.I: _Shape(0.38, 0.95, 0.9, 1.2),
    Viseme.O: _Shape(0.62, -0.7, 1.0, 1.2),
    Viseme.U: _Shape(0.26, -1.0, 1.0, 1.5),
    Viseme.SCHWA: _Shape(0.42, 0.0, 0.6, 0.3),
}
_CONTACTS: Final = {Viseme.LIPS: Contact.LIPS, Viseme.TEETH: Contact.TEETH}


class Target(NamedTuple):
    """What the lips are to do: `opening` 0 to 1, `width` -1 to 1, and what they touch."""

    opening: float
    width: float
    contact: Contact


def target_at(track: Track, start_s: float, duration_s: float) -> Target | None:
    """The lips in the frame of `duration_s` from `start_s` of the track's sound; None where the track says nothing."""
    middle = start_s + duration_s / 2
    near = [lips for lips in track if lips.start_s < middle + REACH_S and lips.end_s > middle - REACH_S]
    if not near or near[-1].end_s <= start_s or near[0].start_s > middle + _ROUND_BEFORE_S:
        return None
    contact = next((_CONTACTS[lips.viseme] for lips in near if _touches(lips, start_s, duration_s)), Contact.NONE)
    if contact is not Contact.NONE:
        return Target(0.0, _width(near, middle), contact)
    opening = _pulled([(_SHAPES[lips.viseme].opening, _opening_pull(lips, middle)) for lips in near])
    return Target(opening, _width(near, middle), contact)


def _touches(lips: Lips, start_s: float, duration_s: float) -> bool:
    if lips.viseme not in _CONTACTS:
        return False
    middle = (lips.start_s + lips.end_s) / 2
    return start_s <= middle < start_s + duration_s or lips.start_s <= start_s + duration_s / 2 < lips.end_s


def _width(near: list[Lips], middle: float) -> float:
    return _pulled([(_SHAPES[lips.viseme].width, _width_pull(lips, middle)) for lips in near])


def _opening_pull(lips: Lips, at_s: float) -> float:
    return _SHAPES[lips.viseme].opening_pull * _nearness(lips, at_s, _BEFORE_S, _AFTER_S)


def _width_pull(lips: Lips, at_s: float) -> float:
    return _SHAPES[lips.viseme].width_pull * _nearness(lips, at_s, _ROUND_BEFORE_S, _ROUND_AFTER_S)


def _nearness(lips: Lips, at_s: float, before_s: float, after_s: float) -> float:
    if at_s < lips.start_s:
        return math.exp((at_s - lips.start_s) / before_s)
    return math.exp((lips.end_s - at_s) / after_s) if at_s > lips.end_s else 1.0


def _pulled(shapes: list[tuple[float, float]]) -> float:
    return sum(value * pull for value, pull in shapes) / (sum(pull for _, pull in shapes) + 1e-9)
