"""Sound and pictures of a stand-in's avatar, without a room."""

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd

from standins.card import Card, Look
from standins.talking import TalkingCard


def sound(seconds: float, rate: int = 16_000, channels: int = 1) -> rtc.AudioFrame:
    samples = round(seconds * rate)
    return rtc.AudioFrame(np.full(samples * channels, 3000, np.int16).tobytes(), rate, channels, samples)


async def said(talking: TalkingCard) -> list[float]:
    """Seconds of sound of each segment until nothing is left to say."""
    segments = [0.0]
    pictures = 0
    async for frame in talking:
        if isinstance(frame, AudioSegmentEnd):
            segments.append(0.0)
        elif isinstance(frame, rtc.AudioFrame):
            segments[-1] += frame.duration
            pictures = 0
        else:
            pictures += 1
        if pictures > 2:
            break
    return [round(segment, 2) for segment in segments]


@pytest.fixture
def talking() -> TalkingCard:
    return TalkingCard(Card(Look("Test", (0, 0, 0))), 16_000)


async def test_sound_leaves_in_whole_pictures_and_its_end_after_it(talking: TalkingCard) -> None:
    for length in (0.1, 0.03, 0.25):
        await talking.push_audio(sound(length))
    await talking.push_audio(AudioSegmentEnd())
    assert await said(talking) == [0.4, 0.0]


async def test_other_rates_and_channels_are_brought_to_its_own(talking: TalkingCard) -> None:
    for rate, channels in ((24_000, 1), (48_000, 2)):
        for _ in range(10):
            await talking.push_audio(sound(0.1, rate, channels))
        await talking.push_audio(AudioSegmentEnd())
    first, second, rest = await said(talking)
    assert first == pytest.approx(1.0, abs=0.05)
    assert second == pytest.approx(1.0, abs=0.05)
    assert rest == 0


async def test_the_end_of_what_was_cleared_does_not_end_what_comes_next(talking: TalkingCard) -> None:
    await talking.push_audio(sound(1.0))
    talking.clear_buffer()
    await talking.push_audio(AudioSegmentEnd())
    await talking.push_audio(sound(0.4))
    await talking.push_audio(AudioSegmentEnd())
    assert await said(talking) == [0.4, 0.0]
