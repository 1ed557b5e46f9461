"""An operator's own files for a scene: a film or slides for the TV, and a logo. What is taken, and what becomes of it.

`python -m agent prepare-scene-file KIND SOURCE TARGET` checks one and prints JSON lines: {share} while it works, at the end
{prepared: `PreparedFile`} or {refused: a sentence}; of a deck {pages: `PreparedFile`s}, which lie in the folder TARGET by
name. `python -m agent draw-scene TARGET` reads a `SceneOrder` from standard input.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from protocol.assets import MAX_ASSET_BYTES, Sha256


class SceneFileKind(StrEnum):
    FILM = "film"
    SLIDE = "slide"
    LOGO = "logo"
    DECK = "deck"  # a PDF; what becomes of it are slides


MOST_BYTES: Final = {
    SceneFileKind.FILM: MAX_ASSET_BYTES,
    SceneFileKind.SLIDE: 20 * 1024**2,
    SceneFileKind.LOGO: 5 * 1024**2,
    SceneFileKind.DECK: 100 * 1024**2,
}
MOST_FILM_S: Final = 4 * 3600
MOST_FILM_WIDTH: Final = (
    4096  # of what is taken; the TV plays up to 1920 by 1088, so that larger ones are made smaller once
)
MOST_FILM_HEIGHT: Final = 2304
MOST_PICTURE_PIXELS: Final = 40_000_000
LEAST_LOGO_PX: Final = 16  # the longer side
MOST_SLIDES: Final = 50
PIECE_BYTES: Final = 4 * 1024**2  # large files travel in pieces of this size, so that no process holds one whole


class SceneFile(BaseModel):
    """A checked file: an asset, and the name that its owner gave it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=80)]
    sha256: Sha256


class PreparedFile(BaseModel):
    """What the check found. `is_source`: the file is good as it came, and nothing was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    duration_s: float | None = None
    is_source: bool = False
