"""The clock of frames that are played."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from livekit import rtc

from agent.avatars.runner import Playout


async def test_a_clock_that_starts_anew_while_a_frame_waits_does_not_end_the_picture() -> None:
    shown = asyncio.Semaphore(0)
    source = cast(Any, SimpleNamespace(capture_frame=lambda frame: shown.release()))
    synchronizer = rtc.AVSynchronizer(
        audio_source=rtc.AudioSource(24_000, 1), video_source=source, video_fps=20, video_queue_size_ms=500
    )
    try:
        frame = rtc.VideoFrame(2, 2, rtc.VideoBufferType.I420, bytes(6))
        for _ in range(4):
            await synchronizer.push(frame)
        for _ in range(4):  # after each, the next one waits for its moment
            await asyncio.wait_for(shown.acquire(), 5)
            Playout(synchronizer).reset()
    finally:
        await synchronizer.aclose()
