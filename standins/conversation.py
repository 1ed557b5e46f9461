"""Conversations (Tavus), sessions (Beyond Presence), runtime sessions (bitHuman): what a vendor would bill."""

import asyncio
import logging
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from standins.avatar import JoinRefused, RoomAvatar
from standins.behaviour import Behaviour, Kind
from standins.card import Look

logger = logging.getLogger("standins")


class State(StrEnum):
    STARTING = "starting"
    JOINED = "joined"
    LEFT = "left"  # out of the room, and not ended at the vendor
    ENDED = "ended"


@dataclass
class Conversation:
    """`details` are the vendor's own fields. `note` says why it is in its state."""

    url: str
    token: str = field(repr=False)
    ends_when_out: bool  # whether leaving the room ends it for the vendor, too
    details: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended_at: datetime | None = None
    state: State = State.STARTING
    note: str = ""
    identity: str = ""
    room: str = ""
    avatar: RoomAvatar | None = None
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether the vendor goes on billing."""
        return self.state is not State.ENDED

    def start(self, look: Look, sample_rate: int, behaviour: Behaviour, *, spoil_token: bool) -> None:
        """Has the avatar join, as far as the behaviour lets it."""
        if behaviour.behaviour is Kind.NEVER_JOIN:
            self.note = "stays away, as it was told to"
            return
        self.avatar = RoomAvatar(look, sample_rate)
        token = self.token[:-8] + "expired0" if spoil_token else self.token
        self._task = asyncio.create_task(self._run(self.avatar, token, behaviour), name=f"conversation {self.id}")
        self._task.add_done_callback(_log_failure)

    async def end(self, note: str) -> None:
        """The avatar leaves; nothing is billed any more. Does nothing a second time."""
        if not self.open:
            return
        self._finish(note)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def seen(self) -> dict[str, Any]:
        """What `GET /_standin/{vendor}` tells of it."""
        talking = self.avatar.talking if self.avatar else None
        return {
            "id": self.id,
            "state": self.state,
            "open": self.open,
            "note": self.note,
            "room": self.room,
            "identity": self.identity,
            "created_at": self.created_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "pictures": talking.pictures if talking else 0,
            "heard_s": round(talking.heard_s, 3) if talking else 0.0,
            "segments": talking.segments if talking else 0,
            "clears": talking.clears if talking else 0,
            "hangs": self.avatar.hangs if self.avatar else False,
            **self.details,
        }

    async def _run(self, avatar: RoomAvatar, token: str, behaviour: Behaviour) -> None:
        def joined() -> None:
            self.state = State.JOINED
            self.room, self.identity = avatar.room.name, avatar.room.local_participant.identity

        note = "the stand-in failed; its log says why"
        try:
            note = await avatar.run(self.url, token, joined=joined, behaviour=behaviour)
        except JoinRefused as error:
            note = f"LiveKit did not let it in: {error}"
        finally:
            if self.ends_when_out:
                self._finish(note)
            elif self.open:
                self.state, self.note = State.LEFT, note

    def _finish(self, note: str) -> None:
        if self.open:
            self.state, self.note, self.ended_at = State.ENDED, note, datetime.now(UTC)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s failed", task.get_name(), exc_info=error)
