"""Files that jobs need, named by what is in them: written once, never changed, the same on every host.

An asset lies in `$AVATARY_HOME/assets/<first two characters of its sha256>/<sha256>`. A job that does not find it there gets it
from the web process by the signed URL of its reference, and keeps it.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

ASSETS_FOLDER: Final = "assets"
MAX_ASSET_BYTES: Final = 2 * 1024**3
ASSET_PIECE_BYTES: Final = 2 * 1024**2  # the most that one answer holds of an asset that is asked for by ranges

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class AssetRef(BaseModel):
    """Where to find one asset. `url` is good for as long as the session may last, and opens this one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0, le=MAX_ASSET_BYTES)]
    url: Annotated[str, Field(max_length=1_000)]


def asset_path_parts(sha256: str) -> tuple[str, str, str]:
    """Folders and name of an asset's file below the state folder."""
    return ASSETS_FOLDER, sha256[:2], sha256
