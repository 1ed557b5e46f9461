"""What a profile may choose of the built-in avatar: kept with the profile, carried in the job spec, checked on both sides."""

from enum import StrEnum
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from protocol.jobspec import DEFAULT_PRESENTER

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]

SceneName = Literal["lobby", "museum-hall", "studio"]
SCENES: Final = get_args(SceneName)


class TvProgramme(StrEnum):
    """What plays on the TV of the scene."""

    NONE = "none"
    SLIDES = "slides"  # the demo museum's slides
    HARBOUR = "harbour"  # the demo clip


class BuiltinSettings(BaseModel):
    """Settings of the built-in renderer. Raises `pydantic.ValidationError` for an unknown field or value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    presenter: Name = DEFAULT_PRESENTER
    scene: Annotated[
        SceneName | None, Field(description="Where the presenter stands; empty is the presenter's own place.")
    ] = None
    tv: Annotated[TvProgramme, Field(description="What plays on the TV of the scene.")] = TvProgramme.NONE
    captions_burnt_in: Annotated[bool, Field(description="Write what is said into the picture itself.")] = False
