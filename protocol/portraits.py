"""Uploaded portraits: what is taken as one, and the order for the clip in which it speaks.

`python -m agent prepare-portrait` and `preview-portrait` print JSON lines; a clip's order is read from standard input.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from protocol.avatar import BuiltinSettings
from protocol.jobspec import MAX_GREETING_CHARS

MOST_PICTURE_BYTES: Final = 20 * 1024 * 1024
MOST_PICTURE_PIXELS: Final = 40_000_000
BETTER_FACE_PX: Final = 400  # a face of this height is sharp at full size


class ClipOrder(BaseModel):
    """What the clip shows: `text` said by the host's own `voice`, in the place that `settings` name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MAX_GREETING_CHARS)]
    voice: Annotated[str, Field(max_length=80)]
    settings: BuiltinSettings
