"""Hosted avatars: who draws the face elsewhere, what a profile may choose of each, and what a host's environment holds for it.

A job reads keys and addresses from its host's environment alone; they are in no message. `bithuman` may also draw here, from a
model file of the host's (`place` is `local`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from protocol.avatar import BuiltinSettings
from protocol.modes import BithumanModel, ModeSettings
from protocol.scene_files import SceneFile
from protocol.test_card import CardSettings

BUILTIN: Final = "builtin"
TEST_CARD: Final = "test-card"
BITHUMAN: Final = "bithuman"
TAVUS: Final = "tavus"
BEY: Final = "bey"
HOSTED: Final = (BITHUMAN, TAVUS, BEY)

STILL: Final = "still"  # who shows a face while no provider does: the profile's still picture, with the voice

_MADE_WITH: Final = (  # what bitHuman's runtime keeps as long as it lives
    "input_buffer_size",
    "output_buffer_size",
    "num_threads",
    "provider_size",
)

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$")]


class LossCode(StrEnum):
    """Why a provider's avatar is not there. Codes, so that reports can count them."""

    NOT_SET_UP = "not_set_up"  # key, model file, SDK or settings are missing or wrong on the host
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"  # reached, and silent beyond the mode's time limit
    UNAUTHORIZED = "unauthorized"  # 401
    PAYMENT_REQUIRED = "payment_required"  # 402
    FORBIDDEN = "forbidden"  # 403
    RATE_LIMITED = "rate_limited"  # 429
    REFUSED = "refused"  # another 4xx
    PROVIDER_ERROR = "provider_error"  # 5xx
    NOT_JOINED = "not_joined"  # said yes, and did not come into the room in time
    LEFT = "left"  # was in the room, and went
    STOPPED = "stopped"  # is there, and its picture or sound stopped


class Variables(NamedTuple):
    """Names of a provider's variables in the environment of an avatar host."""

    key: str  # of its secret: never in a row, a message, a log or a page
    url: str  # of its API, where that is not the vendor's own
    default_url: str


VARIABLES: Final[Mapping[str, Variables]] = {
    BITHUMAN: Variables(
        "BITHUMAN_API_SECRET", "BITHUMAN_API_URL", "https://auth.api.bithuman.ai/v1/runtime-tokens/request"
    ),
    TAVUS: Variables("TAVUS_API_KEY", "TAVUS_API_URL", "https://tavusapi.com/v2"),
    BEY: Variables("BEY_API_KEY", "BEY_API_URL", "https://api.bey.dev"),
}


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(StrEnum):
    """Where bitHuman's avatar is drawn."""

    CLOUD = "cloud"
    LOCAL = "local"


class BitHumanChoice(StrEnum):
    """Which bitHuman model draws; an agent must have been prepared for one that is named."""

    AS_MODE = "as-mode"  # what the deployment mode names
    VENDOR = "vendor"  # none is named: bitHuman chooses
    ESSENCE = "essence"
    EXPRESSION = "expression"
    ESSENCE_2 = "essence-2"
    EXPRESSION_2 = "expression-2"


class BitHumanSettings(_Settings):
    """Settings of bitHuman. Raises `pydantic.ValidationError` for an unknown field, and for settings that name no face."""

    place: Annotated[
        Place, Field(description="Drawn in bitHuman's cloud, or on the avatar host from a model file.")
    ] = Place.CLOUD
    avatar_id: Annotated[Id | None, Field(description="Code of the bitHuman agent whose face is shown (cloud).")] = None
    image: Annotated[
        SceneFile | None, Field(description="A picture to bring to life instead of an agent (cloud, Expression only).")
    ] = None
    model: Annotated[
        BitHumanChoice, Field(description="Model that draws the face; the agent must be prepared for it (cloud).")
    ] = BitHumanChoice.AS_MODE
    model_path: Annotated[
        str | None,
        Field(max_length=500, pattern=r"^/[^\x00]+\.imx$", description="The .imx file on the avatar host (local)."),
    ] = None

    @model_validator(mode="after")
    def _names_one_face(self) -> "BitHumanSettings":
        if self.place is Place.LOCAL:
            if self.model_path is None:
                raise ValueError("a local avatar needs model_path, the .imx file on the avatar host")
        elif self.avatar_id is None and self.image is None:
            raise ValueError("an avatar of the cloud needs avatar_id or image")
        elif self.avatar_id is not None and self.image is not None:
            raise ValueError("avatar_id and image exclude each other")
        return self

    def model_in(self, mode: ModeSettings) -> str | None:
        """The cloud's model that is asked for; None: bitHuman chooses. A picture can be shown by Expression alone."""
        if self.image is not None:
            return BithumanModel.EXPRESSION.value
        if self.model is BitHumanChoice.AS_MODE:
            return mode.bithuman_model.value
        return None if self.model is BitHumanChoice.VENDOR else self.model.value

    def starts_anew(self, before: ModeSettings, after: ModeSettings) -> bool:
        """Whether a change of mode needs another avatar."""
        if self.place is Place.LOCAL:
            return any(getattr(before, name) != getattr(after, name) for name in _MADE_WITH)
        return self.model_in(before) != self.model_in(after)

    @property
    def files(self) -> list[SceneFile]:
        """The assets that a job needs for this."""
        return [self.image] if self.image is not None and self.place is Place.CLOUD else []


class TavusSettings(_Settings):
    """Settings of Tavus. Raises `pydantic.ValidationError` for an unknown field or value."""

    pal_id: Annotated[Id, Field(description="Id of the PAL, with LiveKit as its transport.")]
    face_id: Annotated[Id | None, Field(description="Id of the face; empty is the PAL's own.")] = None


class BeySettings(_Settings):
    """Settings of Beyond Presence. Raises `pydantic.ValidationError` for an unknown field or value."""

    avatar_id: Annotated[Id, Field(description="Id of the avatar.")]


SETTINGS: Final[Mapping[str, type[BaseModel]]] = {
    BUILTIN: BuiltinSettings,
    TEST_CARD: CardSettings,
    BITHUMAN: BitHumanSettings,
    TAVUS: TavusSettings,
    BEY: BeySettings,
}


def files_of(provider: str, settings: Mapping[str, JsonValue]) -> list[SceneFile]:
    """The assets that a job needs to show a profile's avatar by this provider. Raises `pydantic.ValidationError`."""
    if provider == BUILTIN:
        return BuiltinSettings.model_validate(settings).files
    if provider == BITHUMAN:
        return BitHumanSettings.model_validate(settings).files
    return []


def starts_anew(provider: str, settings: Mapping[str, JsonValue], before: ModeSettings, after: ModeSettings) -> bool:
    """Whether a hosted avatar ends and comes again for a change of mode: to the others a mode says how patient to be with them.

    Raises `pydantic.ValidationError`.
    """
    return provider == BITHUMAN and BitHumanSettings.model_validate(settings).starts_anew(before, after)
