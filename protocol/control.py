"""What is said to and by a job inside its room: participant attributes, RPC methods and their payloads."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

STAGE_ATTRIBUTE: Final = "avatary.stage"  # on the agent participant; its value is a `Stage`

VISITOR_PREFIX: Final = "visitor-"  # of a visitor's identity
MAX_TYPED_CHARS: Final = 500  # of one text that a visitor types; it goes to the job as a stream on LiveKit's `lk.chat`
VISIT_PROGRESS_METHOD: Final = "avatary.visit_progress"  # RPC, visitor's browser -> job; payload `VisitReport`


class Stage(StrEnum):
    """How far the job is, for the visitor's waiting screen."""

    CONNECTING = "connecting"
    WAKING = "waking"
    ALMOST = "almost"
    READY = "ready"


class VisitReport(BaseModel):
    """The visitor's page reports what it saw and heard, in milliseconds since the click on Talk.

    Sent after the first decoded frame (with `token_ms`, `connected_ms`, `first_frame_ms`), and again after the first sound that
    was not silence (`first_sound_ms`). The first report with a frame asks for the greeting. The answer is a `VisitReportReply`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    connected_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    first_frame_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None
    first_sound_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None


class VisitReportReply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Literal["recorded"] = "recorded"
