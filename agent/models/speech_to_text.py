"""Speech to text: Whisper on a window that is no longer than the speech, which costs a fifth of its usual 30 s.

Question: `data` is speech, int16 mono at 16 kHz, at most 29 s; `languages` are those that may be spoken, the likeliest first.
Answer: `text` (empty where no words were heard), `language`, `confidence` (0 to 1). 0.3 s of CPU for a question of 2 s.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.environment import HostEnvironment
from agent.models.messages import Message
from agent.models.plausible import plausible
from agent.models.registry import Dropped
from agent.models.whisper_files import model_folder

SAMPLE_RATE: Final = 16_000
LONGEST_S: Final = 29.0
PADDING_S: Final = 1.5  # of silence after the speech; with less, Whisper misses short sentences or says them twice
FEATURES_PER_S: Final = 100
TOKENS_PER_S: Final = 12
TIME_UNIT_S: Final = 0.02
END_WITHIN_S: Final = 0.3
LIKELIER: Final = 3.0  # how much more the likeliest language counts
ENGLISH_FROM: Final = (
    0.8  # measured: English has more; Arabic that the base model hardly knows passes for English with less
)


class SpeechToText:
    workers = 1

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        folder = model_folder(HostEnvironment.read())
        # its threads wait for one another by spinning: with a core less than threads, a question takes ten times as long
        threads = max(1, min(4, (os.cpu_count() or 1) // 4))
        self._whisper = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        tokens = self._whisper.hf_tokenizer
        self._start = tokens.token_to_id("<|startoftranscript|>")
        self._transcribe = tokens.token_to_id("<|transcribe|>")
        self._end = tokens.token_to_id("<|endoftext|>")
        self._zero_s = tokens.token_to_id("<|notimestamps|>") + 1
        self(Message({"languages": ["en"]}, bytes(SAMPLE_RATE)), lambda: True)  # the first one takes longer

    def __call__(self, request: Message, wanted: Callable[[], bool]) -> Message:
        sound = np.frombuffer(request.data, np.int16)
        if not 0 < sound.size <= LONGEST_S * SAMPLE_RATE:
            raise ValueError(
                f"{sound.size / SAMPLE_RATE:.1f} s of sound: more than 0 and at most {LONGEST_S:g} s are heard"
            )
        if not wanted():
            raise Dropped
        languages = list(request.fields["languages"])
        encoded = self._whisper.encode(self._features(sound))
        if not wanted():
            raise Dropped
        language = self._language(encoded, languages)
        prompt = [self._start, *self._language_tokens(language), self._transcribe]
        result = self._whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            no_repeat_ngram_size=4,
            max_length=len(prompt) + 8 + math.ceil(TOKENS_PER_S * sound.size / SAMPLE_RATE),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        words = self._whisper.hf_tokenizer.decode(self._said(result.sequences_ids[0], sound.size / SAMPLE_RATE))
        text = plausible(words, result.scores[0], result.no_speech_prob, language)
        return Message({"text": text, "language": language, "confidence": math.exp(min(0.0, result.scores[0]))})

    def _said(self, tokens: list[int], duration_s: float) -> list[int]:
        """The words up to where the speech ends: with times asked for, repeats come after it, if at all."""
        said: list[int] = []
        for token in tokens:
            if token < self._end:
                said.append(token)
            elif said and token >= self._zero_s and (token - self._zero_s) * TIME_UNIT_S > duration_s - END_WITHIN_S:
                break
        return said

    def _features(self, sound: NDArray[np.int16]) -> NDArray[np.float32]:
        waveform = sound.astype(np.float32) / 32768
        features = self._whisper.feature_extractor(waveform, padding=int(PADDING_S * SAMPLE_RATE))
        whole = min(features.shape[1], 30 * FEATURES_PER_S) // 2 * 2  # the encoder halves the rate
        return np.ascontiguousarray(features[:, :whole], np.float32)

    def _language(self, encoded: Any, languages: list[str]) -> str:
        if len(languages) == 1 or not self._whisper.model.is_multilingual:
            return str(languages[0])
        probabilities = {name.strip("<|>"): value for name, value in self._whisper.model.detect_language(encoded)[0]}
        return spoken_language(probabilities, languages)

    def _language_tokens(self, language: str) -> list[int]:
        if not self._whisper.model.is_multilingual:
            return []
        token = self._whisper.hf_tokenizer.token_to_id(f"<|{language}|>")
        if token is None:
            raise ValueError(f"the speech model knows no language {language!r}")
        return [token]


def spoken_language(probabilities: Mapping[str, float], languages: Sequence[str]) -> str:
    """Which of `languages` it is, the likeliest first: another one than the first needs more, English much more."""
    likeliest = languages[0]
    scores = {name: probabilities.get(name, 0.0) for name in languages}
    scores[likeliest] *= LIKELIER
    found = max(languages, key=scores.__getitem__)
    return likeliest if found == "en" and found != likeliest and scores[found] < ENGLISH_FROM else found
