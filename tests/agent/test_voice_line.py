"""What the session says, whoever says it: nothing is lost when the sink changes, and nobody waits for a dead one."""

import asyncio
import time

import numpy as np
import pytest
from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from numpy.typing import NDArray

from agent.avatars.voice_line import REWIND_S, VoiceLine

RATE = 24_000
FPS = 50


class Sink(AudioOutput):
    """Takes frames at once; says so when it is told to."""

    def __init__(self, rate: int = RATE) -> None:
        super().__init__(label="sink", capabilities=AudioOutputCapabilities(pause=False), sample_rate=rate)
        self.taken: list[rtc.AudioFrame] = []
        self.ends = self.clears = 0
        self.silenced = asyncio.Event()
        self.is_dead = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        if self.is_dead:
            await asyncio.Event().wait()
        await super().capture_frame(frame)
        self.taken.append(frame)

    def flush(self) -> None:
        super().flush()
        self.ends += 1

    def clear_buffer(self) -> None:
        self.clears += 1
        self.silenced.set()

    @property
    def taken_s(self) -> float:
        return sum(frame.duration for frame in self.taken)

    @property
    def sound(self) -> NDArray[np.int16]:
        return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in self.taken])

    def begin(self) -> None:
        self.on_playback_started(created_at=time.time())

    def finish(self, *, interrupted: bool = False) -> None:
        self.on_playback_finished(playback_position=self.taken_s, interrupted=interrupted)


async def say(line: VoiceLine, seconds: float) -> None:
    await say_sound(line, np.zeros(round(seconds * RATE), np.int16))


async def say_sound(line: VoiceLine, sound: NDArray[np.int16]) -> None:
    for start in range(0, sound.size, RATE // FPS):
        part = sound[start : start + RATE // FPS]
        await line.capture_frame(rtc.AudioFrame(part.tobytes(), RATE, 1, part.size))
    line.flush()
    for _ in range(sound.size * FPS // RATE + 5):
        await asyncio.sleep(0)


def words(seconds: float) -> NDArray[np.int16]:
    return np.full(round(seconds * RATE), 8_000, np.int16)


def pause(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * RATE), np.int16)


@pytest.fixture
def line() -> VoiceLine:
    return VoiceLine(RATE)


async def test_what_is_said_reaches_the_sink_and_its_end_comes_back(line: VoiceLine) -> None:
    sink = Sink()
    line.follow(sink)
    await say(line, 1.0)
    assert (round(sink.taken_s, 3), sink.ends) == (1.0, 1)
    sink.begin()
    sink.finish()
    finished = await asyncio.wait_for(line.wait_for_playout(), 60)
    assert finished.playback_position == pytest.approx(1.0)
    assert not finished.interrupted


async def test_another_sink_says_the_rest_of_the_sentence_from_shortly_before(
    line: VoiceLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    await say(line, 3.0)
    first.begin()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2.0)
    line.follow(second)
    assert first.clears == 1
    for _ in range(40):
        await asyncio.sleep(0)
    assert second.taken_s == pytest.approx(3.0 - 2.0 + REWIND_S, abs=0.11)
    first.finish(interrupted=True)  # told late, by one that is not listened to any more
    second.begin()
    second.finish()
    finished = await asyncio.wait_for(line.wait_for_playout(), 60)
    assert finished.playback_position == pytest.approx(3.0)
    assert not finished.interrupted


@pytest.mark.parametrize("is_remote", [False, True])
async def test_another_sink_takes_over_in_a_pause_and_is_fed_before_the_first_falls_silent(
    line: VoiceLine, is_remote: bool
) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    await say_sound(line, np.concatenate([words(0.5), pause(0.6), words(0.7)]))
    first.begin()
    await line.hand_over(second, is_remote=is_remote, limit_s=30)
    assert first.clears == 0, "it says its last until the other one is heard"
    await asyncio.wait_for(first.silenced.wait(), 60)
    assert second.sound[0] == 0
    assert second.sound[-1] > 0
    assert 0.7 < second.taken_s < 0.7 + 0.6
    second.begin()
    second.finish()
    finished = await asyncio.wait_for(line.wait_for_playout(), 60)
    assert finished.playback_position == pytest.approx(1.8)
    assert not finished.interrupted


async def test_a_speech_without_a_pause_is_taken_over_in_its_middle_in_the_end(line: VoiceLine) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    await say_sound(line, words(3))
    first.begin()
    await line.hand_over(second, limit_s=0.1)
    await asyncio.wait_for(first.silenced.wait(), 60)
    assert 1 < second.taken_s < 3


async def test_between_two_speeches_another_sink_takes_over_at_once(line: VoiceLine) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    await line.hand_over(second, limit_s=30)
    await say(line, 0.5)
    assert (first.taken_s, round(second.taken_s, 3)) == (0, 0.5)


async def test_an_interruption_silences_both_of_whom_one_takes_over_from_the_other(line: VoiceLine) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    await say_sound(line, np.concatenate([pause(1), words(1)]))
    first.begin()
    await line.hand_over(second, limit_s=30)
    for _ in range(5):
        await asyncio.sleep(0)  # the second one has sound by now
    line.clear_buffer()
    assert (first.clears, second.clears) == (1, 1)
    second.finish(interrupted=True)
    assert (await asyncio.wait_for(line.wait_for_playout(), 60)).interrupted


async def test_who_is_still_leaving_falls_silent_when_a_third_one_takes_over(line: VoiceLine) -> None:
    first, second, third = Sink(), Sink(), Sink()
    line.follow(first)
    await say_sound(line, np.concatenate([pause(1), words(1)]))
    first.begin()
    await line.hand_over(second, limit_s=30)
    second.begin()
    await line.hand_over(third, limit_s=30)
    assert (first.clears, second.clears) == (1, 0)
    await asyncio.wait_for(second.silenced.wait(), 60)
    assert (first.clears, third.clears) == (1, 0)


async def test_without_a_sink_speech_waits_for_one(line: VoiceLine) -> None:
    await say(line, 0.5)
    sink = Sink()
    line.follow(sink)
    await say(line, 0.5)
    assert (round(sink.taken_s, 3), sink.ends) == (1.0, 2)


async def test_a_pause_silences_the_sink_and_the_sentence_goes_on_after_it(line: VoiceLine) -> None:
    sink = Sink()
    line.follow(sink)
    await say(line, 1.0)
    line.pause()
    sink.finish(interrupted=True)
    assert sink.clears == 1
    sink.taken.clear()
    line.resume()
    await say(line, 0.1)
    assert round(sink.taken_s, 3) == 1.1


async def test_an_interruption_ends_all_that_was_to_be_said_once_the_sink_is_silent(line: VoiceLine) -> None:
    sink = Sink()
    line.follow(sink)
    await say(line, 1.0)
    sink.begin()
    line.clear_buffer()
    await say(line, 0.4)
    assert round(sink.taken_s, 3) == 1.0, "the next speech waits until the earlier one is silenced"
    sink.finish(interrupted=True)
    await say(line, 0.1)
    assert round(sink.taken_s, 3) == 1.5
    sink.finish()
    sink.finish()
    finished = await asyncio.wait_for(line.wait_for_playout(), 60)
    assert not finished.interrupted


async def test_nobody_waits_for_a_dead_sink(line: VoiceLine) -> None:
    sink = Sink()
    sink.is_dead = True
    line.follow(sink, is_remote=True)
    await say(line, 1.0)
    line.release()
    other = Sink()
    line.follow(other)
    await say(line, 0.2)
    assert round(other.taken_s, 3) == 1.2


async def test_a_speech_that_is_not_told_to_be_over_becomes_overdue(
    line: VoiceLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.follow(Sink(), is_remote=True)
    await say(line, 1.0)
    assert line.overdue_s == 0
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 9.0)
    assert line.overdue_s == pytest.approx(9 - 1, abs=0.5)
    other = Sink()
    line.follow(other)
    assert not (await asyncio.wait_for(line.wait_for_playout(), 60)).interrupted
    await say(line, 0.2)
    assert round(other.taken_s, 3) == 0.2, "what was said is not said again"


async def test_time_in_which_nothing_was_there_to_say_is_none_of_the_speech(
    line: VoiceLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Sink(), Sink()
    line.follow(first)
    frame = rtc.AudioFrame(words(1).tobytes(), RATE, 1, RATE)
    await line.capture_frame(frame)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.begin()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.0)  # the voice thinks for four seconds
    await say_sound(line, words(2))
    line.follow(second)
    for _ in range(200):
        await asyncio.sleep(0)
    assert second.taken_s == pytest.approx(2.0 + REWIND_S, abs=1.0), "the two seconds are said, from a frame before"


async def test_a_sink_of_another_rate_gets_sound_of_its_rate(line: VoiceLine) -> None:
    sink = Sink(16_000)
    line.follow(sink)
    await say(line, 2.0)
    assert {frame.sample_rate for frame in sink.taken} == {16_000}
    assert sink.taken_s == pytest.approx(2.0, abs=0.02)


async def test_how_late_an_avatar_elsewhere_says_a_speech_is_told_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    delays_ms: list[float] = []
    line, sink = VoiceLine(RATE, delays_ms.append), Sink()
    line.follow(sink, is_remote=True)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    await say(line, 1.0)
    monkeypatch.setattr(time, "monotonic", lambda: now + 1.4)
    sink.finish()
    assert delays_ms == [pytest.approx(400, abs=1)]
    line.follow(Sink())  # one here is never late
    await say(line, 0.1)
    assert len(delays_ms) == 1
