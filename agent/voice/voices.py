"""The local voices: a text becomes utterances, sentence by sentence, each part by the voice of its script."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from agent.environment import HostEnvironment
from agent.voice import hibari_voice
from agent.voice.arabic import voice as arabic_voice
from agent.voice.espeak import EspeakError, EspeakVoice
from agent.voice.phrases import PhraseCache
from agent.voice.sentences import Run, Script, runs, sentences
from agent.voice.utterance import SAMPLE_RATE, Utterance, joined
from agent.voice.visemes import Lips, Viseme
from protocol.voices import CEDAR, HEART

logger = logging.getLogger(__name__)

BETWEEN_RUNS_S: Final = 0.06  # one voice hands over to the other within a sentence
READING_CHARS_PER_S: Final = 14.0  # pace of captions for words that no voice can say


class UnknownVoice(ValueError):
    """The profile names a voice that this host does not have."""


@dataclass(frozen=True)
class _Parts:
    english: hibari_voice.Timbre
    arabic: EspeakVoice


_VOICES: Final[dict[str, _Parts]] = {
    HEART: _Parts(hibari_voice.WOMAN, arabic_voice.WOMAN),
    CEDAR: _Parts(hibari_voice.MAN, arabic_voice.MAN),
}


class LocalVoice:
    """One of the host's own voices. Sentences that were said before come from the phrase cache."""

    def __init__(self, name: str = HEART, phrases: PhraseCache | None = None) -> None:
        """Raises `UnknownVoice`."""
        if name not in _VOICES:
            raise UnknownVoice(f"this host has no voice {name!r}; it has {', '.join(sorted(_VOICES))}")
        self.name = name
        self._parts = _VOICES[name]
        self._phrases = phrases or PhraseCache(HostEnvironment.read().home / "cache" / "phrases")

    async def say(self, sentence: str) -> tuple[Utterance, bool]:
        """A sentence's sound, and whether it is a voice. Runs in a thread.

        What no voice can read becomes silence of the length that reading it takes, so that its captions still pass.
        """
        return await asyncio.to_thread(self._say, sentence)

    async def utterances(self, text: str) -> AsyncIterator[tuple[Utterance, bool]]:
        """The sound of a text, sentence by sentence as `say`, without the silence before its first word."""
        first = True
        for sentence in sentences(text):
            utterance, voiced = await self.say(sentence)
            if first and voiced:
                utterance, first = utterance.trimmed(), False
            yield utterance, voiced

    def kept(self, text: str) -> bool:
        """Whether all of the text is in the phrase cache. Blocks for a moment."""
        return all(self._phrases.find(self.name, sentence) is not None for sentence in sentences(text))

    def _say(self, sentence: str) -> tuple[Utterance, bool]:
        found = self._phrases.find(self.name, sentence)
        if found is not None:
            return found, True
        utterance = self._spoken(runs(sentence))
        if not utterance.sound.size:
            return silent_reading(sentence), False
        self._phrases.keep(self.name, sentence, utterance)
        return utterance, True

    def _spoken(self, parts: list[Run]) -> Utterance:
        said: list[Utterance] = []
        for number, part in enumerate(parts):
            utterance = self._run(part)
            if number and utterance.sound.size:
                utterance = utterance.trimmed()
                pause = np.zeros(int(BETWEEN_RUNS_S * SAMPLE_RATE), np.int16)
                said.append(Utterance(pause, (Lips(0.0, BETWEEN_RUNS_S, Viseme.REST),)))
            said.append(utterance)
        return joined(said)

    def _run(self, part: Run) -> Utterance:
        if part.script is Script.LATIN:
            return hibari_voice.speak(part.text, self._parts.english)
        try:
            return arabic_voice.speak(part.text, self._parts.arabic)
        except EspeakError as error:
            logger.error("Arabic is shown and not heard: %s", error)
            return Utterance(np.zeros(0, np.int16))


def silent_reading(text: str) -> Utterance:
    """Silence of the length that reading the text takes: its captions pass."""
    return Utterance(np.zeros(int(len(text) / READING_CHARS_PER_S * SAMPLE_RATE), np.int16))
