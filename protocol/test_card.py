"""What a profile may choose of the test card: kept with the profile, checked on both sides, applied to the mode at dispatch."""

from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from protocol.modes import ModeSettings


class Quality(StrEnum):
    """How large the card is, and how often it changes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MODE = "mode"  # as the mode says


class Preset(NamedTuple):
    width: int
    height: int
    fps: int


PRESETS: Final = {
    Quality.LOW: Preset(320, 240, 10),
    Quality.MEDIUM: Preset(640, 360, 15),
    Quality.HIGH: Preset(1280, 720, 30),
}


class CardSettings(BaseModel):
    """Settings of the test card. Raises `pydantic.ValidationError` for an unknown field or value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quality: Annotated[Quality, Field(description="Size and rate of the picture.")] = Quality.MEDIUM

    def applied_to(self, mode: ModeSettings) -> ModeSettings:
        """The mode with the picture of the preset; all else stays."""
        preset = PRESETS.get(self.quality)
        if preset is None:
            return mode
        size = {"video_width": preset.width, "video_height": preset.height, "video_fps": preset.fps}
        return mode.model_copy(update={**size, "idle_fps": min(mode.idle_fps, preset.fps)})
