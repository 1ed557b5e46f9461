"""Avatars behind one seam: LiveKit's `VideoGenerator` for what renders here, a LiveKit plugin for what renders elsewhere.

A provider is one factory and one line in `PROVIDERS`. `keeper.py` shows one at a time, and puts another in the place of one that
is lost.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import JsonValue

from agent.avatars.builtin.face_state import Expression
from agent.avatars.frames import FrameTiming
from protocol.jobspec import JobSpec
from protocol.modes import ModeSettings
from protocol.providers import BEY, BITHUMAN, BUILTIN, TAVUS, TEST_CARD, LossCode

if TYPE_CHECKING:  # seconds to load, which programs that only draw can do without
    from livekit import rtc
    from livekit.agents.voice.io import AudioOutput


FOR_GOOD: Final = {LossCode.NOT_SET_UP, LossCode.UNAUTHORIZED, LossCode.PAYMENT_REQUIRED, LossCode.REFUSED}


class AvatarLostError(Exception):
    """An avatar could not be started, or is lost; the message is a sentence for the operator, without secrets."""

    def __init__(self, code: LossCode, sentence: str, *, retry_after_s: float | None = None) -> None:
        """`retry_after_s`: the provider asked for so long a pause."""
        super().__init__(sentence)
        self.code, self.retry_after_s = code, retry_after_s

    @property
    def is_for_good(self) -> bool:
        """Trying again changes nothing: somebody has to set something right."""
        return self.code in FOR_GOOD


class Avatar(Protocol):
    """One provider's avatar, from its start to its end."""

    @property
    def sound(self) -> "AudioOutput":
        """After `start`: what says aloud what it is given."""

    @property
    def identity(self) -> str:
        """Of the participant that it is, rendered elsewhere; empty where the job itself publishes it."""

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Prepares, awaits `connected()` (the room is joined) and publishes. Returns once the picture took its first frame.
        Raises `AvatarLostError` where a provider is to blame; close it then, too."""

    async def broken(self) -> AvatarLostError:
        """After `start`: returns why, once picture or sound stop though nobody closed the avatar."""

    def show(self, expression: Expression) -> None:
        """Look like this from now on. An avatar whose face makes its own expressions does nothing."""

    def caption(self, text: str) -> None:
        """What was said so far of what is being said; empty when nothing is. An avatar that burns no captions in does nothing."""

    async def switch(self, mode: ModeSettings) -> bool:
        """After `start`: goes on in another mode while the voice goes on, and returns once the picture is the new mode's. Raises
        what keeps it from that; then it goes on as it was. False: only a new avatar can."""

    def doubt(self) -> None:
        """A visitor sees no new picture. An avatar whose pictures the job does not make looks whether there are any; where there
        are none, it is broken."""

    async def aclose(self) -> None:
        """Ends the avatar, started or not, and what the provider would bill."""


@dataclass(frozen=True)
class AvatarParts:
    """What a provider builds its avatar from. `settings` are the provider's own."""

    room: "rtc.Room"
    spec: JobSpec
    provider: str
    settings: Mapping[str, JsonValue]
    mode: ModeSettings
    on_frame: Callable[[FrameTiming], None]
    warn: Callable[[str], None]  # takes a sentence for the operator, from any thread
    emit: Callable[..., None]


class UnknownProvider(ValueError):
    """The profile names an avatar provider that this host does not have."""


def make_avatar(parts: AvatarParts) -> Avatar:
    """The provider's avatar, not started. Raises `UnknownProvider`, and `pydantic.ValidationError` for settings that it does not
    take."""
    factory = PROVIDERS.get(parts.provider)
    if factory is None:
        raise UnknownProvider(
            f"no avatar provider {parts.provider!r} on this host; it has {', '.join(sorted(PROVIDERS))}"
        )
    return factory(parts)


def _builtin(parts: AvatarParts) -> Avatar:
    from agent.avatars.builtin_avatar import BuiltinAvatar

    return BuiltinAvatar(parts)


def _test_card(parts: AvatarParts) -> Avatar:
    from agent.avatars.rendered import RenderedAvatar
    from agent.avatars.test_card.card import CardComposer

    return RenderedAvatar(parts, lambda mode: lambda: CardComposer(mode))


def _bithuman(parts: AvatarParts) -> Avatar:
    from agent.avatars.bithuman import make

    return make(parts)


def _tavus(parts: AvatarParts) -> Avatar:
    from agent.avatars.tavus import TavusAvatar

    return TavusAvatar(parts)


def _bey(parts: AvatarParts) -> Avatar:
    from agent.avatars.bey import BeyAvatar

    return BeyAvatar(parts)


PROVIDERS: Final[dict[str, Callable[[AvatarParts], Avatar]]] = {
    BUILTIN: _builtin,
    TEST_CARD: _test_card,
    BITHUMAN: _bithuman,
    TAVUS: _tavus,
    BEY: _bey,
}
