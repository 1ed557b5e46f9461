"""What is said to and by a job inside its room: participant attributes, RPC methods and their payloads."""

from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from protocol.modes import ModeSettings

STAGE_ATTRIBUTE: Final = "avatary.stage"  # on the agent participant; its value is a `Stage`

VISITOR_PREFIX: Final = "visitor-"  # of a visitor's identity
MAX_TYPED_CHARS: Final = 500  # of one text that a visitor types; it goes to the job as a stream on LiveKit's `lk.chat`
VISIT_PROGRESS_METHOD: Final = "avatary.visit_progress"  # RPC, visitor's browser -> job; payload `VisitReport`
FACE_ATTRIBUTE: Final = "avatary.face"  # on the agent participant; its value is a `Face`
SHOWN_ATTRIBUTE: Final = "avatary.shown"  # on the agent participant: identity of whose picture goes with the voice
SWITCH_METHOD: Final = "avatary.switch_mode"  # RPC, control plane -> job; payload `SwitchOrder`, answer `SwitchReply`
SWITCH_ATTRIBUTE: Final = "avatary.switch"  # on the agent participant: code of the switch being made or made last
SWITCH_BACK: Final = ":back"  # follows the code while a switch goes back
SWITCH_DONE: Final = ":done"  # follows the code once the switch, or its going back, is over
SWITCH_SEEN_METHOD: Final = "avatary.switch_seen"  # RPC, visitor's browser -> job; payload `SwitchSeenReport`


class Stage(StrEnum):
    """How far the job is, for the visitor's waiting screen."""

    CONNECTING = "connecting"
    WAKING = "waking"
    ALMOST = "almost"
    READY = "ready"


class Face(StrEnum):
    """What visitors see of the avatar, for the one line that their page tells of it."""

    MOVING = "moving"
    STILL = "still"  # the picture is away for a while; the voice goes on
    CHANGING = "changing"  # as `still`, while an operator has the provider changed


class VisitQuality(BaseModel):
    """How sound and picture arrived in the last seconds, by the browser's own statistics. A reading that is missing is absent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fps: Annotated[float, Field(ge=0, le=1_000)] | None = None
    freezes: Annotated[int, Field(ge=0, le=1_000)] | None = None  # new ones
    freeze_ms: Annotated[float, Field(ge=0, le=3_600_000)] | None = None  # how long they lasted together
    jitter_ms: Annotated[float, Field(ge=0, le=60_000)] | None = None
    round_trip_ms: Annotated[float, Field(ge=0, le=60_000)] | None = None
    lost_percent: Annotated[float, Field(ge=0, le=100)] | None = None  # of packets
    # By how much the sound is ahead of the picture: how much longer the picture stays in the browser, from arrival to playing.
    av_offset_ms: Annotated[float, Field(ge=-60_000, le=60_000)] | None = None


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
    quality: VisitQuality | None = None  # comes alone, every ten seconds at most
    picture_stopped: bool = False  # comes alone: no new frame for 2.5 s, on a page that is looked at


class VisitReportReply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Literal["recorded"] = "recorded"


class SwitchOrder(BaseModel):
    """Go on in another mode, by another provider, or both. The outcome comes as the event `SwitchFinished`.

    `provider` None keeps who draws the face, and `provider_settings` with it; else these are the settings for the one named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    switch: UUID
    mode_slug: str
    mode_version: Annotated[int, Field(ge=1)]
    mode: ModeSettings
    provider: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    provider_settings: dict[str, JsonValue] = {}


class SwitchReply(BaseModel):
    """`busy`: another switch is being made; `not_ready`: the session has no picture yet, or none any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Literal["under_way", "busy", "not_ready"]


class SwitchSeenReport(BaseModel):
    """The longest time without a new frame that the visitor's browser saw around a switch, milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    switch: UUID
    gap_ms: Annotated[float, Field(ge=0, le=3_600_000)]
