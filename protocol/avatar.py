"""What a profile may choose of the built-in avatar: kept with the profile, carried in the job spec, checked on both sides."""

from enum import StrEnum
from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from protocol.assets import Sha256
from protocol.jobspec import DEFAULT_PRESENTER
from protocol.scene_files import MOST_SLIDES, SceneFile

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Code = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

SceneName = Literal["lobby", "museum-hall", "studio"]
SCENES: Final = get_args(SceneName)


class TvProgramme(StrEnum):
    """What plays on the TV of the scene."""

    NONE = "none"
    SLIDES = "slides"  # the demo museum's slides
    HARBOUR = "harbour"  # the demo clip
    FILM = "film"  # the profile's own
    DECK = "deck"  # the profile's own slides


class BuiltinSettings(BaseModel):
    """Settings of the built-in renderer. Raises `pydantic.ValidationError` for an unknown field or value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    presenter: Name = DEFAULT_PRESENTER
    portrait: Annotated[
        Code | None, Field(description="An uploaded portrait; the presenter stands in where it can't be had.")
    ] = None
    scene: Annotated[
        SceneName | None, Field(description="Where the presenter stands; empty is the presenter's own place.")
    ] = None
    tv: Annotated[TvProgramme, Field(description="What plays on the TV of the scene.")] = TvProgramme.NONE
    film: Annotated[SceneFile | None, Field(description="The profile's own film.")] = None
    slides: Annotated[
        list[SceneFile], Field(max_length=MOST_SLIDES, description="The profile's own slides, in their order.")
    ] = []
    slide_s: Annotated[float, Field(ge=2, le=600, description="How long each slide stands, seconds.")] = 8.0
    logo: Annotated[SceneFile | None, Field(description="Stands in the corner of the picture.")] = None
    captions_burnt_in: Annotated[bool, Field(description="Write what is said into the picture itself.")] = False

    @property
    def files_named(self) -> list[SceneFile]:
        """All of the profile's own files, shown or not."""
        return [file for file in (self.film, *self.slides, self.logo) if file]

    @property
    def files(self) -> list[SceneFile]:
        """The assets that a job needs to show all of this."""
        films = [self.film] if self.film and self.tv is TvProgramme.FILM else []
        slides = self.slides if self.tv is TvProgramme.DECK else []
        return [*films, *slides, *([self.logo] if self.logo else [])]


class SceneOrder(BaseModel):
    """A still of a scene to be drawn, of this size. `portrait` is the asset of the uploaded face that `settings` name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: BuiltinSettings
    portrait: Sha256 | None = None
    width: Annotated[int, Field(ge=160, le=1920, multiple_of=2)] = 960
    height: Annotated[int, Field(ge=120, le=1080, multiple_of=2)] = 540
