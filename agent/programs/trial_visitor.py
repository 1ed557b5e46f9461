"""A visitor of a trial: hears, is heard, and takes the picture as a browser would. What is measured is measured by the job."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from agent.voice.utterance import SAMPLE_RATE
from agent.voice.voices import LocalVoice
from protocol.control import VISIT_PROGRESS_METHOD, VisitReport
from protocol.trials import TrialDone

RATE: Final = 16_000
BLOCK_S: Final = 0.01
SILENCE: Final = 200  # of int16: what is not louder is no voice
COMES_WITHIN_S: Final = 20.0
GREETS_WITHIN_S: Final = 12.0
ANSWERS_WITHIN_S: Final = 12.0
SPEAKS_AT_MOST_S: Final = 45.0
QUIET_FOR_S: Final = 1.2
LOOK_S: Final = 0.02

Samples = NDArray[np.int16]


async def spoken(text: str) -> Samples:
    """A text by the host's own voice as a microphone takes it, from its first sound to its last."""
    parts = [utterance.sound async for utterance, _voiced in LocalVoice().utterances(text)]
    resampler = rtc.AudioResampler(SAMPLE_RATE, RATE)
    frames = resampler.push(bytearray(np.concatenate(parts).tobytes())) + resampler.flush()
    sound = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
    voiced = np.flatnonzero(np.abs(sound) > SILENCE)
    return sound[voiced[0] : voiced[-1] + 1] if voiced.size else sound


class TrialVisitor:
    """Enters on `async with`; raises `rtc.ConnectError`, or `TimeoutError` where no avatar shows itself."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self._room = rtc.Room()
        self._microphone = rtc.AudioSource(RATE, 1, queue_size_ms=0)  # sent when it is given
        self._unsaid: Samples = np.zeros(0, np.int16)
        self._heard_at = 0.0
        self._agent: str | None = None
        self._sees = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._room.on("track_subscribed", self._on_track)
        began = time.monotonic()
        await self._room.connect(self._url, self._token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._room.local_participant.publish_track(track, options)
        self._own(self._speak())
        try:
            async with asyncio.timeout(COMES_WITHIN_S):
                await self._sees.wait()
            await self._report((time.monotonic() - began) * 1000)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self._tasks):
            task.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._room.disconnect()

    async def converse(self, questions: Sequence[Samples], told: Callable[[int], None]) -> TrialDone:
        """Lets the greeting end, then asks one question after the other, each when the avatar is silent."""
        await self._until(lambda: self._heard_at > 0, GREETS_WITHIN_S)
        answered = 0
        for number, question in enumerate(questions, 1):
            await self._silence()
            asked_at = await self._say(question)
            told(number)
            answered += await self._until(lambda at=asked_at: self._heard_at > at, ANSWERS_WITHIN_S)  # type: ignore[misc]
        await self._silence()
        return TrialDone(asked=len(questions), answered=answered)

    async def _say(self, sound: Samples) -> float:
        """Returns when all was sent, with that moment."""
        self._unsaid = sound
        await self._until(lambda: not self._unsaid.size, SPEAKS_AT_MOST_S)
        return time.monotonic()

    async def _silence(self) -> None:
        await self._until(lambda: time.monotonic() - self._heard_at > QUIET_FOR_S, SPEAKS_AT_MOST_S)

    async def _until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def _speak(self) -> None:
        """The microphone, in real time: what is to be said, else silence."""
        step, due = int(RATE * BLOCK_S), time.monotonic()
        while True:
            part, self._unsaid = self._unsaid[:step], self._unsaid[step:]
            block = np.pad(part, (0, step - part.size))
            await self._microphone.capture_frame(rtc.AudioFrame(block.tobytes(), RATE, 1, step))
            due += BLOCK_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _report(self, first_frame_ms: float) -> None:
        """As the visitor's page does: the first frame asks for the greeting."""
        if self._agent is None:
            return
        payload = VisitReport(first_frame_ms=first_frame_ms).model_dump_json(exclude_none=True)
        await self._room.local_participant.perform_rpc(
            destination_identity=self._agent, method=VISIT_PROGRESS_METHOD, payload=payload
        )

    def _on_track(self, track: rtc.Track, _publication: object, participant: rtc.RemoteParticipant) -> None:
        self._own(self._watch(track, participant) if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen(track))

    async def _watch(self, track: rtc.Track, participant: rtc.RemoteParticipant) -> None:
        async for _event in rtc.VideoStream(track):
            if self._agent is None:
                self._agent = _agent_in(self._room) or participant.identity
                self._sees.set()

    async def _listen(self, track: rtc.Track) -> None:
        async for event in rtc.AudioStream(track, sample_rate=24_000, frame_size_ms=10):
            if np.abs(np.frombuffer(event.frame.data, np.int16)).max() > SILENCE:
                self._heard_at = time.monotonic()

    def _own(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _agent_in(room: rtc.Room) -> str | None:
    """Who takes the visitor's reports: the job, whoever shows the picture."""
    kinds = ((each.identity, each.kind) for each in room.remote_participants.values())
    return next((identity for identity, kind in kinds if kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT), None)
