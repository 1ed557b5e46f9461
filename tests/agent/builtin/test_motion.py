"""What the face does: the mouth with the sound, lids and body by themselves, frames when they are due."""

import asyncio
import itertools
import random

import numpy as np
import pytest

from agent.avatars.builtin.face_state import (
    AHEAD,
    BREATH_STEPS,
    CLOSED_MOUTH,
    LID_STEPS,
    MOUTH_OPENINGS,
    SMILE_STEPS,
    SWAY_STEPS,
    Expression,
    FaceState,
    Mouth,
)
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.mouth import SpeakingMouth
from agent.avatars.builtin.pacing import FramePacer
from agent.avatars.builtin.sound_blocks import Samples
from tests.agent.builtin.voices import SAMPLE_RATE, babble, hiss, vowel

FRAME_S = 0.04
OO = (320.0, 800.0)
EE = (320.0, 2300.0)


def shapes(sound: Samples, mouth: SpeakingMouth | None = None) -> list[Mouth]:
    """The mouth's shape in each frame of `sound`."""
    mouth = mouth or SpeakingMouth(SAMPLE_RATE)
    return [mouth.update(sound[at : at + 960], FRAME_S) for at in range(0, sound.size, 960)]


def test_the_mouth_opens_with_the_sound_and_closes_soon_after_it() -> None:
    mouth = SpeakingMouth(SAMPLE_RATE)
    spoken = shapes(vowel(0.4), mouth)
    assert spoken[1].opening >= MOUTH_OPENINGS // 2
    after = [mouth.update(None, FRAME_S) for _ in range(10)]
    assert after[5:] == [CLOSED_MOUTH] * 5
    assert mouth.closed


def test_silence_and_a_quiet_room_keep_the_mouth_closed() -> None:
    room = (np.random.default_rng(3).standard_normal(SAMPLE_RATE) * 40).astype(np.int16)
    assert set(shapes(room)) == {CLOSED_MOUTH}
    assert set(shapes(np.zeros(SAMPLE_RATE, np.int16))) == {CLOSED_MOUTH}


def test_a_steady_sound_does_not_make_the_mouth_flicker() -> None:
    tremble = vowel(4.0) * (1 + 0.06 * np.random.default_rng(2).standard_normal(96_000).cumsum().clip(-1, 1))
    settled = shapes(np.asarray(tremble, np.int16))[10:]
    changes = sum(a != b for a, b in itertools.pairwise(settled))
    assert changes <= 4


def test_syllables_open_and_close_the_mouth() -> None:
    openings = [shape.opening for shape in shapes(babble(2.0))]
    assert max(openings) >= MOUTH_OPENINGS - 2
    assert sum(a > 2 >= b for a, b in itertools.pairwise(openings)) >= 6


def test_ee_is_wider_than_oo_and_a_hiss_is_nearly_closed() -> None:
    assert shapes(vowel(0.6, EE))[-1].width > shapes(vowel(0.6, OO))[-1].width
    assert 0 < shapes(hiss(0.6))[-1].opening < shapes(vowel(0.6))[-1].opening


def test_a_quiet_voice_opens_the_mouth_too() -> None:
    assert max(shape.opening for shape in shapes(vowel(1.0, level=0.03))) >= 2


def test_an_interrupted_mouth_is_closed_at_once() -> None:
    mouth = SpeakingMouth(SAMPLE_RATE)
    assert shapes(vowel(0.4), mouth)[-1].opening > 0
    mouth.silence()
    assert mouth.update(None, FRAME_S) == CLOSED_MOUTH


def watch(seed: int, seconds: int) -> tuple[IdleMotion, list[float]]:
    """A quiet face for a while, and when it blinked."""
    motion, blinks, was_open = IdleMotion(random.Random(seed)), [], True
    for frame in range(seconds * 25):
        motion.advance(FRAME_S, speaking=False)
        assert 0 <= motion.lids < LID_STEPS
        assert 0 <= motion.pose.breath < BREATH_STEPS
        assert -SWAY_STEPS <= motion.pose.sway <= SWAY_STEPS
        if was_open and motion.lids:
            blinks.append(frame * FRAME_S)
        was_open = motion.lids == 0
    return motion, blinks


def test_a_face_blinks_a_dozen_times_a_minute_and_never_in_a_rhythm() -> None:
    _, blinks = watch(1, 180)
    assert 8 * 3 <= len(blinks) <= 30 * 3
    gaps = {round(b - a, 2) for a, b in itertools.pairwise(blinks)}
    assert len(gaps) > len(blinks) // 2


def test_a_blink_closes_the_eyes_and_opens_them_again() -> None:
    motion, lids = IdleMotion(random.Random(4)), []
    for _ in range(25 * 20):
        motion.advance(FRAME_S, speaking=False)
        lids.append(motion.lids)
    assert max(lids) == LID_STEPS - 1
    closed_in_a_row = max(len(run) for run in "".join("x" if lid else " " for lid in lids).split())
    assert closed_in_a_row <= 9


def test_two_faces_do_not_move_alike() -> None:
    assert watch(1, 60)[1] != watch(2, 60)[1]


def test_breath_takes_the_chest_all_the_way_up_and_down() -> None:
    motion, seen = IdleMotion(random.Random(1)), set()
    for _ in range(25 * 6):
        motion.advance(FRAME_S, speaking=False)
        seen.add(motion.pose.breath)
    assert seen == set(range(BREATH_STEPS))


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def is_due(pacer: FramePacer, interval_s: float, woken: asyncio.Event) -> bool:
    """Whether a frame is due now; leaves no trace when none is."""
    waiting = asyncio.create_task(pacer.wait(interval_s, woken))
    await asyncio.sleep(0)
    if waiting.done():
        return waiting.result()
    waiting.cancel()
    return False


async def test_a_frame_that_was_late_is_not_followed_by_a_rush() -> None:
    clock, woken = Clock(), asyncio.Event()
    pacer = FramePacer(0.2, clock)
    assert await is_due(pacer, FRAME_S, woken)
    assert not await is_due(pacer, FRAME_S, woken)
    clock.now_s += 3
    assert await is_due(pacer, FRAME_S, woken)
    assert not await is_due(pacer, FRAME_S, woken)
    clock.now_s += FRAME_S
    assert await is_due(pacer, FRAME_S, woken)


async def test_a_little_lateness_is_made_up_so_that_none_adds_up() -> None:
    clock, woken = Clock(), asyncio.Event()
    pacer = FramePacer(0.2, clock)
    shown = 0
    for _ in range(1000):
        shown += await is_due(pacer, FRAME_S, woken)
        clock.now_s += 0.013
    assert shown == pytest.approx(1000 * 0.013 / FRAME_S, abs=2)


async def test_a_quiet_picture_waits_until_the_sound_before_it_has_been_played() -> None:
    clock, woken = Clock(), asyncio.Event()
    pacer = FramePacer(1.0, clock)
    for _ in range(5):
        pacer.handed_over(FRAME_S)
    clock.now_s += 4 * FRAME_S
    assert not await is_due(pacer, FRAME_S, woken)
    clock.now_s += FRAME_S + 0.001
    assert await is_due(pacer, FRAME_S, woken)


async def test_sound_wakes_the_pacer_at_once() -> None:
    clock, woken = Clock(), asyncio.Event()
    pacer = FramePacer(1.0, clock)
    assert await pacer.wait(5.0, woken)
    waiting = asyncio.create_task(pacer.wait(5.0, woken))
    await asyncio.sleep(0)
    woken.set()
    assert await asyncio.wait_for(waiting, 60) is False


def settled_on(expression: Expression, seed: int = 5) -> list[FaceState]:
    """Ten seconds of a quiet face, from a second after it was asked for an expression."""
    motion, states = IdleMotion(random.Random(seed)), []
    motion.show(expression)
    for _ in range(25 * 11):
        motion.advance(FRAME_S, speaking=False)
        states.append(motion.state(CLOSED_MOUTH))
    return states[25:]


def test_each_expression_has_a_face_of_its_own() -> None:
    neutral, listening, thinking, happy = (settled_on(expression) for expression in Expression)
    assert {state.brows for state in neutral} == {0}
    assert {state.smile for state in neutral} == {0}
    assert min(state.brows for state in listening) > 0
    assert min(state.pose.tilt for state in listening) > 0
    assert max(state.gaze.down for state in thinking) < 1
    assert sum(state.gaze.across for state in thinking) > len(thinking)
    assert {state.smile for state in happy} == {SMILE_STEPS - 1}


def test_an_expression_comes_in_steps_within_a_third_of_a_second() -> None:
    motion, smiles = IdleMotion(random.Random(5)), []
    motion.show(Expression.HAPPY)
    assert motion.state(CLOSED_MOUTH).smile == 0
    for _ in range(9):
        motion.advance(FRAME_S, speaking=False)
        smiles.append(motion.state(CLOSED_MOUTH).smile)
    assert smiles == sorted(smiles)
    assert set(smiles) == set(range(SMILE_STEPS))


def test_eyes_look_about_and_come_back() -> None:
    gazes = [state.gaze for state in settled_on(Expression.NEUTRAL)]
    assert len(set(gazes)) > 1
    assert gazes.count(AHEAD) > len(gazes) / 3


def test_brows_rise_on_some_stressed_words_only() -> None:
    motion, brows = IdleMotion(random.Random(5)), []
    for frame in range(25 * 20):
        motion.advance(FRAME_S, speaking=True, openness=1.0 if frame % 40 == 0 else 0.3)
        brows.append(motion.state(CLOSED_MOUTH).brows)
    lifts = sum(before == 0 < after for before, after in itertools.pairwise(brows))
    assert 2 <= lifts <= 11
    assert brows.count(0) > len(brows) / 3
