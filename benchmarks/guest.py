"""A visitor who comes in by a session's link, hears and is heard; its picture is decoded, and nobody looks at it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from livekit import rtc

from tests.agent.conversing import SpeakingVisitor
from tests.services import LiveKit
from tests.stack import Stack


@dataclass
class _Door:
    """What a `Visitor` needs of a LiveKit server, from a join ticket."""

    url: str


class Guest(SpeakingVisitor):
    """Comes in by the session's link, like anybody."""

    def __init__(self, stack: Stack, link: dict[str, Any]) -> None:
        ticket = stack.api("POST", f"join/{link['url'].rstrip('/').rsplit('/', 1)[-1]}", {}, anonymous=True)
        door: Any = _Door(ticket["livekit_url"])
        livekit: LiveKit = door
        super().__init__(livekit, "", ticket["identity"])
        self._ticket = ticket["token"]
        self.video: rtc.RemoteVideoTrack | None = None

    def token(self) -> str:
        return str(self._ticket)

    async def _watch(self, track: rtc.Track) -> None:
        """The picture is sent and decoded, as in a browser; nobody looks at it here, which would cost the machine more."""
        if isinstance(track, rtc.RemoteVideoTrack):
            self.video = track

    async def silence(self, seconds: float = 1.0, limit_s: float = 60) -> None:
        await until(lambda: self.quiet_for(seconds), limit_s)


async def until(condition: Any, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True
