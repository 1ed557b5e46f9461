"""The clock of frames that are played, and the queue of their sound."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from livekit import rtc

from agent.avatars.runner import BoundedSound, Playout, Stretching


async def test_a_clock_that_starts_anew_while_a_frame_waits_does_not_end_the_picture() -> None:
    shown = asyncio.Semaphore(0)
    source = cast(Any, SimpleNamespace(capture_frame=lambda frame: shown.release()))
    sound = BoundedSound(24_000, queue_s=0.1)
    synchronizer = rtc.AVSynchronizer(audio_source=sound, video_source=source, video_fps=20, video_queue_size_ms=500)
    try:
        frame = rtc.VideoFrame(2, 2, rtc.VideoBufferType.I420, bytes(6))
        for _ in range(4):
            await synchronizer.push(frame)
        for _ in range(4):  # after each, the next one waits for its moment
            await asyncio.wait_for(shown.acquire(), 60)
            Playout(synchronizer, sound).reset()
    finally:
        await synchronizer.aclose()


async def test_no_more_sound_waits_than_the_mode_says_and_none_that_was_thrown_away_is_played() -> None:
    sound = BoundedSound(24_000, queue_s=0.1)
    frame = rtc.AudioFrame(bytes(2 * 480), 24_000, 1, 480)
    longest_s = 0.0
    for _ in range(20):
        await asyncio.wait_for(sound.capture_frame(frame), 60)
        longest_s = max(longest_s, sound.queued_duration)
    assert longest_s <= 0.1 + 1e-6
    waiting = asyncio.create_task(sound.capture_frame(frame))
    await asyncio.sleep(0)
    assert not waiting.done()
    sound.clear_queue()
    await asyncio.wait_for(waiting, 60)
    assert sound.queued_duration == 0
    sound.queue_s = 1.0
    for _ in range(30):
        await asyncio.wait_for(sound.capture_frame(frame), 60)
    assert sound.queued_duration > 0.3


def test_a_track_that_larger_pictures_will_follow_on_has_their_size_from_its_first_frame() -> None:
    """No key frame of another size then holds the picture up at the change itself."""
    taken: list[rtc.VideoFrame] = []
    track = Stretching(cast(Any, SimpleNamespace(capture_frame=taken.append)), (16, 8))

    def picture(width: int, height: int) -> rtc.VideoFrame:
        planes = (
            bytes([200]) * (width * height) + bytes([90]) * (width * height // 4) + bytes([160]) * (width * height // 4)
        )
        return rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, planes)

    for size in ((8, 4), (8, 4), (16, 8), (8, 4)):  # the last one: a smaller mode on the same track
        track.capture_frame(picture(*size))
    assert [(frame.width, frame.height) for frame in taken] == [(16, 8), (16, 8), (16, 8), (8, 4)]
    assert bytes(taken[0].data) == bytes(picture(16, 8).data)
