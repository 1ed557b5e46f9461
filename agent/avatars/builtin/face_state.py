"""What a face does in one frame, in whole steps so that a drawn state can be kept and met again.

The contract between who decides what the face does (the mouth from sound or phonemes, the expression from the conversation)
and who draws it.
"""

from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

MOUTH_OPENINGS: Final = 8  # 0 is closed
MOUTH_WIDTHS: Final = 5  # 0 rounded, 2 at rest, 4 wide
WIDTH_AT_REST: Final = 2
LID_STEPS: Final = 5  # 0 is open, 4 is closed
BREATH_STEPS: Final = 8  # 0 is breathed out
SWAY_STEPS: Final = 16  # to either side of upright
NOD_STEPS: Final = 4  # up and down
TILT_STEPS: Final = 4  # to either side
GAZE_STEPS_ACROSS: Final = 3  # to either side of straight ahead
GAZE_STEPS_DOWN: Final = 2  # up and down
BROW_STEPS: Final = 5  # 0 is at rest, 4 is fully raised
SMILE_STEPS: Final = 4  # 0 is at rest, 3 is a full smile


class Contact(IntEnum):
    """What the lips touch."""

    NONE = 0
    LIPS = 1  # each other, pressed: p b m
    TEETH = 2  # the lower lip the upper teeth: f v


class Expression(StrEnum):
    """How the whole face looks, blended from one to the next."""

    NEUTRAL = "neutral"
    LISTENING = "listening"
    THINKING = "thinking"
    HAPPY = "happy"


class Mouth(NamedTuple):
    """`opening` 0 to `MOUTH_OPENINGS` - 1, `width` 0 to `MOUTH_WIDTHS` - 1. Lips that touch anything have opening 0."""

    opening: int
    width: int
    contact: Contact = Contact.NONE


class Pose(NamedTuple):
    """`breath` 0 to `BREATH_STEPS` - 1; the others from minus to plus their steps: `sway` from the viewer's left to right,
    `nod` from up to down, `tilt` of the head's top from the viewer's left to right."""

    breath: int
    sway: int
    nod: int = 0
    tilt: int = 0


class Gaze(NamedTuple):
    """Where the eyes look, from minus to plus their steps: the viewer's left to right, up to down."""

    across: int
    down: int


UPRIGHT: Final = Pose(0, 0)
CLOSED_MOUTH: Final = Mouth(0, WIDTH_AT_REST)
AHEAD: Final = Gaze(0, 0)


class FaceState(NamedTuple):
    """One picture of the face. `lids` 0 to `LID_STEPS` - 1, `brows` 0 to `BROW_STEPS` - 1, `smile` 0 to `SMILE_STEPS` - 1.

    An `Expression` is a smile with brows, gaze and pose, on its way from the one before: see `expressions`.
    """

    pose: Pose
    mouth: Mouth
    lids: int
    gaze: Gaze = AHEAD
    brows: int = 0
    smile: int = 0


AT_REST: Final = FaceState(UPRIGHT, CLOSED_MOUTH, 0)
