"""The mouth in step with the visemes of what is said."""

import asyncio
import itertools

import numpy as np
import pytest
from livekit import rtc

from agent.avatars.builtin.face_state import CLOSED_MOUTH, WIDTH_AT_REST, Contact, Mouth
from agent.avatars.builtin.mouth import SpeakingMouth
from agent.avatars.builtin.sound_blocks import SoundBlock
from agent.avatars.builtin.sound_input import SoundInput
from agent.voice import hibari_voice
from agent.voice.arabic import voice as arabic_voice
from agent.voice.utterance import Utterance
from agent.voice.visemes import SPOKEN_PART, Lips, SpokenPart, Track, Viseme
from tests.agent.builtin.voices import SAMPLE_RATE, vowel


def shapes(utterance: Utterance, fps: int) -> list[Mouth]:
    """The mouth frame by frame, as the generator asks for it."""
    mouth, step = SpeakingMouth(SAMPLE_RATE), SAMPLE_RATE // fps
    return [
        mouth.update(utterance.sound[start : start + step], 1 / fps, SpokenPart(utterance.track, start / SAMPLE_RATE))
        for start in range(0, utterance.sound.size, step)
    ]


def said(*visemes: tuple[Viseme, float]) -> Utterance:
    track: list[Lips] = []
    for viseme, duration_s in visemes:
        start = track[-1].end_s if track else 0.0
        track.append(Lips(start, start + duration_s, viseme))
    return Utterance(vowel(track[-1].end_s), tuple(track))


SENTENCES = [
    "My map shows Bob, five people, and a very brief proof.",
    "مرحبا بكم في المتحف، باب القاعة مفتوح",
]


@pytest.mark.parametrize("fps", [15, 25, 30])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_lips_touch_in_the_frame_of_every_p_b_m_and_teeth_in_that_of_every_f(sentence: str, fps: int) -> None:
    utterance = (hibari_voice if sentence.isascii() else arabic_voice).speak(sentence)
    frames = shapes(utterance, fps)
    contacts = {Viseme.LIPS: Contact.LIPS, Viseme.TEETH: Contact.TEETH}
    checked = 0
    for lips in utterance.track:
        if lips.viseme in contacts:
            frame = frames[int((lips.start_s + lips.end_s) / 2 * fps)]
            others = [other for other in utterance.track if other is not lips and other.viseme in contacts]
            if all(abs(other.start_s - lips.start_s) > 2 / fps for other in others):
                assert (frame.contact, frame.opening) == (contacts[lips.viseme], 0)
                checked += 1
    assert checked > 3


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_mouth_touches_nothing_where_nothing_touches_in_the_words(sentence: str) -> None:
    utterance = (hibari_voice if sentence.isascii() else arabic_voice).speak(sentence)
    touching = [lips for lips in utterance.track if lips.viseme in (Viseme.LIPS, Viseme.TEETH)]
    for number, mouth in enumerate(shapes(utterance, 25)):
        if mouth.contact is not Contact.NONE:
            assert any(lips.start_s < (number + 1) / 25 and lips.end_s > number / 25 for lips in touching)


def test_lips_round_ahead_of_an_oo_and_spread_ahead_of_an_ee() -> None:
    round_ahead = shapes(said((Viseme.FRONT, 0.2), (Viseme.U, 0.2)), 50)
    wide_ahead = shapes(said((Viseme.FRONT, 0.2), (Viseme.I, 0.2)), 50)
    assert round_ahead[3].width >= WIDTH_AT_REST
    assert round_ahead[8].width < WIDTH_AT_REST  # 0.02 s before the "oo"
    assert wide_ahead[9].width > WIDTH_AT_REST
    assert (round_ahead[-1].width, wide_ahead[-1].width) == (0, 4)


def test_a_t_takes_the_shape_of_its_neighbours() -> None:
    between_open = shapes(said((Viseme.A, 0.15), (Viseme.FRONT, 0.04), (Viseme.A, 0.15)), 50)
    alone = shapes(said((Viseme.REST, 0.15), (Viseme.FRONT, 0.04), (Viseme.REST, 0.15)), 50)
    assert between_open[8].opening > alone[8].opening + 1


def test_the_mouth_opens_with_loudness_and_never_faster_than_a_mouth_can() -> None:
    loud, soft = said((Viseme.A, 0.4)), said((Viseme.A, 0.4))
    soft = Utterance(np.concatenate([loud.sound, soft.sound // 8]), (Lips(0.0, 0.8, Viseme.A),))
    openings = [mouth.opening for mouth in shapes(soft, 50)]
    assert openings[18] > openings[38] > 0
    assert max(abs(after - before) for before, after in itertools.pairwise(openings)) <= 2


def test_silence_closes_the_mouth_whatever_the_words_are() -> None:
    mouth = SpeakingMouth(SAMPLE_RATE)
    track: Track = (Lips(0.0, 2.0, Viseme.A),)
    for frame in range(10):
        mouth.update(vowel(0.04), 0.04, SpokenPart(track, frame * 0.04))
    assert mouth.update(vowel(0.04), 0.04, SpokenPart(track, 0.4)).opening > 3
    for frame in range(4):
        mouth.update(np.zeros(960, np.int16), 0.04, SpokenPart(track, 0.44 + frame * 0.04))
    assert mouth.closed
    assert mouth.update(None, 0.04) == CLOSED_MOUTH


def test_after_the_words_the_sound_alone_moves_the_mouth() -> None:
    mouth = SpeakingMouth(SAMPLE_RATE)
    over = SpokenPart((Lips(0.0, 0.5, Viseme.A),), 5.0)
    assert [mouth.update(vowel(0.04), 0.04, over) for _ in range(5)][-1].opening > 2


async def test_each_frame_of_sound_finds_its_words_however_it_is_cut() -> None:
    track: Track = (Lips(0.0, 1.0, Viseme.A),)
    samples = vowel(0.5)
    for whole_frames, size in ((True, 480), (True, 3_000), (False, 240)):
        sound = SoundInput(SAMPLE_RATE, 25, whole_frames=whole_frames, most_blocks=0)
        for start in range(0, samples.size, size):
            part = samples[start : start + size]
            spoken = SpokenPart(track, start / SAMPLE_RATE)
            frame = rtc.AudioFrame(part.tobytes(), SAMPLE_RATE, 1, part.size, userdata={SPOKEN_PART: spoken})
            await asyncio.wait_for(sound.push(frame), 60)
        await sound.end_segment()
        starts = []
        while isinstance(block := sound.take(), SoundBlock):
            assert block.spoken is not None
            if block.starts_frame:
                starts.append(block.spoken.start_s)
        assert starts == pytest.approx(np.arange(13) * 0.04)
