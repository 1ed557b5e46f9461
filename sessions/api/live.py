"""Sessions: start, look, stop."""

import hashlib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import Http404
from ninja import Header, Router, Schema, Status
from pydantic import Field, model_validator

from operators.access import Actor
from operators.bearer import ApiRequest
from operators.models import Role
from protocol.jobspec import Language
from sessions.access import get_profile_for, get_session_for, modes_for, sessions_for
from sessions.actions.lifecycle import start_session, stop_session
from sessions.actions.lightening import set_lightening
from sessions.actions.removal import remove_session
from sessions.actions.switches import switch_mode
from sessions.install import install
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch

router = Router(tags=["sessions"])


class SessionIn(Schema):
    profile: UUID
    mode: Annotated[str | None, Field(description="Slug or code of the mode; null is the installation's default.")] = (
        None
    )
    language: Language | None = None
    max_duration_s: Annotated[int, Field(ge=10, le=7 * 24 * 3600)] | None = None
    idle_timeout_s: Annotated[int, Field(ge=10, le=7 * 24 * 3600)] | None = None


class Readiness(Schema):
    """`requested_at`, and milliseconds since then; null for what has not happened."""

    requested_at: datetime
    dispatched_ms: float | None
    process_started_ms: float | None
    connected_ms: float | None
    first_video_ms: float | None
    first_audio_ms: float | None
    ready_ms: float | None


class Step(Schema):
    key: str
    label: str
    status: str
    started_at: datetime
    duration_ms: float | None
    rss_before_bytes: int | None
    rss_after_bytes: int | None
    uss_before_bytes: int | None
    uss_after_bytes: int | None
    metadata: dict[str, Any]
    error: str


class VisitOut(Schema):
    """A visitor's stay; milestones in milliseconds since their click on Talk, null for what has not happened."""

    code: UUID
    name: str
    created_at: datetime
    joined_at: datetime | None
    left_at: datetime | None
    token_ms: float | None
    connected_ms: float | None
    first_frame_ms: float | None
    first_sound_ms: float | None


class SwitchOut(Schema):
    """A switch of the mode, of who draws the face, or of both.

    `gap_ms`: the longest time without a new frame that a visitor's browser saw; null while none told. `reason` is given for one
    that nobody ordered (`is_automatic`).
    """

    code: UUID
    from_mode: str
    to_mode: str
    to_version: int
    from_provider: str
    to_provider: str
    requested_by: str
    is_automatic: bool
    reason: str
    requested_at: datetime
    outcome: str
    detail: str
    finished_at: datetime | None
    took_ms: float | None
    gap_ms: float | None

    @classmethod
    def of(cls, switch: ModeSwitch) -> "SwitchOut":
        own = (
            "code",
            "from_provider",
            "to_provider",
            "requested_by",
            "is_automatic",
            "reason",
            "requested_at",
            "outcome",
            "detail",
            "finished_at",
            "took_ms",
            "gap_ms",
        )
        return cls(
            from_mode=switch.from_version.mode.slug,
            to_mode=switch.to_version.mode.slug,
            to_version=switch.to_version.number,
            **{name: getattr(switch, name) for name in own},
        )


class SwitchIn(Schema):
    """What to go on with; what is not named stays as it is."""

    mode: Annotated[
        str | None, Field(max_length=100, description="Slug or code of the mode; its newest version is applied.")
    ] = None
    provider: Annotated[
        str | None, Field(max_length=40, description="Who draws the face: one that the profile has settings for.")
    ] = None

    @model_validator(mode="after")
    def _names_something(self) -> "SwitchIn":
        if not self.mode and not self.provider:
            raise ValueError("name a mode, a provider, or both")
        return self


class LighteningIn(Schema):
    on: Annotated[bool, Field(description="Go to a lighter mode by itself while frames are late or CPU steal is high.")]


class SessionSummary(Schema):
    code: UUID
    state: str
    state_detail: str
    end_reason: str | None
    profile: UUID
    profile_version: int
    mode: str
    provider: str
    lightening: bool
    language: str
    room: str
    host: str
    job_pid: int | None
    attempt: int
    requested_by: str
    ended_at: datetime | None
    readiness: Readiness

    @classmethod
    def fields_of(cls, session: AvatarSession) -> dict[str, Any]:
        own = (
            "code",
            "state",
            "state_detail",
            "language",
            "room",
            "host",
            "job_pid",
            "attempt",
            "requested_by",
            "ended_at",
        )
        return {
            **{name: getattr(session, name) for name in own},
            "end_reason": session.end_reason or None,
            "profile": session.profile_version.profile.code,
            "profile_version": session.profile_version.number,
            "mode": session.mode_slug,
            "provider": session.provider,
            "lightening": session.lightens,
            "readiness": Readiness(requested_at=session.requested_at, **session.readiness_ms()),
        }

    @classmethod
    def of(cls, session: AvatarSession) -> "SessionSummary":
        return cls(**cls.fields_of(session))


class SessionOut(SessionSummary):
    steps: list[Step]
    visits: list[VisitOut]
    switches: list[SwitchOut]

    @classmethod
    def of(cls, session: AvatarSession) -> "SessionOut":
        steps = session.steps.all()  # monitoring's rows, by reverse relation
        return cls(
            steps=[Step.from_orm(step) for step in steps],
            visits=[VisitOut.from_orm(visit) for visit in session.visits.all()],
            switches=[
                SwitchOut.of(switch)
                for switch in session.switches.select_related("from_version__mode", "to_version__mode")
            ],
            **cls.fields_of(session),
        )


@router.post("sessions", response={201: SessionOut})
def start(
    request: ApiRequest, body: SessionIn, idempotency_key: Annotated[str | None, Header(max_length=64)] = None
) -> Status[SessionOut]:
    """Start a session. The same `Idempotency-Key` again answers with the same session."""
    actor = request.auth
    sessions_for(actor, Role.OPERATOR)
    session = start_session(
        profile=get_profile_for(actor, body.profile),
        mode=_mode(actor, body.mode or install().default_mode),
        by=actor.label,
        language=body.language,
        max_duration_s=body.max_duration_s,
        idle_timeout_s=body.idle_timeout_s,
        request_key=_request_key(actor, idempotency_key),
    )
    return Status(201, SessionOut.of(session))


@router.get("sessions", response=list[SessionSummary])
def list_sessions(
    request: ApiRequest,
    state: str | None = None,
    limit: Annotated[int, Field(ge=1, le=1000)] = 100,
    offset: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0,
) -> list[SessionSummary]:
    """Newest first."""
    sessions = sessions_for(request.auth)
    if state:
        sessions = sessions.filter(state=state)
    return [SessionSummary.of(session) for session in sessions[offset : offset + limit]]


@router.get("sessions/{uuid:code}", response=SessionOut)
def get_session(request: ApiRequest, code: UUID) -> SessionOut:
    return SessionOut.of(get_session_for(request.auth, code))


@router.post("sessions/{uuid:code}/mode", response={202: SwitchOut})
def switch(request: ApiRequest, code: UUID, body: SwitchIn) -> Status[SwitchOut]:
    """Go on in another mode, by another provider, or both, while people talk. The outcome, with its gap, comes to stand in the
    session's `switches`."""
    actor = request.auth
    session = get_session_for(actor, code, Role.OPERATOR)
    mode = _mode(actor, body.mode) if body.mode else None
    return Status(202, SwitchOut.of(switch_mode(session, mode, by=actor.label, provider=body.provider or "")))


@router.post("sessions/{uuid:code}/lightening", response=SessionSummary)
def lightening(request: ApiRequest, code: UUID, body: LighteningIn) -> SessionSummary:
    """Let the session go to a lighter mode by itself, and back, or leave its mode to operators (the default)."""
    actor = request.auth
    session = get_session_for(actor, code, Role.OPERATOR)
    set_lightening(session, body.on, by=actor.label)
    return SessionSummary.of(session)


@router.post("sessions/{uuid:code}/stop", response=SessionOut)
def stop(request: ApiRequest, code: UUID) -> SessionOut:
    """Stop; a session that is stopping or over stays as it is."""
    actor = request.auth
    session = get_session_for(actor, code, Role.OPERATOR)
    stop_session(session, by=actor.label)
    session.refresh_from_db()  # somebody else may have been faster
    return SessionOut.of(session)


@router.delete("sessions/{uuid:code}", response={204: None})
def remove(request: ApiRequest, code: UUID) -> Status[None]:
    """Delete an ended session for good, with its report and all that was measured of it."""
    remove_session(get_session_for(request.auth, code, Role.ADMIN))
    return Status(204, None)


def _request_key(actor: Actor, idempotency_key: str | None) -> str | None:
    """The caller's key among all callers' keys, 64 characters."""
    return hashlib.sha256(f"{actor.label}\n{idempotency_key}".encode()).hexdigest() if idempotency_key else None


def _mode(actor: Any, slug_or_code: str) -> DeploymentMode:
    modes = modes_for(actor)
    try:
        mode = modes.filter(code=UUID(slug_or_code)).first()
    except ValueError:
        mode = modes.filter(slug=slug_or_code).first()
    if mode is None:
        raise Http404
    return mode
