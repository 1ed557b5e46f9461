"""Each setting of a mode that is said to have an effect on the built-in avatar has it. (Buffers of sound: `test_sound.py`; idle
pictures, sizes, rates and interruptions: `test_generator.py`; switches: `test_in_a_room.py`.)"""

import asyncio
import random
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from livekit import rtc

from agent.avatars.builtin.compose import ComposedFrame, FrameComposer
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, MOUTH_WIDTHS, FaceState, Mouth
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.renderer_thread import RendererThread
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.sound_blocks import SoundBlock
from agent.avatars.builtin.sound_input import SoundInput
from agent.avatars.runner import BoundedSound, _queue_ms, _video_options
from protocol.avatar import BuiltinSettings
from protocol.modes import BUILT_IN_MODES, CompressMethod, LoadingMode, VideoCodec
from tests.agent.builtin.voices import frames_of

MODE = BUILT_IN_MODES["constrained"]


def composer(method: CompressMethod) -> FrameComposer:
    mode = MODE.model_copy(update={"compress_method": method})
    return composer_of(BuiltinSettings(presenter="omar"), mode, words=Words(), warn=pytest.fail)()


def speaking(count: int) -> list[FaceState]:
    """So many states of a face that speaks."""
    chance = random.Random(3)
    motion = IdleMotion(chance)
    states = []
    for _ in range(count):
        motion.advance(0.04, speaking=True, openness=0.5)
        states.append(motion.state(Mouth(chance.randrange(MOUTH_OPENINGS), chance.randrange(MOUTH_WIDTHS))))
    return states


def test_pictures_kept_as_jpegs_look_the_same_and_as_many_fit_in_less() -> None:
    raw, packed = composer(CompressMethod.NONE), composer(CompressMethod.JPEG)
    states = speaking(60)
    for state in states:
        first, second = raw.compose(state), packed.compose(state)
        difference = cv2.absdiff(np.frombuffer(first.buffer, np.uint8), np.frombuffer(second.buffer, np.uint8))
        assert cv2.mean(difference)[0] < 0.5
        assert np.percentile(np.asarray(difference), 99.9) <= 8
    assert packed.held_bytes < 0.7 * raw.held_bytes
    latest_first = states[::-1]
    again = {made: [made.compose(state).kind for state in latest_first].count("cached") for made in (raw, packed)}
    assert again[packed] >= again[raw] > 10


def test_pictures_kept_in_files_come_back_as_they_were() -> None:
    raw, filed = composer(CompressMethod.NONE), composer(CompressMethod.TEMP_FILE)
    for state in speaking(20) * 2:
        assert raw.compose(state).buffer == filed.compose(state).buffer


class CountingComposer:
    """Has ten things to do ahead."""

    def __init__(self) -> None:
        self.done = 0

    def compose(self, _: FaceState) -> ComposedFrame:
        return ComposedFrame(bytearray(6), "composed", 0.0)

    def warm_up(self) -> Iterator[None]:
        for _ in range(10):
            self.done += 1
            yield

    def lively_fps(self) -> float | None:
        return None

    def close(self) -> None:
        """Holds nothing."""


@pytest.mark.parametrize(
    ("loading_mode", "before", "after"),
    [(LoadingMode.SYNC, 10, 10), (LoadingMode.ASYNC, 0, 10), (LoadingMode.ON_DEMAND, 0, 0)],
)
async def test_what_takes_long_is_drawn_before_the_first_picture_behind_it_or_never_ahead(
    loading_mode: LoadingMode, before: int, after: int
) -> None:
    seen: list[int] = []

    class FirstComposer(CountingComposer):
        def warm_up(self) -> Iterator[None]:
            seen.append(self.done)
            return super().warm_up()

    made = FirstComposer()
    renderer = RendererThread(lambda: made, 0, loading_mode)
    await renderer.start()
    at_start = made.done
    for _ in range(12):  # each frame that is asked for lets one step of the rest by
        await renderer.compose(speaking(1)[0])
    await renderer.aclose()
    assert (at_start >= before, made.done) == (True, after)
    assert bool(seen) is (loading_mode is not LoadingMode.ON_DEMAND)


@pytest.mark.parametrize(("num_threads", "expected"), [(0, 1), (3, 3)])
async def test_the_renderer_draws_with_so_many_threads(num_threads: int, expected: int) -> None:
    before = cv2.getNumThreads()
    renderer = RendererThread(CountingComposer, num_threads, LoadingMode.ON_DEMAND)
    try:
        await renderer.start()
        assert cv2.getNumThreads() == expected
    finally:
        await renderer.aclose()
        cv2.setNumThreads(before)


@pytest.mark.parametrize("codec", list(VideoCodec))
def test_the_picture_is_published_in_the_modes_codec_and_within_its_bit_rate(codec: VideoCodec) -> None:
    options = _video_options(MODE.model_copy(update={"codec": codec, "bitrate_kbps": 640}))
    assert rtc.VideoCodec.Name(options.video_codec) == codec.name
    assert (options.video_encoding.max_bitrate, options.video_encoding.max_framerate) == (640_000, MODE.video_fps)


def test_each_frame_of_the_output_buffer_is_a_frames_time_from_100_ms_on() -> None:
    sizes = {
        size: _queue_ms(MODE.model_copy(update={"video_fps": 25, "output_buffer_size": size}))
        for size in (1, 2, 3, 5, 10)
    }
    assert sizes == {1: 100, 2: 100, 3: 120, 5: 200, 10: 400}


@pytest.mark.parametrize("queue_s", [0.1, 0.4])
async def test_a_longer_buffer_delays_by_its_length_and_rides_out_a_hitch_of_that_length(queue_s: float) -> None:
    rate = 24_000
    source = BoundedSound(rate, queue_s)
    ahead_s = []
    for frame in frames_of(np.zeros(int(rate * 0.8), np.int16), rate // 50):
        await source.capture_frame(frame)
        ahead_s.append(source.queued_duration)
    assert max(ahead_s) == pytest.approx(queue_s, abs=0.08)
    paused_at, full_s = time.monotonic(), source.queued_duration
    await asyncio.sleep(0.2)  # nothing comes: the hitch itself, not a wait for something
    left_s, hitch_s = source.queued_duration, time.monotonic() - paused_at  # a busy machine's is longer
    assert left_s == pytest.approx(max(full_s - hitch_s, 0), abs=0.05)
    await source.aclose()


async def test_two_chunks_of_20_ms_are_one_frame_and_10_minutes_at_another_rate_do_not_drift() -> None:
    """As bitHuman wants sound: 16 kHz, 640 samples a frame at 25 fps; speech comes at 24 kHz."""
    sound = SoundInput(16_000, 25, whole_frames=True, most_blocks=0)
    taken = 0

    def take() -> int:
        blocks = 0
        while (item := sound.take()) is not None:
            assert isinstance(item, SoundBlock)
            assert item.samples.size == 640
            blocks += 1
        return blocks

    chunk = frames_of(np.zeros(480, np.int16), 480)[0]  # 20 ms
    for number in range(1, 501):
        await sound.push(chunk)
        taken += take()
        assert 0 <= number / 2 - taken <= 1.5  # what the resampler and a half frame hold back, and no more
    second = frames_of(np.zeros(24_000, np.int16), 24_000)[0]
    for number in range(11, 601):
        await sound.push(second)
        taken += take()
        assert 0 <= number * 25 - taken <= 1.5
    await sound.end_segment()
    assert taken == pytest.approx(15_000, abs=1)
