"""Avatars behind one seam: LiveKit's `VideoGenerator` for what renders here, a LiveKit plugin for what renders elsewhere.

A provider is one factory and one line in `PROVIDERS`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from agent.avatars.builtin.face_state import Expression
from agent.frames import FrameTiming
from protocol.jobspec import JobSpec
from protocol.modes import ModeSettings

if TYPE_CHECKING:  # seconds to load, which programs that only draw can do without
    from livekit import rtc
    from livekit.agents import AgentSession


class Avatar(Protocol):
    """Takes over the session's audio output when it is made, before the session starts."""

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Prepares, awaits `connected()` (the room is joined) and publishes. Returns once the picture took its first frame."""

    async def broken(self) -> str:
        """After `start`: returns why, once picture or sound stop though nobody closed the avatar."""

    def show(self, expression: Expression) -> None:
        """Look like this from now on. An avatar whose face makes its own expressions does nothing."""

    def caption(self, text: str) -> None:
        """What was said so far of what is being said; empty when nothing is. An avatar that burns no captions in does nothing."""

    async def switch(self, mode: ModeSettings) -> None:
        """After `start`: goes on in another mode while the voice goes on. Raises what keeps it from that; then it goes on as
        it was. Returns once the picture is the new mode's."""

    async def aclose(self) -> None:
        """Ends the avatar, started or not."""


@dataclass(frozen=True)
class AvatarParts:
    """What a provider builds its avatar from."""

    room: "rtc.Room"
    session: "AgentSession[None]"
    spec: JobSpec
    on_frame: Callable[[FrameTiming], None]
    warn: Callable[[str], None]  # takes a sentence for the operator, from any thread


class UnknownProvider(ValueError):
    """The profile names an avatar provider that this host does not have."""


def make_avatar(parts: AvatarParts) -> Avatar:
    """The profile's avatar, not started. Raises `UnknownProvider`."""
    provider = parts.spec.profile.provider
    factory = PROVIDERS.get(provider)
    if factory is None:
        raise UnknownProvider(f"no avatar provider {provider!r} on this host; it has {', '.join(sorted(PROVIDERS))}")
    return factory(parts)


def _builtin(parts: AvatarParts) -> Avatar:
    from agent.avatars.builtin_avatar import BuiltinAvatar

    return BuiltinAvatar(parts)


def _test_card(parts: AvatarParts) -> Avatar:
    from agent.avatars.rendered import RenderedAvatar
    from agent.avatars.test_card.card import CardComposer

    return RenderedAvatar(parts, lambda mode: lambda: CardComposer(mode))


PROVIDERS: Final[dict[str, Callable[[AvatarParts], Avatar]]] = {"builtin": _builtin, "test-card": _test_card}
