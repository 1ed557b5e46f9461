"""Words of captions appear when they begin to be said: measured against what the voices know of their own words."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities, TextOutput

from agent.conversation.caption_pace import CaptionPace, SaidSoFar
from agent.voice.speech import PreparedSpeech
from agent.voice.utterance import SAMPLE_RATE, Utterance, joined
from agent.voice.visemes import Lips, Viseme

LETTER_S = 0.06


def said(text: str, *, pause_s: float = 0.4) -> tuple[Utterance, list[float]]:
    """A sound for each letter and silence at each full stop; when each word begins."""
    track: list[Lips] = []
    starts: list[float] = []
    at_s = 0.0
    for word in text.split():
        starts.append(at_s)
        for _ in word.strip("."):
            track.append(Lips(at_s, at_s + LETTER_S, Viseme.A))
            at_s += LETTER_S
        if word.endswith("."):
            track.append(Lips(at_s, at_s + pause_s, Viseme.REST))
            at_s += pause_s
    return Utterance(np.zeros(round(at_s * SAMPLE_RATE), np.int16), tuple(track)), starts


class Player(AudioOutput):
    """Takes all sound at once and plays it in its time, as the voice line does."""

    def __init__(self) -> None:
        super().__init__(label="player", capabilities=AudioOutputCapabilities(pause=True), sample_rate=SAMPLE_RATE)
        self.began: float | None = None
        self.duration_s = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.duration_s += frame.duration
        if self.began is None:
            self.began = time.time()
            self.on_playback_started(created_at=self.began)

    def flush(self) -> None:
        super().flush()
        asyncio.get_running_loop().call_later(
            self.duration_s, lambda: self.on_playback_finished(playback_position=self.duration_s, interrupted=False)
        )

    def clear_buffer(self) -> None:
        """Nothing here is cut short."""


class Shown(TextOutput):
    """Words with the moment in which they came."""

    def __init__(self) -> None:
        super().__init__(label="shown", next_in_chain=None)
        self.words: list[tuple[str, float]] = []
        self.over = asyncio.Event()

    async def capture_text(self, text: str) -> None:
        self.words.append((text.strip(), time.time()))

    def flush(self) -> None:
        if self.words:
            self.over.set()


async def test_words_come_with_their_sound_and_wait_through_pauses() -> None:
    text = "Pearls were weighed here. Merchants came from Basra and Bombay. Then all of them left."
    utterance, starts = said(text)
    player, shown = Player(), Shown()
    pace = CaptionPace(next_in_chain_audio=player, next_in_chain_text=shown)
    await pace.text_output.capture_text(text)
    pace.text_output.flush()
    async for frame in PreparedSpeech(text, utterance, voiced=True).frames():
        await pace.audio_output.capture_frame(frame)
    pace.audio_output.flush()
    await asyncio.wait_for(shown.over.wait(), 60)
    await pace.aclose()
    assert player.began is not None
    assert [word for word, _ in shown.words] == text.split()
    late_s = [at - player.began - start_s for (_, at), start_s in zip(shown.words, starts, strict=True)]
    assert -0.15 < float(np.median(late_s)) < 0.05, late_s  # a busy machine may hold single words up


def test_silence_says_nothing_and_a_voice_without_lips_is_followed_by_ear() -> None:
    sound = np.zeros(SAMPLE_RATE, np.int16)
    sound[SAMPLE_RATE // 2 :] = (np.sin(np.arange(SAMPLE_RATE // 2) / 20) * 8000).astype(np.int16)
    so_far = SaidSoFar()
    for part in np.split(sound, 50):
        so_far.push(rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, part.size))
    assert so_far.time_of(0.0) == pytest.approx(0.5, abs=0.03)
    assert so_far.time_of(so_far.count / 2) == pytest.approx(0.75, abs=0.03)
    assert so_far.time_of(so_far.count + 1) is None, "that has not come yet"
    so_far.is_complete = True
    assert so_far.time_of(so_far.count + 1) == pytest.approx(1.0)


async def test_words_of_our_voice_are_shown_within_a_quarter_of_a_second_of_their_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against the durations that hibari predicts for each word's phonemes."""
    from agent.conversation import caption_pace
    from agent.voice import hibari_voice, visemes

    heard: list[tuple[str, Any, float]] = []

    def listening(phonemes: str, durations: Any, sound_s: float) -> Any:
        heard.append((phonemes, np.asarray(durations), sound_s))
        return visemes.english_track(phonemes, durations, sound_s)

    monkeypatch.setattr(hibari_voice, "english_track", listening)
    sentences = [
        "The house was built in seventeen ninety by a merchant who traded in pearls.",
        "On the first floor you will find his library, with four thousand books.",
        "It is open every day but Monday.",
    ]
    parts = [await asyncio.to_thread(hibari_voice.speak, sentence) for sentence in sentences]
    starts, at_s = [], 0.0
    for (phonemes, durations, _), part in zip(heard, parts, strict=True):
        begins = np.concatenate([[0.0], np.cumsum(durations)])
        silent = [each in " .,;:!?" for each in phonemes]
        words = [number + 1 for number, (here, after) in enumerate(pairwise(silent)) if here and not after]
        starts += [at_s + float(begins[number]) for number in words]
        at_s += part.duration_s
    text = " ".join(sentences)
    so_far = SaidSoFar()
    async for frame in PreparedSpeech(text, joined(parts), voiced=True).frames():
        so_far.push(frame)
    rate, letters, late_s = so_far.count / caption_pace.letters_in(text), 0, []
    for word, start_s in zip(text.split(), starts, strict=True):
        due_s = so_far.time_of(letters * rate)
        assert due_s is not None
        late_s.append(due_s - start_s)
        letters += caption_pace.letters_in(word)
    assert abs(float(np.median(late_s))) < 0.12, late_s
    assert float(np.percentile(np.abs(late_s), 90)) < 0.25, late_s
