"""A job's stand-in: a real participant of kind agent that shows moving video, sounds, captions and attributes on demand."""

import asyncio
import itertools
import json
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, Self
from uuid import UUID

import numpy as np
from livekit import api, rtc

from protocol.control import (
    FACE_ATTRIBUTE,
    SHOWN_ATTRIBUTE,
    STAGE_ATTRIBUTE,
    SWITCH_ATTRIBUTE,
    SWITCH_DONE,
    SWITCH_SEEN_METHOD,
    VISIT_PROGRESS_METHOD,
    Face,
    Stage,
    SwitchSeenReport,
    VisitReport,
    VisitReportReply,
)

FPS: Final = 15
SAMPLE_RATE: Final = 48_000
BLOCK_S: Final = 0.02
LIMIT_S: Final = 60
_numbers = itertools.count(1)


class StandInAgent:
    """Blocking methods; the room lives on a thread of its own.

    `reports` are the visit reports it was sent, `gaps_ms` what was seen of switches, `typed` who typed what.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        api_secret: str,
        room: str,
        picture: np.ndarray[Any, Any] | None = None,
        on_behalf_of: str | None = None,
    ) -> None:
        """`on_behalf_of` the job's identity: an avatar that a provider sent."""
        self.identity = f"agent-{next(_numbers)}"
        self.reports: list[tuple[str, VisitReport]] = []
        self.gaps_ms: list[float] = []
        self.typed: list[tuple[str, str]] = []
        self._picture = picture if picture is not None else np.full((180, 320, 4), 90, np.uint8)
        self._url = url
        self._token = (
            api.AccessToken(api_key, api_secret)
            .with_identity(self.identity)
            .with_kind("agent")
            .with_attributes({"lk.publish_on_behalf": on_behalf_of} if on_behalf_of else {})
            .with_grants(api.VideoGrants(room_join=True, room=room, agent=True, can_update_own_metadata=True))
            .to_jwt()
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._tasks: list[asyncio.Task[None]] = []
        self._loud = False
        self.frozen = False

    def __enter__(self) -> Self:
        self._do(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        if not self._thread.is_alive():
            return
        self._do(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)

    def stage(self, stage: Stage) -> None:
        self._do(self.room.local_participant.set_attributes({STAGE_ATTRIBUTE: stage}))

    def state(self, state: str) -> None:
        """`lk.agent.state`: listening, thinking or speaking."""
        self._do(self.room.local_participant.set_attributes({"lk.agent.state": state}))

    def face(self, face: Face, shown: str = "") -> None:
        """What visitors see of the avatar, and by which participant."""
        self._do(self.room.local_participant.set_attributes({FACE_ATTRIBUTE: face, SHOWN_ATTRIBUTE: shown}))

    def switch(self, code: UUID, *, is_over: bool = False) -> None:
        """Tells that a switch is being made, or is over."""
        value = f"{code}{SWITCH_DONE}" if is_over else str(code)
        self._do(self.room.local_participant.set_attributes({SWITCH_ATTRIBUTE: value}))

    def publish(self) -> None:
        self._do(self._publish())

    def ready(self) -> None:
        self.publish()
        self.stage(Stage.READY)

    def sound(self, loud: bool) -> None:
        """A tone, or silence."""
        self._loud = loud

    def caption(self, text: str, *, segment: str, speaker: str | None = None) -> None:
        """One text stream on LiveKit's captions topic, in pieces; `speaker` is a visitor's identity, or None for the avatar."""
        self._do(self._caption(text, segment, speaker))

    def write_to(self, identity: str, text: str) -> None:
        """A sentence to one visitor, on the topic of typed words."""

        async def write() -> None:
            await self.room.local_participant.send_text(text, topic="lk.chat", destination_identities=[identity])

        self._do(write())

    def visitors(self) -> list[rtc.RemoteParticipant]:
        return list(self.room.remote_participants.values())

    # -- on the room's thread -----------------------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(LIMIT_S)

    async def _connect(self) -> None:
        self.room = rtc.Room()
        await self.room.connect(self._url, self._token)
        self.room.local_participant.register_rpc_method(VISIT_PROGRESS_METHOD, self._progress)
        self.room.local_participant.register_rpc_method(SWITCH_SEEN_METHOD, self._seen)
        self.room.register_text_stream_handler("lk.chat", self._read)

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    async def _progress(self, call: rtc.RpcInvocationData) -> str:
        report = VisitReport.model_validate(json.loads(call.payload))
        if not report.picture_stopped:
            self.reports.append((call.caller_identity, report))
        return VisitReportReply().model_dump_json()

    async def _seen(self, call: rtc.RpcInvocationData) -> str:
        self.gaps_ms.append(SwitchSeenReport.model_validate_json(call.payload).gap_ms)
        return "{}"

    def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        async def read() -> None:
            self.typed.append((identity, await reader.read_all()))

        self._tasks.append(asyncio.ensure_future(read()))

    async def _publish(self) -> None:
        height, width, _ = self._picture.shape
        video, audio = rtc.VideoSource(width, height), rtc.AudioSource(SAMPLE_RATE, 1)
        self._tasks.append(asyncio.create_task(self._show(video)))  # before its track: LiveKit sends black until then
        publish = self.room.local_participant.publish_track
        await publish(
            rtc.LocalAudioTrack.create_audio_track("avatar_audio", audio),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        )
        await publish(
            rtc.LocalVideoTrack.create_video_track("avatar_video", video),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=False),
        )
        self._tasks.append(asyncio.create_task(self._play(audio)))

    async def _show(self, source: rtc.VideoSource) -> None:
        height, width, _ = self._picture.shape
        for number in itertools.count():
            if not self.frozen:
                frame = self._picture.copy()
                frame[-6:, : (number * 8) % width] = 230  # something moves
                source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, frame.tobytes()))
            await asyncio.sleep(1 / FPS)

    async def _play(self, source: rtc.AudioSource) -> None:
        samples = int(SAMPLE_RATE * BLOCK_S)
        tone = (9_000 * np.sin(2 * np.pi * 300 * np.arange(samples) / SAMPLE_RATE)).astype(np.int16).tobytes()
        silence = bytes(len(tone))
        while True:
            block = tone if self._loud else silence
            await source.capture_frame(rtc.AudioFrame(block, SAMPLE_RATE, 1, samples))

    async def _caption(self, text: str, segment: str, speaker: str | None) -> None:
        writer = await self.room.local_participant.stream_text(
            topic="lk.transcription",
            sender_identity=speaker or self.identity,
            attributes={"lk.segment_id": segment, "lk.transcription_final": "true"},
        )
        for word in text.split(" "):
            await writer.write(f"{word} ")
        await writer.aclose()
