"""What a frame of the built-in avatar costs to compose, in processor time of the thread that draws: TV, speech and captions."""

import random
import time
from typing import Final, NamedTuple

import cv2
import numpy as np

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.face_state import AT_REST, CLOSED_MOUTH, Mouth
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.picture import composer_of, programme_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.test_card.card import CardComposer
from protocol.avatar import BuiltinSettings, TvProgramme
from protocol.modes import BUILT_IN_MODES
from tests.stack import Stack

SENTENCE: Final = "Welcome to the museum, where every ship has a story, and every pearl has had a diver."
FPS: Final = 30
WARM_UP: Final = 60
NAIVE_SIZE: Final = (640, 360)

Row = tuple[str, str, list[float], float | None, str]


class Took(NamedTuple):
    """Of each frame, milliseconds: in processor time of the thread that draws, and by the clock."""

    cpu_ms: list[float]
    wall_ms: list[float]


def frames(stack: Stack, repetitions: int) -> list[Row]:
    """Ten frames a repetition and size; an idle second a repetition; the frame of the field report, pixel by pixel, thrice."""
    cv2.setNumThreads(1)
    rows: list[Row] = []
    for width, height, target_ms in ((1920, 1080, 4.0), (1280, 720, 2.0)):
        words = Words()
        composer = composer_for(width, height, words, TvProgramme.HARBOUR)
        times_ms = speak(composer, words, WARM_UP + 10 * repetitions).cpu_ms[WARM_UP:]
        composer.close()
        rows.append((f"frame {height}p: TV, speech, caption", "ms", times_ms, target_ms, "median"))
    composer = composer_for(1280, 720, Words(), TvProgramme.NONE)
    rows.append(("idle 720p, TV off: of a core", "share", _idle(composer, repetitions), 0.02, "median"))
    width, height = NAIVE_SIZE
    words = Words()
    composer = composer_for(width, height, words, TvProgramme.HARBOUR)
    ours_ms = float(np.median(speak(composer, words, WARM_UP + 10 * repetitions).cpu_ms[WARM_UP:]))
    composer.close()
    naive_ms = [_naive_ms() for _ in range(3)]
    rows.append(("frame 360p: pixel by pixel, of ours", "times", [each / ours_ms for each in naive_ms], None, "median"))
    card_ms = _card_ms(10 * repetitions)
    naive_median_ms = float(np.median(naive_ms))
    shares = [100 * each / naive_median_ms for each in card_ms]
    rows.append(("test card 360p: of the pixel loop's time", "percent", shares, 1.0, "median"))
    return rows


def composer_for(width: int, height: int, words: Words, tv: TvProgramme) -> FrameComposer:
    settings = BuiltinSettings(presenter="omar", scene="museum-hall", tv=tv, captions_burnt_in=True)
    mode = BUILT_IN_MODES["exhibition"].model_copy(update={"video_width": width, "video_height": height})
    composer = composer_of(settings, mode, words=words, warn=print, programme=programme_of(settings))()
    for _ in composer.warm_up():
        pass
    return composer


def speak(composer: FrameComposer, words: Words, count: int) -> Took:
    """`count` frames at their rate. A word comes every third of a second."""
    motion, chance = IdleMotion(random.Random(1)), random.Random(2)
    opening, spoken, took = 0, SENTENCE.split(), Took([], [])
    for number in range(count):
        began = time.monotonic()
        opening = min(max(opening + chance.choice((-2, -1, 1, 2)), 0), 7)
        words.text = " ".join(spoken[: 1 + number // 10 % len(spoken)])
        motion.advance(1 / FPS, speaking=True, openness=opening / 7)
        state = motion.state(Mouth(opening, chance.randrange(5)))
        started, started_cpu = time.perf_counter(), time.thread_time()
        composer.compose(state)
        took.cpu_ms.append((time.thread_time() - started_cpu) * 1000)
        took.wall_ms.append((time.perf_counter() - started) * 1000)
        time.sleep(max(1 / FPS - (time.monotonic() - began), 0))
    return took


def _idle(composer: FrameComposer, seconds: int) -> list[float]:
    """Share of a core that each second of idle frames takes to compose, at 15 frames a second."""
    motion = IdleMotion(random.Random(3))
    shares = []
    for _ in range(seconds):
        started = time.thread_time()
        for _ in range(15):
            motion.advance(1 / 15, speaking=False)
            composer.compose(motion.state(CLOSED_MOUTH))
        shares.append(time.thread_time() - started)
    return shares


def _card_ms(count: int) -> list[float]:
    """Processor time of each of `count` frames of the test card in the pixel loop's size, milliseconds, while it speaks."""
    width, height = NAIVE_SIZE
    size = {"video_width": width, "video_height": height}
    composer = CardComposer(BUILT_IN_MODES["constrained"].model_copy(update=size))
    for _ in composer.warm_up():
        pass
    times_ms = []
    for number in range(WARM_UP + count):
        state = AT_REST._replace(mouth=Mouth(number % 8, number % 5))
        started = time.thread_time()
        composer.compose(state)
        times_ms.append((time.thread_time() - started) * 1000)
    return times_ms[WARM_UP:]


def _naive_ms() -> float:
    """The placeholder's frame as it was first drawn: each pixel in a loop."""
    width, height = NAIVE_SIZE
    started = time.thread_time()
    frame = bytearray(width * height * 4)
    for y in range(height):
        for x in range(width):
            place = (y * width + x) * 4
            inside = (x - width // 2) ** 2 + (y - height // 2) ** 2 < 10_000
            frame[place : place + 4] = (
                (200, 170, 140, 255) if inside else (x * 255 // width, y * 255 // height, 90, 255)
            )
    return (time.thread_time() - started) * 1000
