"""The local voices behind LiveKit's speech interface, and speech that is prepared ahead."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.voice.sentences import SentenceCutter
from agent.voice.utterance import SAMPLE_RATE, Samples, Utterance, joined
from agent.voice.visemes import SPOKEN_PART, Lips, SpokenPart, Track, shifted
from agent.voice.voices import LocalVoice, silent_reading

logger = logging.getLogger(__name__)

FRAME_MS = 20
FRAMES_AT_ONCE = 1000 // FRAME_MS  # then others on the event loop have their turn
SHORTEST_S = 0.1  # of silence for a text without a word: LiveKit takes no sound at all for a failure


class LocalTTS(tts.TTS[None]):
    """Speech from a local voice, 24 kHz mono: each sentence as soon as it is complete, made in a thread.

    Its frames carry what the lips do (`agent.voice.visemes`).
    """

    def __init__(self, voice: LocalVoice) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=True), sample_rate=SAMPLE_RATE, num_channels=1)
        self.voice = voice

    @property
    def model(self) -> str:
        return self.voice.name

    @property
    def provider(self) -> str:
        return "local"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _WholeText(self, text, conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.SynthesizeStream:
        return _TextStream(self, conn_options)


class _LipsInTime:
    """What the lips do in a stream's sound so far; LiveKit cuts the sound anew, so frames find theirs by position."""

    def __init__(self) -> None:
        self._track: list[Lips] = []
        self._made_s = 0.0
        self._heard_s = 0.0

    @property
    def made_s(self) -> float:
        return self._made_s

    def made(self, utterance: Utterance) -> None:
        self._track += shifted(utterance.track, self._made_s)
        self._made_s += utterance.duration_s

    def mark(self, frame: rtc.AudioFrame) -> None:
        """Called once for each frame of the stream, in order."""
        ahead: Track = tuple(lips for lips in self._track if lips.end_s > self._heard_s - 0.2)
        frame.userdata[SPOKEN_PART] = SpokenPart(ahead, self._heard_s)
        self._heard_s += frame.duration


class _WholeText(tts.ChunkedStream):
    def __init__(self, local: LocalTTS, text: str, conn_options: APIConnectOptions) -> None:
        self._voice = local.voice
        self._lips = _LipsInTime()
        super().__init__(tts=local, input_text=text, conn_options=conn_options)

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm"
        )
        async for utterance, _ in self._voice.utterances(self.input_text):
            self._lips.made(utterance)
            output_emitter.push(utterance.sound.tobytes())
        _push_at_least(output_emitter, self._lips)
        output_emitter.flush()

    async def __anext__(self) -> tts.SynthesizedAudio:
        audio = await super().__anext__()
        self._lips.mark(audio.frame)
        return audio


class _TextStream(tts.SynthesizeStream):
    def __init__(self, local: LocalTTS, conn_options: APIConnectOptions) -> None:
        self._voice = local.voice
        self._lips = _LipsInTime()
        super().__init__(tts=local, conn_options=conn_options)

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm", stream=True
        )
        output_emitter.start_segment(segment_id=utils.shortuuid())
        first = True
        async for sentence in self._sentences():
            self._mark_started()
            utterance, voiced = await self._voice.say(sentence)
            if first and voiced:
                utterance, first = utterance.trimmed(), False
            self._lips.made(utterance)
            output_emitter.push(utterance.sound.tobytes())
        _push_at_least(output_emitter, self._lips)
        output_emitter.end_segment()

    async def _sentences(self) -> AsyncIterator[str]:
        cutter = SentenceCutter()
        async for text in self._input_ch:
            for sentence in cutter.push(text) if isinstance(text, str) else cutter.flush():
                yield sentence
        for sentence in cutter.flush():
            yield sentence

    async def __anext__(self) -> tts.SynthesizedAudio:
        audio = await super().__anext__()
        self._lips.mark(audio.frame)
        return audio


def _push_at_least(output_emitter: tts.AudioEmitter, lips: _LipsInTime) -> None:
    if not lips.made_s:
        silence = Utterance(np.zeros(int(SHORTEST_S * SAMPLE_RATE), np.int16))
        lips.made(silence)
        output_emitter.push(silence.sound.tobytes())


class PreparedSpeech:
    """A text with its sound, ready to be said more than once without waiting."""

    def __init__(self, text: str, utterance: Utterance, *, voiced: bool) -> None:
        self.text = text
        self.utterance = utterance
        self.voiced = voiced  # False: no voice can read this text, only its captions are shown

    @classmethod
    async def of(cls, text: str, voice: tts.TTS[Any]) -> "PreparedSpeech":
        """Has the text spoken; by a local voice what of it is not in the phrase cache. A vendor that fails is silence."""
        if isinstance(voice, LocalTTS):
            parts = [part async for part in voice.voice.utterances(text)]
            return cls(text, joined([utterance for utterance, _ in parts]), voiced=any(voiced for _, voiced in parts))
        try:
            return cls(text, Utterance(await _spoken_by(voice, text)).trimmed(), voiced=True)
        except APIError as error:
            logger.error("%s did not speak the greeting, it is shown only: %s", voice.label, error)
            return cls(text, silent_reading(text), voiced=False)

    @property
    def duration_ms(self) -> float:
        return self.utterance.duration_s * 1000

    async def frames(self) -> AsyncIterator[rtc.AudioFrame]:
        """The sound in frames of 20 ms, as LiveKit's `say(audio=...)` takes it."""
        step = SAMPLE_RATE * FRAME_MS // 1000
        sound = self.utterance.sound
        for number, start in enumerate(range(0, sound.size, step)):
            if number % FRAMES_AT_ONCE == 0:
                await asyncio.sleep(0)
            part = sound[start : start + step]
            frame = rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, part.size)
            if self.utterance.track:
                frame.userdata[SPOKEN_PART] = SpokenPart(self.utterance.track, start / SAMPLE_RATE)
            yield frame


async def _spoken_by(voice: tts.TTS[Any], text: str) -> Samples:
    """A vendor's sound at our rate. Raises `APIError`."""
    frames: list[rtc.AudioFrame] = []
    if voice.capabilities.streaming:
        async with voice.stream() as stream:
            stream.push_text(text)
            stream.end_input()
            frames += [event.frame async for event in stream]
    else:
        async with voice.synthesize(text) as whole:
            frames += [event.frame async for event in whole]
    if not frames:
        return np.zeros(0, np.int16)
    resampler = rtc.AudioResampler(frames[0].sample_rate, SAMPLE_RATE)
    ours = [part for frame in frames for part in resampler.push(frame)] + resampler.flush()
    return np.concatenate([np.frombuffer(part.data, np.int16) for part in ours])
