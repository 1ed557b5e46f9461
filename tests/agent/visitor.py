"""A visitor without a browser: joins the room, counts frames, listens, reports like the visitor's page."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import numpy as np
from livekit import api, rtc

from protocol.control import VISIT_PROGRESS_METHOD, VisitReport
from tests.services import LiveKit

SILENCE = 200


class Visitor:
    """Joins with the grants of a visitor's link; what it saw and heard is in its attributes."""

    def __init__(self, livekit: LiveKit, room_name: str, identity: str | None = None) -> None:
        self.identity = identity or f"visitor-{uuid.uuid4()}"
        self._livekit = livekit
        self._room_name = room_name
        self.room = rtc.Room()
        self.frames = 0
        self.frame_size: tuple[int, int] | None = None
        self.heard_s = 0.0
        self.captions = ""
        self.first_frame_at: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def token(self) -> str:
        grants = api.VideoGrants(
            room_join=True, room=self._room_name, can_subscribe=True, can_publish=True, can_publish_data=True
        )
        token = api.AccessToken(self._livekit.api_key, self._livekit.api_secret).with_identity(self.identity)
        return token.with_ttl(timedelta(minutes=10)).with_grants(grants).to_jwt()

    async def join(self) -> None:
        self.room.on("track_subscribed", self._on_track)
        self.room.register_text_stream_handler("lk.transcription", self._on_captions)
        await self.room.connect(self._livekit.url, self.token())

    async def leave(self) -> None:
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.room.disconnect()

    @property
    def agent(self) -> rtc.RemoteParticipant | None:
        """The job's participant."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        return next((p for p in self.room.remote_participants.values() if p.kind == kind), None)

    async def report(self, **milestones_ms: float) -> str:
        """What the page's RPC answers."""
        agent = self.agent
        assert agent is not None, "no agent in the room"
        payload = VisitReport(**milestones_ms).model_dump_json(exclude_none=True)
        return await self.room.local_participant.perform_rpc(
            destination_identity=agent.identity, method=VISIT_PROGRESS_METHOD, payload=payload
        )

    def _own(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(coroutine))

    def _on_track(self, track: rtc.Track, *_: object) -> None:
        self._own(self._watch(track) if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen(track))

    async def _watch(self, track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track):
            self.frames += 1
            self.frame_size = (event.frame.width, event.frame.height)
            self.first_frame_at = self.first_frame_at or time.monotonic()

    async def _listen(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=24_000):
            sound = np.frombuffer(event.frame.data, np.int16)
            if sound.size and np.abs(sound).max() > SILENCE:
                self.heard_s += event.frame.duration

    def _on_captions(self, reader: rtc.TextStreamReader, _: str) -> None:
        self._own(self._read(reader))

    async def _read(self, reader: rtc.TextStreamReader) -> None:
        async for chunk in reader:
            self.captions += chunk
