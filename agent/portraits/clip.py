"""A short film in which a prepared portrait speaks, as visitors would meet it: WebM with VP8 and Opus, which browsers play."""

import asyncio
import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from agent.avatars.builtin.compose import Composer
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, Expression
from agent.avatars.builtin.idle_motion import IdleMotion
from agent.avatars.builtin.mouth import SpeakingMouth
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.sound_blocks import FrameCutter, SoundBlock
from agent.voice.utterance import SAMPLE_RATE, Utterance, joined
from agent.voice.visemes import SpokenPart
from agent.voice.voices import LocalVoice
from protocol.modes import BUILT_IN_MODES, ModeSettings
from protocol.portraits import ClipOrder

# Small enough to be made in seconds, smooth enough to judge the lips by.
_MODE: Final = BUILT_IN_MODES["constrained"].model_copy(update={"video_fps": 25})
_ENOUGH_S: Final = 6.0  # of speech: no further sentence is begun
_LONGEST_S: Final = 12.0
_BEFORE_S: Final = 0.4
_AFTER_S: Final = 0.9
_VIDEO: Final = {"deadline": "realtime", "cpu-used": "12", "static-thresh": "100"}
_VIDEO_BIT_RATE: Final = 1_000_000
_AUDIO_BIT_RATE: Final = 48_000


def make_clip(order: ClipOrder, portrait: Path, target: Path, *, progress: Callable[[float], None]) -> float:
    """Write `target`; its length in seconds. `progress` is told the share that is done.

    Raises `UnknownVoice`, `BrokenPortraitError`, `FileNotFoundError`.
    """
    progress(0.0)
    speech = asyncio.run(_spoken(order.text, LocalVoice(order.voice)))
    progress(0.2)
    composer = composer_of(order.settings, _MODE, words=Words(), warn=_refuse, portrait=lambda: portrait)()
    try:
        blocks = _blocks(speech, _MODE.video_fps)
        _film(blocks, composer, _MODE, target, lambda share: progress(0.25 + 0.75 * share))
    finally:
        composer.close()
    return len(blocks) / _MODE.video_fps


async def _spoken(text: str, voice: LocalVoice) -> Utterance:
    """The first sentences, as many as a clip has room for."""
    parts: list[Utterance] = []
    async for part, _ in voice.utterances(text):
        parts.append(part)
        if sum(each.duration_s for each in parts) >= _ENOUGH_S:
            break
    whole = joined(parts)
    most = int(_LONGEST_S * SAMPLE_RATE)
    return whole if whole.sound.size <= most else Utterance(whole.sound[:most], whole.track)


def _blocks(speech: Utterance, fps: int) -> list[SoundBlock]:
    """A frame's sound each: a breath of silence, the speech, silence again."""
    cutter = FrameCutter(SAMPLE_RATE, fps, whole_frames=True)
    before, after = (np.zeros(int(seconds * SAMPLE_RATE), np.int16) for seconds in (_BEFORE_S, _AFTER_S))
    spoken = SpokenPart(speech.track, 0.0) if speech.track else None
    blocks = cutter.push(before) + cutter.flush()
    blocks += cutter.push(speech.sound, spoken) + cutter.flush()
    return blocks + cutter.push(after) + cutter.flush()


def _film(
    blocks: list[SoundBlock], composer: Composer, mode: ModeSettings, target: Path, progress: Callable[[float], None]
) -> None:
    fps, frame_s = mode.video_fps, 1 / mode.video_fps
    mouth, motion = SpeakingMouth(SAMPLE_RATE), IdleMotion(random.Random())  # noqa: S311 (blinks are no secret)
    motion.show(Expression.HAPPY)
    with av.open(str(target), "w", format="webm") as container:
        video = container.add_stream("libvpx", rate=fps, options=_VIDEO)
        video.width, video.height, video.pix_fmt = mode.video_width, mode.video_height, "yuv420p"
        video.bit_rate = _VIDEO_BIT_RATE
        audio = container.add_stream("libopus", rate=48_000, layout="mono")
        audio.bit_rate = _AUDIO_BIT_RATE
        samples = 0
        for number, block in enumerate(blocks):
            shape = mouth.update(block.samples, frame_s, block.spoken)
            motion.advance(frame_s, speaking=bool(shape.opening), openness=shape.opening / (MOUTH_OPENINGS - 1))
            drawn = np.frombuffer(composer.compose(motion.state(shape)).buffer, np.uint8)
            picture = av.VideoFrame.from_ndarray(drawn.reshape(-1, mode.video_width), format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, fps)
            container.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(block.samples[None, :], format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, samples, Fraction(1, SAMPLE_RATE)
            samples += block.samples.size
            container.mux(audio.encode(sound))
            if number % fps == 0:
                progress(number / len(blocks))
        container.mux(video.encode())
        container.mux(audio.encode())


def _refuse(sentence: str) -> None:
    """A clip shows this portrait or none: no other face stands in for it."""
    raise ValueError(sentence)
