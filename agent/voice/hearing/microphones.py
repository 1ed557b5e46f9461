"""The visitors' microphones as one input: everybody is listened to, one at a time is heard.

Who begins to speak while nobody does has the floor, until the turn is over or they were silent for a while. Who begins
meanwhile is heard afterwards where it was only a moment, else from their next pause on: the second half of a sentence is no
question, and would cut off the answer to the first. While nobody speaks nothing is passed on.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Final

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice.io import AudioInput
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from protocol.control import VISITOR_PREFIX

logger = logging.getLogger(__name__)

SAMPLE_RATE: Final = 16_000
WINDOW_MS: Final = VAD_WINDOW_SAMPLES * 1000 // SAMPLE_RATE
VOICED: Final = 0.6  # probability from which a window counts as speech
SURELY_VOICED: Final = (
    0.8  # one such window begins a turn: of noises, music and coughs it lets no more through than two others
)
WINDOWS_TO_BEGIN: Final = 2
BEFORE_SPEECH_MS: Final = 320  # passed on from before the floor was taken: speech begins softly
SILENT_FOR_MS: Final = 2_500  # of who has the floor, until it is free in any case
TOO_LATE_MS: Final = 640  # of speech while somebody else has the floor: its beginning is lost ...
PAUSE_MS: Final = 320  # ... and a new one comes after a pause


class _Microphone:
    """One visitor's microphone."""

    def __init__(self) -> None:
        self.activity = VAD()
        self.recent: deque[rtc.AudioFrame] = deque(maxlen=(BEFORE_SPEECH_MS + TOO_LATE_MS) // WINDOW_MS)
        self.voiced_windows = 0  # running
        self.silent_ms = 0
        self.over_others_ms = 0  # since they began to speak, without a pause, while somebody else had the floor


class Microphones(AudioInput):
    """The audio input of an agent session: 16 kHz mono, in windows of voice activity."""

    def __init__(self, room: rtc.Room) -> None:
        super().__init__(label="microphones")
        self._room = room
        self._frames: utils.aio.Chan[rtc.AudioFrame] = utils.aio.Chan()
        self._listeners: dict[str, asyncio.Task[None]] = {}  # by the track's sid
        self._holder: str | None = None
        self._speaker: str | None = None
        room.on("track_subscribed", self._on_track)
        room.on("track_unsubscribed", self._on_track_gone)
        room.on("track_muted", self._on_muted)

    def speaker(self) -> str | None:
        """Identity of the visitor who speaks, or who spoke last."""
        return self._speaker

    @property
    def open(self) -> bool:
        """Whether any visitor's microphone is on."""
        return any(
            publication.kind == rtc.TrackKind.KIND_AUDIO and not publication.muted
            for participant in self._room.remote_participants.values()
            if participant.identity.startswith(VISITOR_PREFIX)
            for publication in participant.track_publications.values()
        )

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.__anext__()

    def release(self) -> None:
        """What was said is taken in: the floor is free."""
        self._holder = None

    async def aclose(self) -> None:
        self._room.off("track_subscribed", self._on_track)
        self._room.off("track_unsubscribed", self._on_track_gone)
        self._room.off("track_muted", self._on_muted)
        listeners = list(self._listeners.values())
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        self._frames.close()

    def _on_track(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO and participant.identity.startswith(VISITOR_PREFIX):
            task = asyncio.create_task(self._listen(participant.identity, track), name=f"hear-{participant.identity}")
            self._listeners[publication.sid] = task
            task.add_done_callback(lambda done: self._on_listener_done(publication.sid, done))

    def _on_listener_done(self, sid: str, task: asyncio.Task[None]) -> None:
        if self._listeners.get(sid) is task:
            del self._listeners[sid]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a visitor's microphone is not heard any more", exc_info=error)

    def _on_track_gone(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if (listener := self._listeners.get(publication.sid)) is not None:
            listener.cancel()
            self._fall_silent(participant.identity)

    def _on_muted(self, participant: rtc.Participant, publication: rtc.TrackPublication) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO:
            self._fall_silent(participant.identity)

    def _fall_silent(self, identity: str) -> None:
        """No more sound comes: what was said so far is all."""
        if self._holder != identity:
            return
        silence = bytes(2 * VAD_WINDOW_SAMPLES)
        for _ in range(SILENT_FOR_MS // WINDOW_MS):
            self._frames.send_nowait(rtc.AudioFrame(silence, SAMPLE_RATE, 1, VAD_WINDOW_SAMPLES))
        self.release()

    async def _listen(self, identity: str, track: rtc.Track) -> None:
        microphone = _Microphone()
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=WINDOW_MS)
        try:
            async for event in stream:
                self._take(identity, microphone, event.frame)
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await stream.aclose()

    def _take(self, identity: str, microphone: _Microphone, frame: rtc.AudioFrame) -> None:
        samples = np.frombuffer(frame.data, np.int16)
        if samples.size != VAD_WINDOW_SAMPLES:
            return
        probability = microphone.activity.predict(samples)
        voiced = probability >= VOICED
        microphone.voiced_windows = microphone.voiced_windows + 1 if voiced else 0
        microphone.silent_ms = 0 if voiced else microphone.silent_ms + WINDOW_MS
        begins = probability >= SURELY_VOICED or microphone.voiced_windows >= WINDOWS_TO_BEGIN
        if microphone.silent_ms >= PAUSE_MS or self._holder == identity:
            microphone.over_others_ms = 0
        elif self._holder is not None and (begins or microphone.over_others_ms):
            microphone.over_others_ms += WINDOW_MS
        if begins and self._holder is None and microphone.over_others_ms <= TOO_LATE_MS:
            self._holder = self._speaker = identity
            kept = (BEFORE_SPEECH_MS + microphone.over_others_ms) // WINDOW_MS
            for earlier in list(microphone.recent)[-kept:]:
                self._frames.send_nowait(earlier)
            microphone.recent.clear()
        if self._holder == identity:
            self._frames.send_nowait(frame)
            if microphone.silent_ms >= SILENT_FOR_MS:
                self.release()
        else:
            microphone.recent.append(frame)
