"""hibari behind LiveKit's speech interface."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from numpy.typing import NDArray

from agent.voice import hibari_voice

FRAME_MS = 20
FRAMES_AHEAD = 1000 // FRAME_MS
PAUSE_S = 0.9 * FRAME_MS / 1000  # a little less than a frame, so that the lead grows rather than shrinks
READING_CHARS_PER_S = 14.0  # pace of captions for words that the voice cannot say


class HibariTTS(tts.TTS[None]):
    """Speech from the local hibari voice; 24 kHz mono, a sentence at a time, made in a thread."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=False), sample_rate=hibari_voice.SAMPLE_RATE, num_channels=1
        )

    @property
    def model(self) -> str:
        return "hibari"

    @property
    def provider(self) -> str:
        return "hibari-tts"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _HibariStream(tts=self, input_text=text, conn_options=conn_options)


class _HibariStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=hibari_voice.SAMPLE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
        )
        async for sound in spoken(self.input_text):
            output_emitter.push(sound.tobytes())
        output_emitter.flush()


async def spoken(text: str) -> AsyncIterator[NDArray[np.int16]]:
    """The sound of a text, sentence by sentence, without the silence before its first word.

    A text that the voice cannot read becomes silence of the length that reading it takes, so that its captions still pass.
    """
    if not hibari_voice.can_speak(text):
        yield np.zeros(int(len(text) / READING_CHARS_PER_S * hibari_voice.SAMPLE_RATE), np.int16)
        return
    first = True
    for sentence in hibari_voice.sentences(text):
        sound = await asyncio.to_thread(hibari_voice.speak, sentence)
        if first:
            sound = hibari_voice.without_lead_in(sound)
        if sound.size:
            first = False
            yield sound


class PreparedSpeech:
    """A text with its sound, ready to be said more than once without waiting."""

    def __init__(self, text: str, sound: NDArray[np.int16], *, voiced: bool) -> None:
        self.text = text
        self.voiced = voiced  # False: the voice cannot read this text, only its captions are shown
        self.sound = sound  # 24 kHz mono

    @classmethod
    async def of(cls, text: str) -> "PreparedSpeech":
        """Synthesises the text; runs in threads."""
        parts = [sound async for sound in spoken(text)]
        sound = np.concatenate(parts) if parts else np.zeros(0, np.int16)
        return cls(text, sound, voiced=hibari_voice.can_speak(text) and bool(sound.size))

    @property
    def duration_ms(self) -> float:
        return self.sound.size / hibari_voice.SAMPLE_RATE * 1000

    async def frames(self) -> AsyncIterator[rtc.AudioFrame]:
        """The sound in frames of 20 ms, as LiveKit's `say(audio=...)` takes it; no more than a second ahead of its time.

        Captions are timed by an analysis of the sound on the event loop, which a whole speech at once would hold up.
        """
        step = hibari_voice.SAMPLE_RATE * FRAME_MS // 1000
        for number, start in enumerate(range(0, self.sound.size, step)):
            if number >= FRAMES_AHEAD:
                await asyncio.sleep(PAUSE_S)
            part = self.sound[start : start + step]
            yield rtc.AudioFrame(part.tobytes(), hibari_voice.SAMPLE_RATE, 1, part.size)
