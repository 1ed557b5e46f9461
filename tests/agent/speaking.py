"""An avatar that only speaks: joins a room as the product's built-in avatar does and says one sentence after the other.

    python -m tests.agent.speaking URL TOKEN MODE REPETITIONS

Prints "speaking" once a picture is published, at the end a line of JSON: `own_offset_ms`, how far the drawn mouth's
opening is behind the loudness of its own sound before anything is sent (negative: ahead, as lips are), and `correlation`.
"""

import asyncio
import json
import random
import sys
from typing import Final

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import QueueAudioOutput
from numpy.typing import NDArray

from agent.avatars.builtin.face_state import Mouth
from agent.avatars.builtin.generator import AUDIO_SAMPLE_RATE, BuiltinVideoGenerator
from agent.avatars.builtin.mouth import SpeakingMouth
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.runner import PublishingRunner
from agent.voice.speech import LocalTTS, PreparedSpeech
from agent.voice.utterance import Utterance
from agent.voice.visemes import SpokenPart
from agent.voice.voices import LocalVoice
from protocol.avatar import BuiltinSettings
from protocol.modes import BUILT_IN_MODES
from tests.agent.in_step import envelope, lag_ms

SENTENCES: Final = (
    "Welcome to the museum. I am happy to help you today.",
    "Papa bought a big map, but Bob may borrow my book.",
    "The cafe is on the second floor, past the library.",
    "مرحبا بكم في المتحف الوطني، كيف يمكنني أن أساعدكم؟",
    "You can buy tickets at the main entrance, by the fountain.",
    "تقع القاعة الكبرى في الطابق الثاني بجانب المكتبة.",
    "Nobody knows who built the temple by the pond.",
)
PAUSE_S: Final = 0.7


async def speak(url: str, token: str, mode_slug: str, repetitions: int) -> None:
    mode = BUILT_IN_MODES[mode_slug]
    room = rtc.Room()
    make_composer = composer_of(BuiltinSettings(presenter="omar"), mode, words=Words(), warn=lambda _: None)
    generator = BuiltinVideoGenerator(mode, make_composer=make_composer, on_frame=lambda _: None)
    sound = QueueAudioOutput(sample_rate=generator.audio_sample_rate, wait_playback_start=True)
    voice = LocalTTS(LocalVoice())
    speeches = [await PreparedSpeech.of(text, voice) for text in SENTENCES]
    await room.connect(url, token)
    runner = PublishingRunner(
        room, mode=mode, audio=sound, video=generator, audio_sample_rate=generator.audio_sample_rate
    )
    generator.attach(runner.playout)
    await runner.start()
    await runner.first_frame()
    print("speaking", flush=True)
    try:
        for number in range(repetitions):
            async for frame in speeches[number % len(speeches)].frames():
                await sound.capture_frame(frame)
            sound.flush()
            await sound.wait_for_playout()
            await asyncio.sleep(PAUSE_S + random.uniform(0, 0.3))
    finally:
        await runner.aclose()
        await generator.aclose()
        await room.disconnect()
    lags = [own_lag_ms(speech.utterance, mode.video_fps) for speech in speeches]
    medians = np.median(np.array(lags), axis=0)
    print(json.dumps({"own_offset_ms": float(medians[0]), "correlation": float(medians[1])}))


def own_lag_ms(utterance: Utterance, fps: int) -> tuple[float, float]:
    """How far the mouth's opening is behind the sound, and their correlation, each picture shown for its time."""
    mouth, step = SpeakingMouth(AUDIO_SAMPLE_RATE), AUDIO_SAMPLE_RATE // fps
    shapes: list[Mouth] = []
    for start in range(0, utterance.sound.size - step, step):
        spoken = SpokenPart(utterance.track, start / AUDIO_SAMPLE_RATE)
        shapes.append(mouth.update(utterance.sound[start : start + step], 1 / fps, spoken))
    times: NDArray[np.float64] = np.arange(len(shapes)) / fps
    return lag_ms(times, np.array([shape.opening for shape in shapes], float), *envelope(utterance.sound, 0.0))


if __name__ == "__main__":
    asyncio.run(speak(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
