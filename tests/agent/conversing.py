"""A job in this process with a stand-in for answers, the host's real models, and a visitor who speaks."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

from agent.environment import HostEnvironment
from agent.job.avatar_job import AvatarJob
from agent.models import Message, infer
from agent.models.supervisor import ModelSupervisor
from agent.voice.answers.answerer import Answerer
from agent.voice.answers.dialogue import Turn
from agent.voice.speech import LocalTTS
from agent.voice.utterance import SAMPLE_RATE
from agent.voice.voices import LocalVoice
from protocol.jobspec import JobSpec
from tests.agent.conftest import make_spec
from tests.agent.visitor import SILENCE, Visitor
from tests.services import LiveKit

RATE = 16_000
Samples = NDArray[np.int16]


class OneAnswer(Answerer):
    """Says `text` to everything and remembers what it was asked."""

    def __init__(self, spec: JobSpec, emit: Callable[..., None]) -> None:
        super().__init__(spec, home=HostEnvironment.read().home, emit=emit)
        self.text = "The museum opens at nine in the morning."
        self.asked: list[str] = []

    async def answer(self, turns: Sequence[Turn]) -> AsyncIterator[str]:
        self.asked.append(turns[-1].text)
        yield self.text


class JobHere:
    """What an `AvatarJob` needs of LiveKit's job context."""

    def __init__(self, livekit: LiveKit, spec: JobSpec) -> None:
        self.room = rtc.Room()
        self.job = SimpleNamespace(id="J_here", metadata=spec.model_dump_json(), room=SimpleNamespace(name=spec.room))
        self._livekit, self._spec = livekit, spec
        self._callbacks: list[Callable[[], Any]] = []

    def add_shutdown_callback(self, callback: Callable[[], Any]) -> None:
        self._callbacks.append(callback)

    def shutdown(self, reason: str) -> None:
        raise AssertionError(reason)

    async def connect(self) -> None:
        grants = api.VideoGrants(room_join=True, room=self._spec.room, agent=True, can_update_own_metadata=True)
        token = (
            api.AccessToken(self._livekit.api_key, self._livekit.api_secret).with_identity("agent").with_kind("agent")
        )
        await self.room.connect(self._livekit.url, token.with_grants(grants).to_jwt())

    async def aclose(self) -> None:
        for callback in self._callbacks:
            await callback()
        await self.room.disconnect()


@dataclass
class Events:
    """A job's telemetry, kept here."""

    all: list[Any] = field(default_factory=list)

    def emit(self, kind: type[Any], **fields: Any) -> None:
        self.all.append(kind(source="here", seq=1, at=datetime.now(UTC), session="s", attempt=1, **fields))

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.all if event.kind == kind]

    async def aclose(self) -> None:
        pass


class SpeakingVisitor(Visitor):
    """A visitor whose microphone says what it is given, in real time, and is silent otherwise."""

    def __init__(self, livekit: LiveKit, room_name: str, identity: str | None = None) -> None:
        super().__init__(livekit, room_name, identity)
        self._microphone = rtc.AudioSource(RATE, 1, queue_size_ms=0)  # sent when it is given
        self._unsaid = np.zeros(0, np.int16)
        self.last_voiced_at = 0.0
        self.loud_at: list[float] = []
        self.words: dict[tuple[str, str], str] = {}  # by speaker and segment
        self.notes: list[str] = []

    async def join(self) -> None:
        self.room.register_text_stream_handler("lk.chat", lambda reader, _: self._own(self._note(reader)))
        await super().join()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._own(self._speak())

    async def say(self, sound: Samples) -> None:
        """Returns when all was sent."""
        self._unsaid = np.concatenate((self._unsaid, sound))
        while self._unsaid.size:
            await asyncio.sleep(0.01)

    async def write(self, text: str) -> None:
        await self.room.local_participant.send_text(text, topic="lk.chat")

    def heard_since(self, moment: float) -> bool:
        return bool(self.loud_at) and self.loud_at[-1] > moment

    def quiet_for(self, seconds: float) -> bool:
        return not self.heard_since(time.monotonic() - seconds)

    def said_by(self, speaker: str) -> list[str]:
        return [text for (who, _), text in self.words.items() if who == speaker]

    async def _speak(self) -> None:
        step, due = RATE // 100, time.monotonic()
        while True:
            part, self._unsaid = self._unsaid[:step], self._unsaid[step:]
            if part.size and np.abs(part).max() > SILENCE:
                self.last_voiced_at = time.monotonic()
            part = np.pad(part, (0, step - part.size))
            await self._microphone.capture_frame(rtc.AudioFrame(part.tobytes(), RATE, 1, step))
            due += 0.01
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=24_000, frame_size_ms=10):
            if np.abs(np.frombuffer(event.frame.data, np.int16)).max() > SILENCE:
                self.loud_at.append(time.monotonic())

    async def _note(self, reader: rtc.TextStreamReader) -> None:
        self.notes.append(await reader.read_all())

    def _on_captions(self, reader: rtc.TextStreamReader, identity: str) -> None:
        segment = (reader.info.attributes or {}).get("lk.segment_id", "")
        self._own(self._collect(reader, (identity, segment)))

    async def _collect(self, reader: rtc.TextStreamReader, key: tuple[str, str]) -> None:
        text = ""
        async for chunk in reader:
            text += chunk
            self.words[key] = text


@dataclass
class Talk:
    """A READY job with a visitor in its room."""

    job: AvatarJob
    events: Events
    answerer: OneAnswer
    visitor: SpeakingVisitor
    models: ModelSupervisor
    spec: JobSpec

    @property
    def turns(self) -> list[Any]:
        return self.events.of("turn_completed")


@contextlib.asynccontextmanager
async def talk(livekit: LiveKit) -> AsyncIterator[Talk]:
    """Needs AVATARY_HOME."""
    models = ModelSupervisor(HostEnvironment.read().models_socket)
    supervising = asyncio.create_task(models.run())
    spec = make_spec("atlas", greeting="Hello!")
    here, events = JobHere(livekit, spec), Events()
    answerer = OneAnswer(spec, events.emit)
    job = AvatarJob(cast(Any, here), spec, cast(Any, events), LocalTTS(LocalVoice()), answerer)
    visitor = SpeakingVisitor(livekit, spec.room)
    try:
        await job.run()
        await visitor.join()
        yield Talk(job, events, answerer, visitor, models, spec)
    finally:
        await here.aclose()
        await visitor.leave()
        supervising.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervising


async def spoken(text: str) -> Samples:
    """A text by the product's own voice, as a microphone takes it, from its first sound to its last."""
    parts = [utterance.sound async for utterance, _ in LocalVoice().utterances(text)]
    resampler = rtc.AudioResampler(SAMPLE_RATE, RATE)
    frames = resampler.push(bytearray(np.concatenate(parts).tobytes())) + resampler.flush()
    at_rate = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
    voiced = np.flatnonzero(np.abs(at_rate) > SILENCE)
    return at_rate[voiced[0] : voiced[-1] + 1]


async def recognised(sound: Samples, language: str) -> tuple[str, float]:
    """What the host's recogniser hears when told the language, and how sure it is of it."""
    reply = await infer("speech_to_text", Message({"languages": [language]}, sound.tobytes()))
    return str(reply.fields["text"]), float(reply.fields["confidence"])
