"""The built-in avatar as the runner sees it: sound in, pictures and their sound out."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd
from numpy.typing import NDArray

from agent.avatars.builtin import picture
from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.cutout import Cutout
from agent.avatars.builtin.drawing.face import DrawnFace, Lips
from agent.avatars.builtin.drawing.i420 import planes_of
from agent.avatars.builtin.face_state import Pose
from agent.avatars.builtin.generator import BuiltinVideoGenerator, FrameTiming
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.presenters import UnknownPresenterError
from agent.avatars.builtin.scene.captions import Words
from protocol.avatar import BuiltinSettings
from protocol.modes import BUILT_IN_MODES, ModeSettings
from tests.agent.builtin.voices import SAMPLE_RATE, babble, frames_of, vowel

LIMIT_S = 240.0


def mode(**changes: Any) -> ModeSettings:
    """A small picture at 25 frames a second."""
    small = {"video_width": 320, "video_height": 180, "video_fps": 25, "idle_fps": 25, "process_idle_video": True}
    return ModeSettings(**{**BUILT_IN_MODES["constrained"].model_dump(), **small, **changes})


def composer(settings: ModeSettings, presenter: str) -> Callable[[], FrameComposer]:
    """What makes the presenter's pictures, in the presenter's own scene."""
    return composer_of(BuiltinSettings(presenter=presenter), settings, words=Words(), warn=pytest.fail)


class Stage:
    """A generator and what came out of it."""

    def __init__(self, settings: ModeSettings, presenter: str = "presenter") -> None:
        self.timings: list[FrameTiming] = []
        self.generator = BuiltinVideoGenerator(
            settings, make_composer=composer(settings, presenter), on_frame=self.timings.append
        )
        self.pictures: list[rtc.VideoFrame] = []
        self.sound: list[NDArray[np.int16]] = []
        self.ends = 0
        self._speaker: asyncio.Task[None] | None = None
        self._output = cast("AsyncGenerator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]", aiter(self.generator))

    async def say(self, samples: NDArray[np.int16], *sizes: int, end: bool = True) -> None:
        for frame in frames_of(samples, *(sizes or (480,))):
            await self.generator.push_audio(frame)
        if end:
            await self.generator.push_audio(AudioSegmentEnd())

    def begin_to_say(self, samples: NDArray[np.int16], *sizes: int, end: bool = True) -> None:
        """Say it while the output is watched."""
        self._speaker = asyncio.create_task(self.say(samples, *sizes, end=end))

    async def watch(self, until: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            async for item in self._output:
                if isinstance(item, rtc.VideoFrame):
                    self.pictures.append(item)
                elif isinstance(item, rtc.AudioFrame):
                    self.sound.append(np.frombuffer(item.data, np.int16))
                else:
                    self.ends += 1
                if until():
                    return

    @property
    def heard(self) -> NDArray[np.int16]:
        return np.concatenate([np.zeros(0, np.int16), *self.sound])

    async def aclose(self) -> None:
        await self._output.aclose()
        await self.generator.aclose()
        if self._speaker is not None:
            await asyncio.wait_for(self._speaker, LIMIT_S)


@pytest.fixture
async def staged() -> AsyncIterator[Callable[..., Stage]]:
    stages: list[Stage] = []

    def make(presenter: str = "presenter", **changes: Any) -> Stage:
        stages.append(Stage(mode(**changes), presenter))
        return stages[-1]

    yield make
    for stage in stages:
        await stage.aclose()


def darkness(picture: rtc.VideoFrame, left: float, top: float, right: float, bottom: float) -> float:
    """Share of dark pixels in a region of the scene."""
    planes = planes_of(bytearray(picture.data), picture.width, picture.height)
    left, top, right, bottom = (round(edge * picture.height / 1080) for edge in (left, top, right, bottom))
    return float((planes.y[top:bottom, left:right] < 70).mean())


def mouth_darkness(picture: rtc.VideoFrame) -> float:
    """How dark it is between the presenter's lips: rises as they part."""
    return darkness(picture, 915, 530, 1005, 590)


def iris_darkness(picture: rtc.VideoFrame) -> float:
    """How dark it is in the middle of the presenter's eye: falls as the lid covers it."""
    return darkness(picture, 862, 376, 902, 400)


def test_a_presenter_that_does_not_ship_is_refused() -> None:
    with pytest.raises(UnknownPresenterError, match="nobody"):
        composer(mode(), "nobody")


async def test_it_tells_what_the_runner_needs(staged: Callable[..., Stage]) -> None:
    generator = staged(video_width=640, video_height=360, video_fps=30).generator
    assert (generator.video_width, generator.video_height, generator.video_fps) == (640, 360, 30)
    assert generator.audio_sample_rate == SAMPLE_RATE


@pytest.mark.parametrize("changes", [{}, {"batch_audio_to_frames": False}, {"video_fps": 7, "idle_fps": 7}])
async def test_every_sample_that_goes_in_comes_out_once_and_in_order(
    staged: Callable[..., Stage], changes: dict[str, Any]
) -> None:
    stage, speech = staged(**changes), babble(2.345)
    stage.begin_to_say(speech, 480, 1000, 37)
    await stage.watch(lambda: stage.ends == 1)
    assert np.array_equal(stage.heard, speech)


async def test_each_picture_has_its_frame_of_sound(staged: Callable[..., Stage]) -> None:
    stage = staged()
    stage.begin_to_say(babble(2.0))
    await stage.watch(lambda: bool(stage.sound))
    quiet = len(stage.pictures) - 1
    await stage.watch(lambda: stage.ends == 1)
    assert {block.size for block in stage.sound} == {960}
    assert len(stage.pictures) - quiet == len(stage.sound) == 50


async def test_ten_minutes_of_speech_do_not_drift(staged: Callable[..., Stage]) -> None:
    stage = staged(video_width=160, video_height=120, video_fps=7, idle_fps=7, output_buffer_size=20)
    minute, spoken = babble(60.0), 0

    async def ten_minutes() -> None:
        for _ in range(10):
            await stage.say(minute, 4800, end=False)
        await stage.generator.push_audio(AudioSegmentEnd())

    speaker = asyncio.create_task(ten_minutes())
    await stage.watch(lambda: bool(stage.sound))
    quiet = len(stage.pictures) - 1
    worst = 0.0

    def ended() -> bool:
        nonlocal spoken, worst
        if len(stage.sound) > 100:
            spoken += sum(block.size for block in stage.sound)
            stage.sound.clear()
            worst = max(worst, abs(spoken / SAMPLE_RATE - (len(stage.pictures) - quiet) / 7))
        return stage.ends == 1

    await stage.watch(ended)
    await speaker
    assert spoken + sum(block.size for block in stage.sound) == 600 * SAMPLE_RATE
    assert len(stage.pictures) - quiet == 4200
    assert worst < 1 / 7


async def test_the_mouth_opens_with_the_sound_and_closes_after_it(staged: Callable[..., Stage]) -> None:
    stage = staged(video_width=640, video_height=360)
    await stage.watch(lambda: len(stage.pictures) == 2)
    assert mouth_darkness(stage.pictures[-1]) < 0.03
    stage.begin_to_say(vowel(0.6))
    before = len(stage.pictures)
    await stage.watch(lambda: stage.ends == 1)
    assert max(map(mouth_darkness, stage.pictures[before:])) > 0.06
    spoken = len(stage.pictures)
    await stage.watch(lambda: len(stage.pictures) == spoken + 8)
    assert mouth_darkness(stage.pictures[-1]) < 0.03


@pytest.mark.parametrize("changes", [{"video_fps": 30}, {"batch_audio_to_frames": False}, {"input_buffer_size": 1}])
async def test_a_switch_in_the_middle_of_a_sentence_loses_no_sound(
    staged: Callable[..., Stage], changes: dict[str, Any]
) -> None:
    stage, speech = staged(video_width=320, video_height=180), babble(2.345)
    following = mode(**{"video_width": 640, "video_height": 360, **changes})
    stage.begin_to_say(speech)
    await stage.watch(lambda: len(stage.sound) == 10)
    switch = asyncio.create_task(stage.generator.switch(following, composer(following, "presenter")))
    await stage.watch(lambda: stage.ends == 1 and switch.done())
    await switch
    assert np.array_equal(stage.heard, speech)
    sizes = [(picture.width, picture.height) for picture in stage.pictures]
    assert sizes == sorted(sizes)
    assert set(sizes) == {(320, 180), (640, 360)}


async def test_a_quiet_face_switches_at_once(staged: Callable[..., Stage]) -> None:
    stage = staged(video_width=320, video_height=180, process_idle_video=False)
    await stage.watch(lambda: len(stage.pictures) == 2)
    following = mode(video_width=640, video_height=360, process_idle_video=False)
    switch = asyncio.create_task(stage.generator.switch(following, composer(following, "presenter")))
    await stage.watch(lambda: stage.pictures[-1].width == 640)
    await switch


async def test_a_switch_that_cannot_be_made_changes_nothing(staged: Callable[..., Stage]) -> None:
    def broken() -> FrameComposer:
        raise FileNotFoundError("no such picture")

    stage = staged(video_width=320, video_height=180)
    await stage.watch(lambda: len(stage.pictures) == 1)
    with pytest.raises(FileNotFoundError):
        await stage.generator.switch(mode(video_width=640, video_height=360), broken)
    before = len(stage.pictures)
    await stage.watch(lambda: len(stage.pictures) == before + 2)
    assert stage.pictures[-1].width == 320


async def test_an_interruption_silences_and_closes_the_mouth_within_a_frame(staged: Callable[..., Stage]) -> None:
    stage = staged(video_width=640, video_height=360, input_buffer_size=0)
    stage.begin_to_say(vowel(5.0))
    await stage.watch(lambda: len(stage.sound) == 20)
    await stage.generator.clear_buffer()
    stage.pictures.clear()
    stage.sound.clear()
    await stage.watch(lambda: len(stage.pictures) == 3)
    assert stage.sound == []
    assert all(mouth_darkness(picture) < 0.03 for picture in stage.pictures)
    assert stage.ends == 0


async def test_after_an_interruption_the_next_words_are_said(staged: Callable[..., Stage]) -> None:
    stage = staged(input_buffer_size=2)
    stage.begin_to_say(vowel(5.0))
    await stage.watch(lambda: len(stage.sound) == 5)
    await stage.generator.clear_buffer()
    stage.sound.clear()
    assert stage._speaker is not None
    stage._speaker.cancel()
    answer = babble(0.5)
    stage.begin_to_say(answer)
    await stage.watch(lambda: stage.ends == 1)
    assert np.array_equal(stage.heard[-answer.size :], answer)


class Playout:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def reset(self) -> None:
        self.calls.append("reset")

    def follow(self, mode: ModeSettings) -> None:
        self.calls.append("follow")

    async def clear_queue(self) -> None:
        self.calls.append("clear")


async def test_an_interruption_also_empties_what_plays_the_sound(staged: Callable[..., Stage]) -> None:
    stage, playout = staged(), Playout()
    stage.generator.attach(playout)
    await stage.generator.clear_buffer()
    assert playout.calls == ["clear"]


async def test_the_frame_clock_restarts_after_a_pause(staged: Callable[..., Stage]) -> None:
    stage, playout = staged(idle_fps=5), Playout()
    stage.generator.attach(playout)
    await stage.watch(lambda: len(stage.pictures) == 4)
    assert set(playout.calls) == {"reset"}


async def test_the_speaker_is_held_back_while_enough_is_waiting(staged: Callable[..., Stage]) -> None:
    stage = staged(input_buffer_size=2, output_buffer_size=1)
    stage.begin_to_say(vowel(4.0), 24_000)
    assert stage._speaker is not None
    await stage.watch(lambda: len(stage.sound) == 10)
    assert not stage._speaker.done()
    await stage.watch(lambda: stage.ends == 1)
    await stage._speaker


async def test_a_pause_in_mid_word_does_not_keep_the_last_sound_back(staged: Callable[..., Stage]) -> None:
    stage, start = staged(), vowel(0.1)
    stage.begin_to_say(start, 480, end=False)
    await stage.watch(lambda: stage.heard.size == start.size)


async def test_a_quiet_face_comes_from_the_cache(staged: Callable[..., Stage]) -> None:
    stage = staged()
    await stage.watch(lambda: len(stage.timings) >= 110)
    kinds = [timing.kind for timing in stage.timings]
    assert kinds.count("cached") > len(kinds) / 2


async def test_a_quiet_face_blinks(staged: Callable[..., Stage]) -> None:
    stage = staged(video_width=640, video_height=360)
    await stage.watch(lambda: len(stage.pictures) == 1)
    opened = iris_darkness(stage.pictures[0])
    assert opened > 0.1
    await stage.watch(lambda: iris_darkness(stage.pictures[-1]) < opened / 2)
    await stage.watch(lambda: iris_darkness(stage.pictures[-1]) > opened * 0.8)


async def test_without_idle_video_one_picture_a_second_keeps_the_stream_alive(staged: Callable[..., Stage]) -> None:
    stage, clock = staged(process_idle_video=False), asyncio.get_running_loop()
    await stage.watch(lambda: len(stage.pictures) == 1)
    started = clock.time()
    await stage.watch(lambda: len(stage.pictures) == 2)
    assert 0.8 < clock.time() - started < 3
    assert stage.timings[-1].kind == "cached"
    assert bytes(stage.pictures[0].data) == bytes(stage.pictures[1].data)


async def test_a_visitor_who_comes_in_a_pause_sees_a_picture_at_once(staged: Callable[..., Stage]) -> None:
    stage, clock = staged(process_idle_video=False), asyncio.get_running_loop()
    await stage.watch(lambda: len(stage.pictures) == 1)
    started = clock.time()
    stage.generator.show_promptly()
    await stage.watch(lambda: len(stage.pictures) == 5)
    assert clock.time() - started < 0.8


async def test_quiet_pictures_come_at_the_idle_rate(staged: Callable[..., Stage]) -> None:
    stage, clock = staged(idle_fps=10), asyncio.get_running_loop()
    await stage.watch(lambda: len(stage.pictures) == 1)
    started = clock.time()
    await stage.watch(lambda: len(stage.pictures) == 11)
    assert clock.time() - started > 0.5  # a blink comes at the full rate


class StuckFace(DrawnFace):
    """Mouth shapes take until `go_on`."""

    go_on = threading.Event()

    def mouth(self, lips: Lips, pose: Pose) -> Cutout:
        self.go_on.wait(LIMIT_S)
        return super().mouth(lips, pose)

    def warm_up(self) -> Any:
        return iter(())


async def test_a_picture_over_its_budget_is_the_last_one_again_and_the_sound_goes_on(
    staged: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "DrawnFace", StuckFace)
    StuckFace.go_on.clear()
    stage, speech = staged(), vowel(0.4)
    stage.begin_to_say(speech)
    try:
        await stage.watch(lambda: stage.ends == 1)
        repeated = [timing for timing in stage.timings if timing.kind == "repeated"]
        assert len(repeated) >= 8
        assert all(timing.took_ms >= 38 for timing in repeated)
        assert np.array_equal(stage.heard, speech)
    finally:
        StuckFace.go_on.set()


async def test_closing_ends_the_iteration() -> None:
    stage = Stage(mode(process_idle_video=False))
    await stage.watch(lambda: len(stage.pictures) == 1)
    watching = asyncio.create_task(stage.watch(lambda: False))
    await asyncio.sleep(0)
    await stage.generator.aclose()
    await asyncio.wait_for(watching, 60)
    await stage.generator.push_audio(AudioSegmentEnd())
