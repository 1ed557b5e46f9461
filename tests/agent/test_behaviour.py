"""What the avatar does by itself, part by part."""

import asyncio

import numpy as np
import pytest

from agent.conversation.phrases import is_goodbye, is_thanks
from agent.conversation.silence import SilencePrompts
from agent.conversation.typed import AT_ONCE, REFILL_S, Allowance
from agent.voice.hearing.utterance import (
    DONE_MS,
    NOT_DONE_MS,
    PERHAPS_DONE_MS,
    SAMPLE_RATE,
    WINDOW_MS,
    WINDOW_SAMPLES,
    Utterance,
    patience_ms,
)
from tests.agent.conftest import eventually


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
