"""What a stand-in does instead of working well."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field


class Kind(StrEnum):
    NORMAL = "normal"
    SLOW = "slow"  # answers after `seconds`, then as normal
    REFUSE = "refuse"  # closes the connection without an answer
    UNAUTHORIZED = "401"
    PAYMENT = "402"  # to what costs money only: account and preflight go on answering, with nothing left
    FORBIDDEN = "403"  # to what costs money only
    RATE_LIMITED = "429"  # with Retry-After: `seconds`
    BROKEN = "500"
    SILENT = "silent"  # takes the request and never answers
    JOIN_THEN_DIE = "join-then-die"  # leaves the room `seconds` after its first picture
    JOIN_THEN_HANG = "join-then-hang"  # stays in the room from then on, and neither shows nor says anything
    NEVER_JOIN = "never-join"  # says yes and stays away
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - bitHuman: tokens minted before are refused; others: the room's token is


SECONDS: Final[Mapping[Kind, float]] = {
    Kind.SLOW: 3.0,
    Kind.RATE_LIMITED: 1.0,
    Kind.JOIN_THEN_DIE: 2.0,
    Kind.JOIN_THEN_HANG: 2.0,
}
OF_AVATARS: Final = (Kind.JOIN_THEN_DIE, Kind.JOIN_THEN_HANG, Kind.NEVER_JOIN)
STATUS_OF_EVERYTHING: Final = {Kind.UNAUTHORIZED: 401, Kind.RATE_LIMITED: 429, Kind.BROKEN: 500}
STATUS_OF_STARTS: Final = {Kind.PAYMENT: 402, Kind.FORBIDDEN: 403}


class Behaviour(BaseModel):
    """As `POST /_standin/{vendor}/behave` takes it. `times`: so many requests are met by it, then normal again; None: all.
    What avatars do is met by starts alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    behaviour: Kind = Kind.NORMAL
    seconds: float | None = Field(default=None, ge=0, le=600)
    times: int | None = Field(default=None, ge=1)

    @property
    def length_s(self) -> float:
        """`seconds`, or what is usual for the behaviour."""
        return SECONDS.get(self.behaviour, 0.0) if self.seconds is None else self.seconds

    @classmethod
    def parse(cls, text: str) -> "Behaviour":
        """From the command line: `slow`, or `slow:5` for seconds. Raises pydantic's `ValidationError`."""
        kind, _, seconds = text.partition(":")
        return cls.model_validate({"behaviour": kind, "seconds": seconds or None})
