"""What an avatar host is asked about vendors of hosted avatars, which it alone has the keys for: is all ready, and end this.

`python -m agent preflight` reads a `PreflightOrder` from standard input and prints {results: [`CheckResult`]};
`python -m agent end-conversations` reads a `Leftovers` and prints {ended: [`Ended`]}.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from protocol.modes import BithumanModel

MOST_LEFTOVERS: Final = 50  # in one order


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Check(StrEnum):
    """What is looked at, in this order."""

    KEY = "key"
    REACHABLE = "reachable"
    QUOTA = "quota"
    FACE = "face"  # the id, picture or file that names it
    ROOM = "room"  # whether the vendor can come into our rooms


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"  # nobody tells


class Target(_Message):
    """A provider and what a profile chooses of it."""

    provider: Annotated[str, Field(max_length=40)]
    settings: dict[str, JsonValue] = {}


class PreflightOrder(_Message):
    """`model`: bitHuman's, of the mode that is usual here, for settings that leave it to the mode."""

    targets: Annotated[list[Target], Field(min_length=1, max_length=10)]
    model: BithumanModel = BithumanModel.ESSENCE


class CheckResult(_Message):
    """One answer, as a sentence that says what to do where something is wrong. `took_ms`: the vendor's median answer."""

    provider: Annotated[str, Field(max_length=40)]
    check: Check
    outcome: Outcome
    sentence: Annotated[str, Field(max_length=500)]
    took_ms: Annotated[float, Field(ge=0)] | None = None


class Conversation(_Message):
    """One that may still be open at a vendor. `id` is the vendor's; empty where only the room is known."""

    provider: Annotated[str, Field(max_length=40)]
    id: Annotated[str, Field(max_length=200)] = ""
    room: Annotated[str, Field(max_length=120)]


class Leftovers(_Message):
    conversations: Annotated[list[Conversation], Field(max_length=MOST_LEFTOVERS)]


class Ended(_Message):
    """What became of one, in the order of the `Leftovers`. `is_over`: it is closed at the vendor now, or was already;
    `was_open`: it had to be ended. `detail` says why one may still be open."""

    is_over: bool
    was_open: bool = False
    detail: Annotated[str, Field(max_length=500)] = ""
