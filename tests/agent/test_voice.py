"""The local voices."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hibari import SAMPLE_RATE, Hibari
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.voice import hibari_voice
from agent.voice.arabic import voice as arabic_voice
from agent.voice.espeak import Espeak, EspeakError, EspeakVoice
from agent.voice.packed import pronunciations, tag_weights
from agent.voice.phrases import PhraseCache
from agent.voice.pronunciation import load_g2p
from agent.voice.speech import LocalTTS, PreparedSpeech
from agent.voice.utterance import Utterance, levelled
from agent.voice.visemes import SPOKEN_PART, SpokenPart, Viseme
from agent.voice.voices import LocalVoice, UnknownVoice
from protocol.voices import VOICES

SENTENCES = [
    "Hello there, this is hibari.",
    "Dr. Smith read the record live at 9:30am; she didn't lead.",
    "Zyxxian blorbs cost $5.20, McDonald's said in 2024.",
]
WELCOME = "أهلا وسهلا بكم في معرضنا اليوم."


@pytest.fixture
def voice(tmp_path: Path) -> LocalVoice:
    return LocalVoice(phrases=PhraseCache(tmp_path / "phrases"))


class Vendor(tts.TTS[None]):
    """Somebody else's speech, 16 kHz: a hum of a second, or nothing but an error."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=16_000, num_channels=1)
        self.broken = broken

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return VendorStream(tts=self, input_text=text, conn_options=APIConnectOptions(max_retry=0))


class VendorStream(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        if cast(Vendor, self._tts).broken:
            raise APIError("out of credit")
        output_emitter.initialize(request_id="1", sample_rate=16_000, num_channels=1, mime_type="audio/pcm")
        hum = 8_000 * np.sin(np.arange(16_000) / 10)
        output_emitter.push(hum.astype(np.int16).tobytes())
        output_emitter.flush()


async def test_a_vendor_speaks_the_greeting_where_one_is_configured() -> None:
    speech = await PreparedSpeech.of("Hello.", Vendor(broken=False))
    assert speech.voiced
    assert speech.duration_ms == pytest.approx(1_000, abs=20)
    assert {frame.sample_rate async for frame in speech.frames()} == {SAMPLE_RATE}


async def test_a_vendor_that_fails_leaves_the_greeting_to_be_read() -> None:
    speech = await PreparedSpeech.of("Hello, and welcome!", Vendor(broken=True))
    assert (speech.voiced, speech.text) == (False, "Hello, and welcome!")
    assert speech.duration_ms > 1_000


def loud_parts(utterance: Utterance) -> float:
    """RMS of the parts within 20 dB of the loudest, in dB of full scale."""
    wave = utterance.sound.astype(np.float64) / 32768
    powers = np.mean(wave[: wave.size // 480 * 480].reshape(-1, 480) ** 2, axis=1)
    return float(10 * np.log10(powers[powers > powers.max() / 100].mean()))


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


async def test_a_greeting_begins_with_sound_and_not_with_silence(voice: LocalVoice) -> None:
    speech = await PreparedSpeech.of("Hello, and welcome!", LocalTTS(voice))
    frames = [frame async for frame in speech.frames()]
    assert speech.voiced
    assert frames[0].sample_rate == SAMPLE_RATE
    assert sum(frame.duration for frame in frames) * 1000 == pytest.approx(speech.duration_ms)
    first_60_ms = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames[:3]])
    assert np.abs(first_60_ms).max() > 300


async def test_arabic_is_spoken_as_loud_as_english(voice: LocalVoice) -> None:
    arabic, voiced = await voice.say(WELCOME)
    english, _ = await voice.say("Welcome to our exhibition today.")
    assert voiced
    assert 1.5 < arabic.duration_s < 6
    assert loud_parts(arabic) == pytest.approx(loud_parts(english), abs=2)


async def test_each_part_of_a_mixed_sentence_has_the_voice_of_its_script(voice: LocalVoice) -> None:
    arabic, _ = await voice.say("هذا هو")
    english, _ = await voice.say("the Blue Room")
    mixed, _ = await voice.say("هذا هو the Blue Room")
    assert mixed.duration_s == pytest.approx(arabic.duration_s + english.duration_s, abs=0.5)


async def test_what_no_voice_can_read_becomes_silence_as_long_as_reading_takes(voice: LocalVoice) -> None:
    speech = await PreparedSpeech.of("欢迎来到我们的博物馆今天很高兴见到你们", LocalTTS(voice))
    assert not speech.voiced
    assert 1_000 < speech.duration_ms < 4_000
    assert not any(np.frombuffer(frame.data, np.int16).any() for frame in [f async for f in speech.frames()])


async def test_an_empty_greeting_has_no_sound(voice: LocalVoice) -> None:
    speech = await PreparedSpeech.of("", LocalTTS(voice))
    assert (speech.voiced, speech.duration_ms) == (False, 0)


def test_silence_without_its_lead_in_is_nothing() -> None:
    assert Utterance(np.zeros(1_000, np.int16)).trimmed().sound.size == 0


def test_a_level_never_clips() -> None:
    click = np.zeros(4_800, np.float32)
    click[2_400] = 1.0
    assert 0.8 * 32767 < np.abs(levelled(click)).max() < 32767


def test_a_voice_that_the_host_does_not_have_is_named() -> None:
    with pytest.raises(UnknownVoice, match="no voice 'nobody'; it has cedar, heart"):
        LocalVoice("nobody")


def pitch_hz(utterance: Utterance) -> float:
    """The median of the loud parts' pitch, by their cepstrum."""
    wave = utterance.sound.astype(np.float64)
    found = []
    for start in range(0, wave.size - 2_400, 1_200):
        part = wave[start : start + 2_400] * np.hanning(2_400)
        if np.sqrt(np.mean(part**2)) > 1_000:
            cepstrum = np.fft.irfft(np.log(np.abs(np.fft.rfft(part, SAMPLE_RATE)) + 1))
            shortest, longest = SAMPLE_RATE // 320, SAMPLE_RATE // 70
            found.append(SAMPLE_RATE / (shortest + int(np.argmax(cepstrum[shortest:longest]))))
    return float(np.median(found))


@pytest.mark.parametrize("sentence", ["Welcome to the museum, my friends.", WELCOME])
async def test_cedar_is_a_man_and_heart_a_woman(sentence: str, tmp_path: Path) -> None:
    cache = PhraseCache(tmp_path / "phrases")
    assert VOICES == ("heart", "cedar")
    woman, _ = await LocalVoice("heart", cache).say(sentence)
    man, _ = await LocalVoice("cedar", cache).say(sentence)
    assert 75 < pitch_hz(man) < 150 < pitch_hz(woman) < 280
    assert loud_parts(man) == pytest.approx(loud_parts(woman), abs=2)


async def test_a_sentence_that_was_said_before_is_not_made_again(
    voice: LocalVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = await voice.say("The cafe is on the second floor.")
    assert voice.kept("The cafe is on the second floor.")

    def fail(*_: object) -> Utterance:
        raise AssertionError("spoken again")

    monkeypatch.setattr(hibari_voice, "speak", fail)
    again, voiced = await voice.say("The cafe is on the second floor.")
    assert voiced
    assert np.array_equal(again.sound, first.sound)
    assert [viseme for _, _, viseme in again.track] == [viseme for _, _, viseme in first.track]


async def test_livekit_gets_the_voice_with_its_lips_through_its_speech_interface(voice: LocalVoice) -> None:
    local = LocalTTS(voice)
    sound: list[rtc.AudioFrame] = []
    async with local.stream() as stream:
        stream.push_text("My map shows Bob. ")
        stream.push_text("How are you?")
        stream.end_input()
        sound += [event.frame async for event in stream]
    assert {frame.sample_rate for frame in sound} == {SAMPLE_RATE}
    assert sum(frame.duration for frame in sound) > 1.0
    parts = [frame.userdata[SPOKEN_PART] for frame in sound]
    assert all(isinstance(part, SpokenPart) for part in parts)
    starts = np.cumsum([0.0, *(frame.duration for frame in sound)])[:-1]
    assert [part.start_s for part in parts] == pytest.approx(list(starts))
    assert sum(lips.viseme is Viseme.LIPS for lips in parts[0].track) == 5
    whole = local.synthesize("Hello there. How are you?")
    assert sum([event.frame.duration async for event in whole]) > 1.0
    await whole.aclose()


async def test_the_first_sentence_is_heard_while_the_last_one_is_still_being_written(voice: LocalVoice) -> None:
    async with LocalTTS(voice).stream() as stream:
        events: AsyncIterator[object] = aiter(stream)
        stream.push_text("The museum opens at nine. It is closed")
        async with asyncio.timeout(20):
            assert await anext(events)
        stream.push_text(" on Mondays.")
        stream.end_input()
        assert [event async for event in events]


async def test_a_text_without_a_word_is_no_failure(voice: LocalVoice) -> None:
    async with LocalTTS(voice).stream() as stream:
        stream.push_text("🙂")
        stream.end_input()
        assert sum([event.frame.duration async for event in stream]) > 0


def test_an_espeak_that_is_killed_comes_back() -> None:
    espeak, slow = Espeak(), EspeakVoice("ar", 160, 50, 50)
    try:
        first = espeak.speak("[[marHaban]]", slow)
        killed = espeak.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert np.array_equal(espeak.speak("[[marHaban]]", slow).samples, first.samples)
        assert espeak.pid != killed
    finally:
        espeak.close()


def test_an_espeak_that_hangs_is_given_up() -> None:
    espeak = Espeak(timeout_s=3)
    try:
        espeak.speak("[[a]]", EspeakVoice("ar", 160, 50, 50))
        assert espeak.pid is not None
        os.kill(espeak.pid, signal.SIGSTOP)
        assert espeak.speak("[[a]]", EspeakVoice("ar", 160, 50, 50)).samples.size
    finally:
        espeak.close()


def test_a_voice_that_espeak_does_not_have_is_an_error_with_its_name() -> None:
    espeak = Espeak()
    try:
        with pytest.raises(EspeakError, match="no voice 'tlhIngan'"):
            espeak.speak("a", EspeakVoice("tlhIngan", 160, 50, 50))
    finally:
        espeak.close()


def test_the_gpl_library_is_in_no_process_of_ours() -> None:
    assert arabic_voice.speak(WELCOME).sound.size
    assert "espeak" not in Path("/proc/self/maps").read_text()
    program = arabic_voice._espeak.pid
    assert "libespeak-ng" in Path(f"/proc/{program}/maps").read_text()


@pytest.mark.parametrize(
    ("sentence", "closures"),
    [("My map shows Bob.", 5), ("Papa.", 2), ("Who are you?", 0)],
)
def test_english_lips_close_as_often_as_it_is_spoken(sentence: str, closures: int) -> None:
    track = hibari_voice.speak(sentence).track
    assert sum(lips.viseme is Viseme.LIPS for lips in track) == closures


@pytest.mark.parametrize(("sentence", "closures"), [("باب المتحف", 3), ("مرحبا بكم", 4), ("نادي القراءة", 0)])
def test_arabic_lips_close_at_m_and_b(sentence: str, closures: int) -> None:
    utterance = arabic_voice.speak(sentence)
    assert np.abs(utterance.sound).max() > 3_000
    assert sum(lips.viseme is Viseme.LIPS for lips in utterance.track) == closures


@pytest.mark.parametrize("sentence", ["Papa bought a big map.", "بابا يبيع خبز البيت"])
def test_the_sound_is_low_while_the_lips_are_closed(sentence: str) -> None:
    speak = hibari_voice.speak if sentence.isascii() else arabic_voice.speak
    utterance = speak(sentence)
    wave = utterance.sound.astype(np.float64)
    levels = np.sqrt(np.convolve(wave**2, np.full(240, 1 / 240), "same"))

    def level(*visemes: Viseme) -> float:
        middles = [(lips.start_s + lips.end_s) / 2 for lips in utterance.track if lips.viseme in visemes]
        return float(np.mean([levels[int(middle * SAMPLE_RATE)] for middle in middles]))

    assert level(Viseme.LIPS) < 0.6 * level(Viseme.A, Viseme.O, Viseme.I, Viseme.U)
