"""What the avatar does by itself, part by part."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from livekit import rtc

from agent.conversation.phrases import is_goodbye, is_thanks
from agent.conversation.silence import SilencePrompts
from agent.conversation.typed import AT_ONCE, REFILL_S, Allowance
from agent.voice.hearing.microphones import Microphones, _Microphone
from agent.voice.hearing.utterance import (
    DONE_MS,
    NOT_DONE_MS,
    PERHAPS_DONE_MS,
    SAMPLE_RATE,
    WINDOW_MS,
    WINDOW_SAMPLES,
    Samples,
    Utterance,
    patience_ms,
)
from tests.agent.conftest import eventually
from tests.agent.conversing import spoken


async def test_silence_is_broken_a_few_times_and_only_for_somebody() -> None:
    prompted: list[str] = []
    somebody = False
    silence = SilencePrompts(0.01, 2, lambda: somebody, lambda: prompted.append("still here"))
    somebody = True
    await eventually(lambda: len(prompted) == 2, "two prompts")
    silence.busy(False)
    silence.visitor_spoke()
    await eventually(lambda: len(prompted) == 4, "again after somebody spoke")
    silence.busy(True)
    silence.visitor_spoke()
    await asyncio.sleep(0.05)
    assert len(prompted) == 4
    await silence.aclose()


def test_a_monologue_is_heard_in_pieces_of_bounded_length() -> None:
    utterance = Utterance(np.zeros(0, np.int16))
    window = np.ones(WINDOW_SAMPLES, np.int16)
    pieces = []
    for number in range(180_000 // WINDOW_MS):
        utterance.add(window, voiced=number % 160 < 150)  # a breath of 320 ms every 5 s
        if utterance.to_be_cut:
            pieces.append(utterance.cut().size / SAMPLE_RATE)
    assert len(pieces) > 8
    assert max(pieces) < 20
    utterance.cut()
    for _ in range(60_000 // WINDOW_MS):
        utterance.add(window, voiced=True)  # without a breath
        if utterance.to_be_cut:
            assert utterance.cut().size <= 28 * SAMPLE_RATE


@pytest.mark.parametrize(
    ("text", "ended", "silence_ms"),
    [
        ("When does it open?", 0.7, DONE_MS),
        ("When does it open?", None, DONE_MS),
        ("When does it open?", 0.1, PERHAPS_DONE_MS),
        ("I would like to know", 0.7, PERHAPS_DONE_MS),
        ("I would like to know", 0.1, NOT_DONE_MS),
        ("Well...", 0.7, NOT_DONE_MS),
        ("متى يفتح المتحف؟", 0.7, DONE_MS),
    ],
)
def test_a_turn_is_over_the_sooner_the_more_finished_it_sounds(text: str, ended: float | None, silence_ms: int) -> None:
    assert patience_ms(text, ended, 0.36) == silence_ms


def test_questions_come_one_at_a_time() -> None:
    now = 0.0
    allowance = Allowance(lambda: now)
    assert [allowance.take() for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
    now += REFILL_S
    assert allowance.take()
    assert not allowance.take()


@pytest.mark.parametrize("text", ["Bye!", "Okay, goodbye.", "Thank you, bye bye!", "مع السلامة", "شكراً، إلى اللقاء"])
def test_a_goodbye_is_known(text: str) -> None:
    assert is_goodbye(text)


@pytest.mark.parametrize(
    "text", ["", "How do I say goodbye?", "The bye laws of the museum are on the wall over there", "مرحبا"]
)
def test_what_only_sounds_like_a_goodbye_is_none(text: str) -> None:
    assert not is_goodbye(text)


def test_thanks_are_known() -> None:
    assert is_thanks("Oh, thank you!")
    assert is_thanks("شكرًا جزيلًا")
    assert not is_thanks("What is thankfulness?")


@pytest.fixture
async def two_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["TwoAtOnce"]:
    monkeypatch.setenv("AVATARY_HOME", str(tmp_path))
    both = TwoAtOnce(await spoken("When does the museum open?"))
    yield both
    await both.microphones.aclose()


class TwoAtOnce:
    """Two microphones, fed window by window with the same words, each from its own moment on."""

    def __init__(self, words: Samples) -> None:
        self.words = words
        self.microphones = Microphones(rtc.Room())
        self._each = {name: _Microphone() for name in ("dana", "emil")}

    def hear(self, milliseconds: int, **places_ms: int | None) -> list[str]:
        """Who has the floor, window by window. `places_ms`: where in the words each of them is; None is silent."""
        holders = []
        for passed_ms in range(0, milliseconds, WINDOW_MS):
            for name, place_ms in places_ms.items():
                start = 0 if place_ms is None else (place_ms + passed_ms) * SAMPLE_RATE // 1000
                window = np.zeros(0, np.int16) if place_ms is None else self.words[start : start + WINDOW_SAMPLES]
                window = np.pad(window, (0, WINDOW_SAMPLES - window.size))
                frame = rtc.AudioFrame(window.tobytes(), SAMPLE_RATE, 1, WINDOW_SAMPLES)
                self.microphones._take(name, self._each[name], frame)
            holders.append(self.microphones._holder or "")
        return holders


async def test_half_a_sentence_that_another_visitor_spoke_into_is_not_taken_for_a_question(
    two_at_once: TwoAtOnce,
) -> None:
    both = two_at_once
    assert set(both.hear(320, dana=0, emil=None)[-1:]) == {"dana"}
    assert set(both.hear(900, dana=320, emil=0)) == {"dana"}
    both.microphones.release()
    assert set(both.hear(400, dana=None, emil=900)) == {""}, "the rest of what Emil says is not heard"
    both.hear(640, dana=None, emil=None)
    assert both.hear(640, dana=None, emil=0)[-1] == "emil", "what he says after a pause is"


async def test_who_begins_a_moment_before_the_floor_is_free_is_heard_from_the_beginning(two_at_once: TwoAtOnce) -> None:
    both = two_at_once
    both.hear(320, dana=0, emil=None)
    both.hear(320, dana=None, emil=0)
    both.microphones.release()
    before = both.microphones._frames.qsize()
    assert both.hear(WINDOW_MS, dana=None, emil=320) == ["emil"]
    passed_on_ms = (both.microphones._frames.qsize() - before) * WINDOW_MS
    assert passed_on_ms >= 320
