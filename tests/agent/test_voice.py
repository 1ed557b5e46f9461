"""The local voice."""

from pathlib import Path

import numpy as np
import pytest
from hibari import SAMPLE_RATE, Hibari

from agent.voice import hibari_voice
from agent.voice.packed import pronunciations, tag_weights
from agent.voice.pronunciation import load_g2p
from agent.voice.speech import HibariTTS, PreparedSpeech

SENTENCES = [
    "Hello there, this is hibari.",
    "Dr. Smith read the record live at 9:30am; she didn't lead.",
    "Zyxxian blorbs cost $5.20, McDonald's said in 2024.",
]


def test_packed_tables_pronounce_like_the_plain_ones(tmp_path: Path) -> None:
    plain = Hibari().g2p
    expected = [plain(sentence) for sentence in SENTENCES]
    made, kept = load_g2p(tmp_path), load_g2p(tmp_path)
    assert [made(sentence) for sentence in SENTENCES] == expected
    assert [kept(sentence) for sentence in SENTENCES] == expected


def test_a_damaged_table_file_is_made_anew(tmp_path: Path) -> None:
    load_g2p(tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    assert load_g2p(tmp_path)("Hello.")
    assert kept.stat().st_size > 1_000_000


def test_a_packed_table_answers_like_a_dictionary() -> None:
    table = {"read": {"DEFAULT": "ɹˈid", "VBD": "ɹˈɛd"}, "hello": "həlˈO", "": "x", "zoo": "zˈu"}
    packed = pronunciations(table)
    assert len(packed) == 4
    assert {word: packed.get(word) for word in table} == table
    assert packed.get("hell") is None
    assert "zoo" in packed
    assert "zooo" not in packed
    weights = tag_weights({"w=the": {"DT": 1.25, "NN": -0.5}}, ["NN", "DT"])
    assert weights.get("w=the") == {"DT": 1.25, "NN": -0.5}


async def test_a_greeting_begins_with_sound_and_not_with_silence() -> None:
    speech = await PreparedSpeech.of("Hello, and welcome!")
    frames = [frame async for frame in speech.frames()]
    assert speech.voiced
    assert frames[0].sample_rate == SAMPLE_RATE
    assert sum(frame.duration for frame in frames) * 1000 == pytest.approx(speech.duration_ms)
    first_60_ms = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames[:3]])
    assert np.abs(first_60_ms).max() > 300


async def test_what_the_voice_cannot_read_becomes_silence_as_long_as_reading_takes() -> None:
    speech = await PreparedSpeech.of("أهلا وسهلا بكم في معرضنا اليوم")
    assert not speech.voiced
    assert 1_000 < speech.duration_ms < 4_000
    assert not any(np.frombuffer(frame.data, np.int16).any() for frame in [f async for f in speech.frames()])


async def test_an_empty_greeting_has_no_sound() -> None:
    speech = await PreparedSpeech.of("")
    assert (speech.voiced, speech.duration_ms) == (False, 0)


def test_a_text_counts_as_speakable_by_most_of_its_letters() -> None:
    assert hibari_voice.can_speak("Welcome to متحف!")
    assert not hibari_voice.can_speak("مرحبا بكم في OpenAI")
    assert not hibari_voice.can_speak("123")


def test_silence_without_its_lead_in_is_nothing() -> None:
    assert hibari_voice.without_lead_in(np.zeros(1_000, np.int16)).size == 0


async def test_livekit_gets_the_same_voice_through_its_speech_interface() -> None:
    stream = HibariTTS().synthesize("Hello there. How are you?")
    sound = [event.frame async for event in stream]
    assert sum(frame.duration for frame in sound) > 1.0
    assert {frame.sample_rate for frame in sound} == {SAMPLE_RATE}
    await stream.aclose()
