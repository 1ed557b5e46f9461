"""What a face does in one frame, in whole steps so that a drawn state can be kept and met again."""

from typing import Final, NamedTuple

MOUTH_OPENINGS: Final = 8  # 0 is closed
MOUTH_WIDTHS: Final = 3  # 0 rounded, 1 at rest, 2 wide
LID_STEPS: Final = 5  # 0 is open, 4 is closed
BREATH_STEPS: Final = 8  # 0 is breathed out
SWAY_STEPS: Final = 16  # to either side of upright


class Mouth(NamedTuple):
    """`opening` 0 to `MOUTH_OPENINGS` - 1, `width` 0 to `MOUTH_WIDTHS` - 1. A closed mouth always has width 1."""

    opening: int
    width: int


class Pose(NamedTuple):
    """`breath` 0 to `BREATH_STEPS` - 1, `sway` -`SWAY_STEPS` to `SWAY_STEPS` (the viewer's left to right)."""

    breath: int
    sway: int


class FaceState(NamedTuple):
    """One picture of the face. `lids` 0 to `LID_STEPS` - 1."""

    pose: Pose
    mouth: Mouth
    lids: int


CLOSED_MOUTH: Final = Mouth(0, 1)
UPRIGHT: Final = Pose(0, 0)
AT_REST: Final = FaceState(UPRIGHT, CLOSED_MOUTH, 0)
