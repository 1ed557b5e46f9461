"""The built-in avatar in a room of a real LiveKit server, seen and heard by a visitor."""

import asyncio
import uuid

import pytest
from livekit import api, rtc
from livekit.agents.voice.avatar import QueueAudioOutput

from agent.avatars.builtin.generator import BuiltinVideoGenerator, FrameTiming
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.runner import PublishingRunner
from protocol.avatar import BuiltinSettings
from protocol.modes import BUILT_IN_MODES
from tests.agent.builtin.voices import babble, frames_of
from tests.agent.conftest import eventually
from tests.agent.visitor import Visitor
from tests.services import LiveKit


async def test_a_visitor_sees_the_face_and_hears_all_that_is_said(livekit: LiveKit) -> None:
    name = f"builtin-{uuid.uuid4()}"
    grants = api.VideoGrants(room_join=True, room=name)
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("avatar").with_grants(grants)
    room, visitor = rtc.Room(), Visitor(livekit, name)
    timings: list[FrameTiming] = []
    settings = BUILT_IN_MODES["constrained"]
    make_composer = composer_of(BuiltinSettings(presenter="omar"), settings, words=Words(), warn=pytest.fail)
    generator = BuiltinVideoGenerator(settings, make_composer=make_composer, on_frame=timings.append)
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
        seen_before = visitor.frames
        for frame in frames_of(babble(4.0), 480):
            await sound.capture_frame(frame)
        sound.flush()
        finished = await asyncio.wait_for(sound.wait_for_playout(), 20)
        assert abs(finished.playback_position - 4.0) < 0.01
        assert not finished.interrupted
        # the dips between syllables are silent, and a loaded machine may lose a little more
        await eventually(lambda: visitor.heard_s > 2.5, "the sound")
        assert visitor.frames - seen_before > 4.0 * settings.video_fps * 0.7
        assert visitor.frame_size == (settings.video_width, settings.video_height)
        assert sum(timing.kind == "composed" for timing in timings) > 20
    finally:
        await runner.aclose()
        await generator.aclose()
        await visitor.leave()
        await room.disconnect()
