"""Telemetry events: what jobs, workers and samplers report, in the order that they happened.

Every event names its `source` (one writer) and `seq`, which counts from 1 within the source without gaps, so that an event
that is delivered twice is recognised. Times are UTC; durations are measured on the writer's monotonic clock.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from protocol.control import VisitQuality
from protocol.providers import LossCode
from protocol.readings import (
    Bytes,
    CpuSample,
    DiskSample,
    MemorySample,
    NetworkSample,
    Percent,
    PressureSample,
    ProcessSample,
    QuotaSample,
    Role,
)

Milliseconds = Annotated[float, Field(ge=0)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(max_length=120, pattern=r"^[^\x00]+$")]
    seq: Annotated[int, Field(ge=1, le=2**63 - 1)]
    at: AwareDatetime


class JobEvent(_Event):
    """Written by the job that serves `session` in its `attempt`."""

    session: Code
    attempt: Annotated[int, Field(ge=1)]


# -- a job's life ---------------------------------------------------------------------------------------------------


class JobProcessStarted(JobEvent):
    """First event of a job: the worker gave it a process. Next: steps, `JobConnected`."""

    kind: Literal["job_process_started"] = "job_process_started"
    host: Host
    pid: Annotated[int, Field(gt=0)]
    job_id: str


class JobConnected(JobEvent):
    """The job is a participant of its room."""

    kind: Literal["job_connected"] = "job_connected"


class FirstVideoPublished(JobEvent):
    """The video track is published and took its first frame."""

    kind: Literal["first_video_published"] = "first_video_published"
    width: int
    height: int
    fps: float
    codec: str


class JobReady(JobEvent):
    """READY: connected, video published, the greeting's sound prepared. Needs no visitor."""

    kind: Literal["job_ready"] = "job_ready"


class GreetingStarted(JobEvent):
    """The greeting's sound began to play, for the visitor `identity`."""

    kind: Literal["greeting_started"] = "greeting_started"
    identity: str


class TurnCompleted(JobEvent):
    """A visitor asked and the avatar answered, was interrupted, or had no answer. What was said stays in the room.

    Times count from the end of the visitor's speech (its last voiced sound), or from a typed question's arrival, unless they
    say otherwise. `first_sound_ms` is absent where no answer was heard.
    """

    kind: Literal["turn_completed"] = "turn_completed"
    identity: Annotated[str, Field(max_length=128)]
    typed: bool = False
    language: Annotated[str, Field(max_length=16)]
    words: Annotated[int, Field(ge=0)]
    end_of_turn_ms: Milliseconds  # until it was taken for over
    recognised_ms: Milliseconds | None = None  # the last recognition's own time
    answer_ms: Milliseconds | None = None  # from the question to the first words of the answer
    voice_ms: Milliseconds | None = None  # from there to its first sound
    first_sound_ms: Milliseconds | None = None  # until the answer's sound went out
    interrupted: bool = False


class JobEnded(JobEvent):
    """Last event of a job that ended in good order. `error` is a sentence, for a job that could not go on."""

    kind: Literal["job_ended"] = "job_ended"
    error: str | None = None


class AnswersDegraded(JobEvent):
    """The avatar answers worse than it was set up to: a hosted model failed, or its knowledge is not at hand. `detail` is a
    sentence for the operator. At most one a failure; the session goes on."""

    kind: Literal["answers_degraded"] = "answers_degraded"
    detail: Annotated[str, Field(max_length=500)]


class JobNotice(JobEvent):
    """Something is not as the profile asks, and the session goes on without it: a TV programme that cannot be played."""

    kind: Literal["job_notice"] = "job_notice"
    sentence: Annotated[str, Field(min_length=1, max_length=500)]


# -- steps ----------------------------------------------------------------------------------------------------------


class StepStarted(JobEvent):
    """A workflow step began. `step` is unique within the attempt; `parent` is the step around it."""

    kind: Literal["step_started"] = "step_started"
    step: Annotated[int, Field(ge=1)]
    parent: int | None = None
    key: Annotated[str, Field(max_length=64)]
    label: Annotated[str, Field(max_length=120)]
    rss_before_bytes: Bytes | None = None
    uss_before_bytes: Bytes | None = None


class StepFinished(JobEvent):
    """The end of the step that `StepStarted` announced. A failed step says why in `error`."""

    kind: Literal["step_finished"] = "step_finished"
    step: Annotated[int, Field(ge=1)]
    status: Literal["completed", "failed"]
    duration_ms: Milliseconds
    rss_after_bytes: Bytes | None = None
    uss_after_bytes: Bytes | None = None
    metadata: dict[str, JsonValue] = {}
    error: Annotated[str, Field(max_length=2_000)] | None = None


# -- frames ---------------------------------------------------------------------------------------------------------


class FrameStats(JobEvent):
    """Once a second from a job that shows video: what the renderer did since the last one."""

    kind: Literal["frame_stats"] = "frame_stats"
    composed: Annotated[int, Field(ge=0)]
    cached: Annotated[int, Field(ge=0)]
    repeated: Annotated[int, Field(ge=0)]
    dropped: Annotated[int, Field(ge=0)] = 0  # sent by jobs of earlier releases, always 0: a late frame is repeated
    frame_p50_ms: Milliseconds | None = None
    frame_p95_ms: Milliseconds | None = None
    frame_max_ms: Milliseconds | None = None
    budget_ms: Milliseconds


class FrameOverrun(JobEvent):
    """A frame took longer than its budget (at most one such event a second; `count` says how many it stands for)."""

    kind: Literal["frame_overrun"] = "frame_overrun"
    took_ms: Milliseconds
    budget_ms: Milliseconds
    count: Annotated[int, Field(ge=1)] = 1


# -- modes ----------------------------------------------------------------------------------------------------------


class SwitchFinished(JobEvent):
    """The outcome of a `SwitchOrder`. `failed`: the session goes on as before. `went_back`: a switch that was applied was too
    much for the host, and the earlier mode is back. `detail` is a sentence for the operator."""

    kind: Literal["switch_finished"] = "switch_finished"
    switch: UUID
    outcome: Literal["applied", "failed", "went_back"]
    took_ms: Milliseconds
    detail: Annotated[str, Field(max_length=500)] = ""


class SwitchSeen(JobEvent):
    """A visitor's browser saw a switch: the longest time without a new frame around it."""

    kind: Literal["switch_seen"] = "switch_seen"
    switch: UUID
    identity: Annotated[str, Field(max_length=128)]
    gap_ms: Milliseconds


# -- providers ------------------------------------------------------------------------------------------------------


class AvatarLost(JobEvent):
    """A provider's avatar could not be started, or was lost. Next: `AvatarTakenOver` unless that has come before, and a further
    try of the provider's, `AvatarBack`, or the fallback. `tries` counts from 1 since the avatar was there last."""

    kind: Literal["avatar_lost"] = "avatar_lost"
    provider: Annotated[str, Field(max_length=40)]
    code: LossCode
    sentence: Annotated[str, Field(max_length=500)]
    tries: Annotated[int, Field(ge=1)]
    again_in_s: Annotated[float, Field(ge=0)] | None = None  # None: the provider is given up


class AvatarTakenOver(JobEvent):
    """`provider` shows the face now in the place of the profile's own: "still" is the still picture with the voice. The session
    is degraded until `AvatarBack`. `took_ms` from when the loss was noticed to the first picture."""

    kind: Literal["avatar_taken_over"] = "avatar_taken_over"
    provider: Annotated[str, Field(max_length=40)]
    took_ms: Milliseconds


class AvatarBack(JobEvent):
    """The provider that the session is meant to have shows its face again, `away_ms` after it was lost."""

    kind: Literal["avatar_back"] = "avatar_back"
    provider: Annotated[str, Field(max_length=40)]
    away_ms: Milliseconds


class ProviderConversation(JobEvent):
    """A conversation was opened at a vendor who bills it, or ended there by the job. `conversation` is the vendor's id; empty
    where its answer names none, so that the room's name has to find it. One that is opened and never told ended is looked for
    when the session is over, and ended from outside."""

    kind: Literal["provider_conversation"] = "provider_conversation"
    provider: Annotated[str, Field(max_length=40)]
    conversation: Annotated[str, Field(max_length=200)] = ""
    change: Literal["opened", "ended"]


class ProviderMeasured(JobEvent):
    """How long a hosted avatar took: to come, or to say what it was sent. What is absent was not measured then."""

    kind: Literal["provider_measured"] = "provider_measured"
    provider: Annotated[str, Field(max_length=40)]
    answered_ms: Milliseconds | None = None  # from the order to the vendor's answer
    joined_ms: Milliseconds | None = None  # from the order until it was in the room with its picture
    voice_delay_ms: Milliseconds | None = (
        None  # from a speech's first sound sent until it was said; reckoned at its end
    )


# -- visitors, as the job sees them -----------------------------------------------------------------------------------


class VisitorJoined(JobEvent):
    kind: Literal["visitor_joined"] = "visitor_joined"
    identity: str


class VisitorLeft(JobEvent):
    kind: Literal["visitor_left"] = "visitor_left"
    identity: str


class VisitProgress(JobEvent):
    """The visitor's browser reported its own milestone, in milliseconds since the click on Talk."""

    kind: Literal["visit_progress"] = "visit_progress"
    identity: str
    token_ms: Milliseconds | None = None
    connected_ms: Milliseconds | None = None
    first_frame_ms: Milliseconds | None = None
    first_sound_ms: Milliseconds | None = None


class VisitQualitySeen(JobEvent):
    """How sound and picture arrived at a visitor's browser in the last seconds (`protocol.control.VisitQuality`)."""

    kind: Literal["visit_quality_seen"] = "visit_quality_seen"
    identity: Annotated[str, Field(max_length=128)]
    quality: VisitQuality


class MediaStats(JobEvent):
    """Every ten seconds from a job that publishes: what it sent since the last one, by LiveKit's statistics."""

    kind: Literal["media_stats"] = "media_stats"
    encoded_fps: Annotated[float, Field(ge=0)] | None = None
    encode_ms: Milliseconds | None = None  # a frame, mean
    sent_kbps: Annotated[float, Field(ge=0)] | None = None
    lost_percent: Percent | None = None  # packets, as the server reports
    round_trip_ms: Milliseconds | None = None
    jitter_ms: Milliseconds | None = None
    limited_by: Literal["", "cpu", "bandwidth", "other"] = ""  # why the encoder holds back
    queued_frames: Annotated[int, Field(ge=0)] | None = None
    queued_sound_ms: Milliseconds | None = None


# -- agent worker -----------------------------------------------------------------------------------------------------


class WorkerStarted(_Event):
    """The agent worker of a host is registered with LiveKit and takes dispatches. Names alone are told of secrets."""

    kind: Literal["worker_started"] = "worker_started"
    host: Host
    pid: Annotated[int, Field(gt=0)]
    provider_keys: list[
        Annotated[str, Field(max_length=40)]
    ] = []  # hosted providers whose secret its environment holds


# -- sampler ----------------------------------------------------------------------------------------------------------


class HostSample(_Event):
    """Once a second from each host's sampler. `agent_pss_bytes` is the whole tree of the agent worker."""

    kind: Literal["host_sample"] = "host_sample"
    host: Host
    cpu: CpuSample
    memory: MemorySample | None = None
    load_1m: Annotated[float, Field(ge=0)] | None = None
    quota: QuotaSample | None = None
    pressure: PressureSample | None = None
    network: NetworkSample | None = None
    disk: DiskSample | None = None
    agent_pss_bytes: Bytes | None = None
    processes: list[ProcessSample] = []


class ProcessExited(_Event):
    """A process of the agent worker's tree that was there at the last sample is gone."""

    kind: Literal["process_exited"] = "process_exited"
    host: Host
    pid: Annotated[int, Field(gt=0)]
    role: Role


TelemetryEvent = Annotated[
    JobProcessStarted
    | JobConnected
    | FirstVideoPublished
    | JobReady
    | GreetingStarted
    | TurnCompleted
    | JobEnded
    | AnswersDegraded
    | JobNotice
    | StepStarted
    | StepFinished
    | FrameStats
    | FrameOverrun
    | SwitchFinished
    | SwitchSeen
    | AvatarLost
    | AvatarTakenOver
    | AvatarBack
    | ProviderConversation
    | ProviderMeasured
    | VisitorJoined
    | VisitorLeft
    | VisitProgress
    | VisitQualitySeen
    | MediaStats
    | WorkerStarted
    | HostSample
    | ProcessExited,
    Field(discriminator="kind"),
]

_adapter: TypeAdapter[TelemetryEvent] = TypeAdapter(TelemetryEvent)


def decode_event(payload: bytes | str) -> TelemetryEvent:
    """The event in `payload` (JSON). Raises `pydantic.ValidationError` for anything that is not a well-formed event."""
    return _adapter.validate_json(payload)


def encode_event(event: _Event) -> bytes:
    """JSON of an event, UTF-8."""
    return event.model_dump_json(exclude_none=True).encode()
