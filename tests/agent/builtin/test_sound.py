"""Sound on its way through the built-in avatar: cut to frames, held back, thrown away."""

import asyncio

import numpy as np
import pytest
from livekit import rtc
from numpy.typing import NDArray

from agent.avatars.builtin.sound_blocks import FrameCutter, SoundBlock
from agent.avatars.builtin.sound_input import SegmentEnd, SoundInput
from tests.agent.builtin.voices import SAMPLE_RATE, babble, frames_of, vowel


def counting(samples: int) -> NDArray[np.int16]:
    return np.arange(samples, dtype=np.int16)


def drained(sound: SoundInput) -> list[SoundBlock | SegmentEnd]:
    items = []
    while (item := sound.take()) is not None:
        items.append(item)
    return items


def sound_of(items: list[SoundBlock | SegmentEnd]) -> NDArray[np.int16]:
    return np.concatenate([np.zeros(0, np.int16)] + [item.samples for item in items if isinstance(item, SoundBlock)])


@pytest.mark.parametrize(("fps", "samples"), [(10, 2400), (15, 1600), (25, 960), (30, 800), (60, 400)])
def test_a_frame_has_its_share_of_the_sound(fps: int, samples: int) -> None:
    cutter = FrameCutter(SAMPLE_RATE, fps, whole_frames=True)
    blocks = [block for size in (7, 1000, 5000) for block in cutter.push(counting(size))]
    assert {block.samples.size for block in blocks} == {samples}
    assert all(block.starts_frame for block in blocks)


def test_a_frame_rate_that_does_not_divide_the_sample_rate_does_not_drift() -> None:
    cutter = FrameCutter(SAMPLE_RATE, 7, whole_frames=True)
    blocks = [block for _ in range(70) for block in cutter.push(counting(2400))]
    assert len(blocks) == 49
    assert sum(block.samples.size for block in blocks) == 7 * SAMPLE_RATE
    assert {block.samples.size for block in blocks} == {3428, 3429}


def test_without_batching_sound_goes_on_as_it_comes_and_still_breaks_at_frames() -> None:
    cutter = FrameCutter(SAMPLE_RATE, 25, whole_frames=False)
    blocks = [block for _ in range(4) for block in cutter.push(counting(480))] + cutter.push(counting(1000))
    assert [block.samples.size for block in blocks] == [480, 480, 480, 480, 960, 40]
    assert [block.starts_frame for block in blocks] == [True, False, True, False, True, True]


def test_the_rest_of_a_segment_is_a_shorter_block() -> None:
    cutter = FrameCutter(SAMPLE_RATE, 25, whole_frames=True)
    assert len(cutter.push(counting(1000))) == 1
    assert [block.samples.size for block in cutter.flush()] == [40]
    assert cutter.flush() == []


async def test_a_full_input_holds_the_speaker_back_until_there_is_room() -> None:
    sound = SoundInput(SAMPLE_RATE, 25, whole_frames=True, most_blocks=2)
    speaker = asyncio.create_task(sound.push(frames_of(counting(9600), 9600)[0]))
    async with asyncio.timeout(30):
        await sound.arrived.wait()
        heard: list[SoundBlock | SegmentEnd] = []
        while not speaker.done():
            waiting = drained(sound)
            assert len(waiting) <= 2
            heard += waiting
            await asyncio.sleep(0)
    assert np.array_equal(sound_of(heard + drained(sound)), counting(9600))


async def test_a_dropped_speaker_is_let_go_and_nothing_of_what_was_said_remains() -> None:
    sound = SoundInput(SAMPLE_RATE, 25, whole_frames=True, most_blocks=1)
    speaker = asyncio.create_task(sound.push(frames_of(counting(9600), 9600)[0]))
    await asyncio.sleep(0)
    assert not speaker.done()
    sound.drop()
    await asyncio.wait_for(speaker, 60)
    assert drained(sound) == []
    await sound.push(frames_of(vowel(0.04), 960)[0])
    assert np.array_equal(sound_of(drained(sound)), vowel(0.04))


async def test_an_end_without_sound_before_it_is_not_passed_on() -> None:
    sound = SoundInput(SAMPLE_RATE, 25, whole_frames=True, most_blocks=0)
    await sound.end_segment()
    assert drained(sound) == []
    await sound.push(frames_of(vowel(0.1), 2400)[0])
    sound.drop()
    await sound.end_segment()
    assert drained(sound) == []


@pytest.mark.parametrize("sample_rate", [16_000, 48_000])
async def test_sound_of_another_rate_comes_out_at_ours(sample_rate: int) -> None:
    sound = SoundInput(SAMPLE_RATE, 25, whole_frames=True, most_blocks=0)
    for frame in frames_of(babble(1.0)[:sample_rate], sample_rate // 50, sample_rate=sample_rate):
        await sound.push(frame)
    await sound.end_segment()
    items = drained(sound)
    assert isinstance(items[-1], SegmentEnd)
    seconds_in = min(sample_rate, SAMPLE_RATE) / sample_rate
    assert sound_of(items).size == pytest.approx(seconds_in * SAMPLE_RATE, abs=48)


async def test_two_channels_become_one() -> None:
    sound = SoundInput(SAMPLE_RATE, 25, whole_frames=True, most_blocks=0)
    both = np.stack([np.full(960, 1000, np.int16), np.full(960, 3000, np.int16)], 1)
    await sound.push(rtc.AudioFrame(both.tobytes(), SAMPLE_RATE, 2, 960))
    assert np.array_equal(sound_of(drained(sound)), np.full(960, 2000, np.int16))
