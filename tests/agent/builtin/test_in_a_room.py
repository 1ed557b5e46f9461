"""The built-in avatar in a room of a real LiveKit server, seen and heard by a visitor."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from livekit import api, rtc
from livekit.agents.voice.avatar import QueueAudioOutput
from livekit.agents.voice.io import PlaybackFinishedEvent

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.generator import BuiltinVideoGenerator, FrameTiming
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.runner import PublishingRunner
from protocol.avatar import BuiltinSettings
from protocol.modes import BUILT_IN_MODES, ModeSettings
from tests.agent.builtin.voices import babble, frames_of
from tests.agent.conftest import eventually
from tests.agent.visitor import Visitor
from tests.services import LiveKit


def picture(settings: ModeSettings) -> Callable[[], FrameComposer]:
    return composer_of(BuiltinSettings(presenter="omar"), settings, words=Words(), warn=pytest.fail)


@dataclass(frozen=True)
class Shown:
    generator: BuiltinVideoGenerator
    runner: PublishingRunner
    sound: QueueAudioOutput
    visitor: Visitor
    timings: list[FrameTiming]

    async def say(self, seconds: float) -> PlaybackFinishedEvent:
        """Returns when it was played."""
        for frame in frames_of(babble(seconds), 480):
            await self.sound.capture_frame(frame)
        self.sound.flush()
        return await asyncio.wait_for(self.sound.wait_for_playout(), 60)


def video_tracks(visitor: Visitor) -> list[rtc.RemoteTrackPublication]:
    published = visitor.room.remote_participants["avatar"].track_publications.values()
    return [publication for publication in published if publication.kind == rtc.TrackKind.KIND_VIDEO]


@asynccontextmanager
async def avatar_in_a_room(livekit: LiveKit, settings: ModeSettings) -> AsyncIterator[Shown]:
    """The built-in avatar with one visitor, who has seen it."""
    name = f"builtin-{uuid.uuid4()}"
    grants = api.VideoGrants(room_join=True, room=name)
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("avatar").with_grants(grants)
    room, visitor = rtc.Room(), Visitor(livekit, name)
    timings: list[FrameTiming] = []
    generator = BuiltinVideoGenerator(settings, make_composer=picture(settings), on_frame=timings.append)
    await room.connect(livekit.url, token.to_jwt())
    sound = QueueAudioOutput(sample_rate=generator.audio_sample_rate, wait_playback_start=True)
    runner = PublishingRunner(
        room, mode=settings, audio=sound, video=generator, audio_sample_rate=generator.audio_sample_rate
    )
    generator.attach(runner.playout)
    try:
        await visitor.join()
        await runner.start()
        await runner.first_frame()
        generator.show_promptly()
        await eventually(lambda: visitor.frames, "a first frame")
        yield Shown(generator, runner, sound, visitor, timings)
    finally:
        await runner.aclose()
        await generator.aclose()
        await visitor.leave()
        await room.disconnect()


async def test_a_visitor_sees_the_face_and_hears_all_that_is_said(livekit: LiveKit) -> None:
    settings = BUILT_IN_MODES["constrained"]
    async with avatar_in_a_room(livekit, settings) as shown:
        visitor, seen_before = shown.visitor, shown.visitor.frames
        finished = await shown.say(4.0)
        assert abs(finished.playback_position - 4.0) < 0.01
        assert not finished.interrupted
        # the dips between syllables are silent, and a loaded machine may lose a little more
        await eventually(lambda: visitor.heard_s > 2.5, "the sound")
        assert visitor.frames - seen_before > 4.0 * settings.video_fps * 0.7
        assert visitor.frame_size == (settings.video_width, settings.video_height)
        assert sum(timing.kind == "composed" for timing in shown.timings) > 20


async def test_a_mode_is_switched_while_the_avatar_speaks(livekit: LiveKit) -> None:
    """From one size, rate and bit rate to another: all is said, and the visitor ends up with one track of the new size."""
    following = BUILT_IN_MODES["ultra-low-latency"]
    async with avatar_in_a_room(livekit, BUILT_IN_MODES["constrained"]) as shown:
        saying = asyncio.create_task(shown.say(4.0))
        await eventually(lambda: shown.visitor.heard_s > 0.5, "the sound")
        await shown.generator.switch(following, picture(following))
        await shown.runner.follow(following)
        finished = await saying
        assert abs(finished.playback_position - 4.0) < 0.01
        size = (following.video_width, following.video_height)
        await eventually(lambda: shown.visitor.frame_size == size, "the new size")
        await eventually(lambda: len(video_tracks(shown.visitor)) == 1, "the earlier track goes")
