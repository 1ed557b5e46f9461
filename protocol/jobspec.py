"""What a job needs to serve one avatar session: carried as LiveKit dispatch metadata.

Sent by the Celery task that places a session, read once by the job at its start. No secrets: the avatar host has its own.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from protocol.assets import AssetRef
from protocol.modes import ModeSettings

Language = Literal["en", "ar"]

DEFAULT_PRESENTER: Final = "presenter"  # the built-in renderer's face where `provider_settings` names none
MAX_GREETING_CHARS: Final = 2_000
MAX_PERSONA_CHARS: Final = 20_000


class ProfileSpec(BaseModel):
    """One version of an avatar profile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    version: Annotated[int, Field(ge=1)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    persona: Annotated[str, Field(max_length=MAX_PERSONA_CHARS)]
    greeting: Annotated[str, Field(max_length=MAX_GREETING_CHARS)]
    voice: Annotated[str, Field(max_length=80)]
    provider: Annotated[str, Field(max_length=40)]
    provider_settings: dict[str, JsonValue]
    fallback: Annotated[str, Field(max_length=40)] = ""  # provider that takes over from one that fails for good
    other_settings: dict[
        str, dict[str, JsonValue]
    ] = {}  # by provider: what the fallback, or a provider switched to, wears


class SessionLimits(BaseModel):
    """When a session ends by itself, seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_duration_s: Annotated[int, Field(ge=10, le=7 * 24 * 3600)]
    idle_timeout_s: Annotated[int, Field(ge=10, le=7 * 24 * 3600)]


class JobSpec(BaseModel):
    """The whole order for one job. `attempt` counts from 1; a restart in the same room is the next attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session_code: str
    room: str
    host: str
    attempt: Annotated[int, Field(ge=1)]
    language: Language
    profile: ProfileSpec
    mode_slug: str
    mode_version: Annotated[int, Field(ge=1)]
    mode: ModeSettings
    limits: SessionLimits
    greeted: list[str] = []  # identities that an earlier attempt has greeted: nobody is greeted twice
    knowledge: AssetRef | None = None  # JSON of `protocol.knowledge.Knowledge`
    documents: list[AssetRef] = []  # plain texts of the documents that the knowledge names
    scene_files: list[AssetRef] = []  # film, slides and logo that the provider's settings name; what is lost is missing
    portrait: AssetRef | None = None  # prepared, of the code in `provider_settings`; none where it is lost


def agent_name_for(host: str) -> str:
    """LiveKit agent name of a host's agent worker: placement is ours, so each host has its own name."""
    return f"avatary-{host}"


def room_name_for(session_code: str) -> str:
    """LiveKit room of an avatar session."""
    return f"avatary-{session_code}"
