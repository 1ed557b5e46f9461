"""Speech to text as LiveKit's interface wants it, by the host's shared models; it also says when a turn is over.

At every short pause all that was said is recognised; an answer is prepared on it, and dropped if the visitor goes on. How much
silence ends the turn depends on how finished it sounds.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, stt
from livekit.agents.inference.eot.languages import LOCAL_LANGUAGES
from livekit.agents.language import LanguageCode
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, shortuuid
from livekit.local_inference import VAD

from agent.models import Message, ModelBusy, ModelError, infer
from agent.voice.hearing.utterance import (
    SAMPLE_RATE,
    STILL_VOICED,
    VOICED,
    WINDOW_MS,
    WINDOW_SAMPLES,
    Samples,
    Utterance,
    patience_ms,
)

logger = logging.getLogger(__name__)

BEFORE_SPEECH_MS: Final = 320
VOICED_TO_BEGIN: Final = 3  # of the last windows
LANGUAGE_TOLD_AFTER_S: Final = 1.0  # of speech
ANSWER_WITHIN_S: Final = 20.0  # a model process that died loads its models anew first
TOO_SLOW_FOR_PARTIALS_MS: Final = 700.0
TURN_END_WITHIN_S: Final = 1.0  # the words alone tell as well
TURN_END_SAMPLES: Final = 19_200


@dataclass(frozen=True)
class Heard:
    """A turn that is over."""

    speaker: str | None
    text: str
    language: str
    ended_at: float  # seconds since the epoch, of the last voiced window
    recognised_ms: float | None  # how long the last recognition took


@dataclass(frozen=True)
class _Words:
    """What the recogniser said of an utterance, at its count of `said`."""

    said: int
    text: str
    language: str
    confidence: float
    took_ms: float
    ended: float | None


class LocalSTT(stt.STT[str]):
    """English and Arabic, the likelier language first. `speaker` names who is heard; `on_heard` is told of every turn."""

    def __init__(
        self, languages: list[str], speaker: Callable[[], str | None], on_heard: Callable[[Heard | None], None]
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(streaming=True, interim_results=True, offline_recognize=False)
        )
        self.languages = languages
        self.speaker = speaker
        self.on_heard = on_heard

    @property
    def model(self) -> str:
        return "whisper"

    @property
    def provider(self) -> str:
        return "local"

    async def _recognize_impl(
        self, buffer: AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError("speech is recognised while it is spoken: use stream()")

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _Listening(self, conn_options)


class _Listening(stt.RecognizeStream):
    def __init__(self, hearing: LocalSTT, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=hearing, conn_options=conn_options, sample_rate=SAMPLE_RATE)
        self._hearing = hearing
        self._activity = VAD()
        self._before = np.zeros(0, np.int16)
        self._recent_voiced = 0
        self._utterance: Utterance | None = None
        self._words: _Words | None = None
        self._language: str | None = None  # of this utterance, as far as it is known
        self._name = shortuuid("ear_")
        self._asked_at = -1
        self._asking: set[asyncio.Task[None]] = set()
        self._cuts: asyncio.Task[None] | None = None
        self._partial: asyncio.Task[None] | None = None
        self._took_ms = 0.0
        self._ended_at = 0.0

    async def _run(self) -> None:
        waiting = np.zeros(0, np.int16)
        try:
            async for frame in self._input_ch:
                if not isinstance(frame, rtc.AudioFrame):
                    continue
                waiting = np.concatenate((waiting, np.frombuffer(frame.data, np.int16)))
                while waiting.size >= WINDOW_SAMPLES:
                    window, waiting = waiting[:WINDOW_SAMPLES], waiting[WINDOW_SAMPLES:]
                    self._take(window)
        finally:
            tasks = [task for task in (*self._asking, self._cuts, self._partial) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _take(self, window: Samples) -> None:
        probability = self._activity.predict(window)
        if self._utterance is None:
            self._wait_for_speech(window, probability >= VOICED)
            return
        utterance = self._utterance
        voiced = probability >= STILL_VOICED
        utterance.add(window, voiced=voiced)
        if voiced:
            self._ended_at = time.time()
        if utterance.to_be_cut:
            self._cut(utterance)
        elif utterance.pauses:
            self._ask_at_pause(utterance)
            self._finish_if_over(utterance)
        elif utterance.partial_due() and self._took_ms < TOO_SLOW_FOR_PARTIALS_MS:
            self._ask_partial(utterance)

    def _wait_for_speech(self, window: Samples, voiced: bool) -> None:
        self._recent_voiced = self._recent_voiced + 1 if voiced else 0
        self._before = np.concatenate((self._before, window))[-BEFORE_SPEECH_MS * SAMPLE_RATE // 1000 :]
        if self._recent_voiced >= VOICED_TO_BEGIN:
            self._utterance = Utterance(self._before)
            self._utterance.voiced_ms = VOICED_TO_BEGIN * WINDOW_MS
            self._before, self._recent_voiced = np.zeros(0, np.int16), 0
            self._words, self._language, self._asked_at = None, None, -1
            self._ended_at = time.time()
            self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH))

    def _ask_at_pause(self, utterance: Utterance) -> None:
        if self._asked_at == utterance.said or not utterance.is_speech:
            return
        self._asked_at = utterance.said
        task = asyncio.create_task(self._recognise_pause(utterance, utterance.sound()), name="recognise")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _recognise_pause(self, utterance: Utterance, sound: Samples) -> None:
        said = utterance.said
        if self._cuts is not None:
            await asyncio.wait({self._cuts})
        words, ended = await asyncio.gather(self._recognise(sound), self._turn_end(sound))
        if utterance is not self._utterance or utterance.said != said:
            return
        text, language, confidence = words or ("", self._hearing.languages[0], 0.0)
        self._words = _Words(said, text, language, confidence, self._took_ms, ended)
        if text:
            self._send(stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, text, language, confidence)
        self._finish_if_over(utterance)

    def _finish_if_over(self, utterance: Utterance) -> None:
        words = self._words
        if not utterance.is_speech:
            if utterance.silent_ms >= BEFORE_SPEECH_MS:
                self._finish(None)
            return
        if words is None or words.said != utterance.said:
            return  # the answer to the question what was said is on its way
        threshold = LOCAL_LANGUAGES.get(words.language, LOCAL_LANGUAGES["en"])
        if not words.text or utterance.silent_ms >= patience_ms(words.text, words.ended, threshold):
            self._finish(words)

    def _finish(self, words: _Words | None) -> None:
        """The turn is over. Noise ends like speech, without words."""
        self._utterance = None
        if words is not None and words.text:
            self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, words.text, words.language, words.confidence)
            heard = Heard(self._hearing.speaker(), words.text, words.language, self._ended_at, words.took_ms)
        else:
            heard = None
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH, speech_end_time=self._ended_at))
        self._hearing.on_heard(heard)

    def _cut(self, utterance: Utterance) -> None:
        """A piece of a long utterance is final, the utterance goes on."""
        self._asked_at = -1
        self._words = None
        self._cuts = asyncio.create_task(self._recognise_cut(utterance.cut(), self._cuts), name="recognise-cut")

    async def _recognise_cut(self, sound: Samples, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        if (words := await self._recognise(sound, keep=True)) is not None and words[0]:
            self._send(stt.SpeechEventType.FINAL_TRANSCRIPT, *words)

    def _ask_partial(self, utterance: Utterance) -> None:
        if self._partial is None or self._partial.done():
            self._partial = asyncio.create_task(self._recognise_partial(utterance), name="recognise-partial")

    async def _recognise_partial(self, utterance: Utterance) -> None:
        words = await self._recognise(utterance.sound(), may_drop=True)
        if words is not None and words[0] and utterance is self._utterance and not utterance.pauses:
            self._send(stt.SpeechEventType.INTERIM_TRANSCRIPT, *words)

    async def _recognise(
        self, sound: Samples, *, may_drop: bool = False, keep: bool = False
    ) -> tuple[str, str, float] | None:
        """Text, language, confidence; None where the recogniser didn't say. Only what is to `keep` outlives newer questions."""
        if not sound.size:
            return None
        began = time.monotonic()
        languages = [self._language] if self._language else self._hearing.languages
        question = Message({"languages": languages}, sound.tobytes())
        try:
            reply = await infer(
                "speech_to_text",
                question,
                may_drop=may_drop,
                newest_of="" if keep else self._name,
                timeout_s=ANSWER_WITHIN_S,
            )
        except ModelBusy:
            return None
        except (ModelError, TimeoutError) as error:
            logger.error("speech could not be recognised: %s", error or type(error).__name__)
            return None
        self._took_ms = (time.monotonic() - began) * 1000
        if reply.fields["text"] and sound.size >= LANGUAGE_TOLD_AFTER_S * SAMPLE_RATE:
            self._language = reply.fields["language"]
        return reply.fields["text"], reply.fields["language"], reply.fields["confidence"]

    async def _turn_end(self, sound: Samples) -> float | None:
        question = Message({}, sound[-TURN_END_SAMPLES:].tobytes())
        try:
            reply = await infer("turn_end", question, timeout_s=TURN_END_WITHIN_S)
        except (ModelError, TimeoutError) as error:
            logger.warning("the turn detector did not answer: %s", error or type(error).__name__)
            return None
        return float(reply.fields["ended"])

    def _send(self, kind: stt.SpeechEventType, text: str, language: str, confidence: float) -> None:
        data = stt.SpeechData(
            language=LanguageCode(language), text=text, confidence=confidence, speaker_id=self._hearing.speaker()
        )
        self._event_ch.send_nowait(stt.SpeechEvent(kind, alternatives=[data]))
