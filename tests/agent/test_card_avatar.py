"""The test card: what a receiver can tell from it."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from numpy.typing import NDArray

from agent.avatars.builtin.drawing.i420 import Planes, planes_of
from agent.avatars.builtin.face_state import AT_REST, Contact, Mouth
from agent.avatars.test_card.card import CardComposer, number_in
from protocol.jobspec import ProfileSpec
from protocol.modes import BUILT_IN_MODES, ModeSettings
from protocol.test_card import PRESETS, CardSettings, Quality
from tests.agent.conftest import GREETING, eventually
from tests.agent.visitor import Visitor
from tests.services import LiveKit

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, UTC)


def mode(quality: Quality) -> ModeSettings:
    return CardSettings(quality=quality).applied_to(BUILT_IN_MODES["constrained"])


def drawn(composer: CardComposer, settings: ModeSettings, mouth: Mouth = AT_REST.mouth) -> Planes:
    buffer = composer.compose(AT_REST._replace(mouth=mouth)).buffer
    return planes_of(buffer, settings.video_width, settings.video_height)


@pytest.mark.parametrize("quality", list(Quality))
def test_every_frame_of_each_preset_is_of_its_size_and_counts_one_up(quality: Quality) -> None:
    settings = mode(quality)
    if quality in PRESETS:
        assert (settings.video_width, settings.video_height, settings.video_fps) == PRESETS[quality]
    composer = CardComposer(settings)
    frames = [drawn(composer, settings) for _ in range(40)]
    assert [number_in(frame.y) for frame in frames] == list(range(40))
    assert not any(np.array_equal(one.y, other.y) for one, other in pairwise(frames))
    assert composer.lively_fps() == settings.video_fps, "it moves while nothing is said, too"


@pytest.mark.parametrize("size", [(160, 120), (322, 182), (720, 1280), (1920, 1080)])
def test_the_card_fits_any_size_of_a_mode(size: tuple[int, int]) -> None:
    settings = mode(Quality.MODE).model_copy(update={"video_width": size[0], "video_height": size[1]})
    composer = CardComposer(settings)
    for _ in composer.warm_up():
        pass
    for number in range(3):
        assert number_in(drawn(composer, settings, Mouth(0, 2, Contact.LIPS)).y) == number


def test_the_number_wraps_round_and_survives_a_rough_line() -> None:
    settings = mode(Quality.LOW)
    composer = CardComposer(settings)
    composer._number = 2**16 + 5
    rough = drawn(composer, settings).y.astype(np.int16) + np.random.default_rng(1).integers(-60, 60, (240, 320))
    assert number_in(np.asarray(np.clip(rough, 0, 255), np.uint8)) == 5


def mouth_darkness(luma: NDArray[np.uint8]) -> float:
    """Share of the dark inside of the mouth."""
    height, width = luma.shape
    mouth = luma[round(0.47 * height) : round(0.56 * height), round(0.47 * width) : round(0.53 * width)]
    return float((mouth < 40).mean())


def test_mouth_and_meter_open_with_the_voice_and_the_clock_goes_on() -> None:
    settings = mode(Quality.MEDIUM)
    composer = CardComposer(settings, clock=lambda: NOON)
    darkness = [mouth_darkness(drawn(composer, settings, Mouth(opening, 2)).y) for opening in range(8)]
    assert darkness == sorted(darkness)
    assert darkness[7] > darkness[0] + 0.3
    meter = slice(round(0.80 * 640), round(0.94 * 640))
    bright = [drawn(composer, settings, Mouth(opening, 2)).y[80:240, meter].mean() for opening in range(8)]
    assert all(more > less + 5 for less, more in pairwise(bright))
    line = slice(round(0.81 * 360), round(0.87 * 360))
    at_noon = drawn(composer, settings).y[line, 100:400]
    composer._clock = lambda: NOON.replace(second=9)
    assert not np.array_equal(at_noon, drawn(composer, settings).y[line, 100:400])


class Reader(Visitor):
    """Reads the number in every frame that arrives, and how open the mouth was."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.numbers: list[int] = []
        self.openings: list[float] = []

    async def _watch(self, track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            self.frames += 1
            luma = planes_of(bytearray(event.frame.data), event.frame.width, event.frame.height).y
            self.frame_size = (event.frame.width, event.frame.height)
            self.numbers.append(number_in(luma))
            self.openings.append(mouth_darkness(luma))


async def test_a_session_with_the_test_card_counts_its_frames_and_speaks(
    start_session: Callable[..., Any], livekit: LiveKit
) -> None:
    settings = mode(Quality.LOW)
    profile = ProfileSpec(
        code="card", version=1, name="Card", persona="", greeting=GREETING, voice="heart", provider="test-card",
        provider_settings={"quality": "low"},
    )  # fmt: skip
    session = await start_session(profile=profile, mode=settings)
    await session.wait_for("job_ready")
    dana = Reader(livekit, session.spec.room)
    await dana.join()
    await eventually(lambda: dana.frames >= 10, "frames seen")
    assert dana.frame_size == (320, 240)
    assert dana.numbers == sorted(dana.numbers)
    assert dana.numbers[-1] > dana.numbers[0]
    assert max(dana.openings) < 0.1, "closed while nothing is said"
    await dana.report(first_frame_ms=500)
    await session.wait_for("greeting_started")
    await eventually(lambda: dana.heard_s > 0.5, "greeting heard")
    await eventually(lambda: max(dana.openings) > 0.2, "the mouth opens with the voice")
    await dana.leave()
