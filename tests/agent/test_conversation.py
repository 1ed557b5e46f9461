"""A conversation on a real LiveKit server with the real models; only the answers are a stand-in.

One job serves all tests of this file, one after the other.
"""

import os
import signal
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from protocol.control import MAX_TYPED_CHARS
from protocol.steps import StepKey
from tests.agent.conftest import eventually
from tests.agent.conversing import RATE, SpeakingVisitor, Talk, spoken, talk
from tests.services import LiveKit

QUESTION = "When does the museum open?"  # a recogniser may miss a word of it on a busy machine
LONG = " ".join(["The first room shows what was found by the river, and the second what was found in the hills."] * 3)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talking(livekit: LiveKit, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Talk]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVATARY_HOME", str(tmp_path_factory.mktemp("talk")))
        async with talk(livekit) as running:
            await eventually(lambda: _models_loaded(running), "the models are loaded", 200)
            yield running


def _is_the_question(text: str) -> bool:
    """As far as a small model hears it."""
    return "open" in text.lower()


def _models_loaded(running: Talk) -> bool:
    keys = {event.step: event.key for event in running.events.of("step_started")}
    done = {keys[event.step] for event in running.events.of("step_finished") if event.status == "completed"}
    return {StepKey.SPEECH_MODEL, StepKey.TURN_MODEL} <= done


async def _silent(running: Talk) -> None:
    await eventually(lambda: running.job._session.agent_state == "listening", "the avatar listens")
    await eventually(lambda: running.visitor.quiet_for(0.5), "the avatar is silent")


async def test_a_spoken_question_is_heard_and_answered(talking: Talk) -> None:
    visitor, before = talking.visitor, len(talking.turns)
    await visitor.say(await spoken(QUESTION))
    await eventually(lambda: visitor.heard_since(visitor.last_voiced_at + 0.1), "the answer is heard")
    assert _is_the_question(talking.answerer.asked[-1])
    await eventually(
        lambda: list(map(_is_the_question, visitor.said_by(visitor.identity))) == [True], "the question's caption"
    )
    await eventually(lambda: visitor.agent and visitor.agent.attributes["lk.agent.state"] == "speaking", "its state")
    await eventually(lambda: visitor.said_by("agent")[-1:] == [talking.answerer.text], "the answer's caption")
    turn = (await eventually(lambda: talking.turns[before:], "the turn's event"))[0]
    assert (turn.identity, turn.typed, turn.language, turn.words) == (
        visitor.identity,
        False,
        "en",
        len(talking.answerer.asked[-1].split()),
    )
    assert turn.recognised_ms is not None
    assert turn.first_sound_ms >= turn.end_of_turn_ms > 0
    assert not turn.interrupted
    assert QUESTION not in turn.model_dump_json()


async def test_who_speaks_while_the_avatar_does_stops_its_voice_and_captions(talking: Talk) -> None:
    await _silent(talking)
    visitor, talking.answerer.text = talking.visitor, LONG
    await visitor.write("Tell me everything.")
    await eventually(
        lambda: len("".join(visitor.said_by("agent")[-1:])) > 20 and not visitor.quiet_for(0.2), "it speaks", 30
    )
    talking.answerer.text = "Yes."
    before = len(talking.answerer.asked)
    await visitor.say(await spoken("Could you tell me whether there is a cafe in the museum?"))
    spoken_until = visitor.last_voiced_at
    await eventually(lambda: len(talking.answerer.asked) > before, "the new question is heard", 60)
    stopped = max((at for at in visitor.loud_at if at < spoken_until), default=0.0)
    assert spoken_until - stopped > 0.5, "it went on speaking"
    cut_short = next(turn for turn in reversed(talking.turns) if turn.typed)
    assert cut_short.interrupted
    await eventually(lambda: visitor.said_by("agent")[-1:] == ["Yes."], "the new answer")
    assert all(text != LONG for text in visitor.said_by("agent"))


async def test_a_cough_does_not_take_the_rest_of_the_sentence(talking: Talk) -> None:
    await _silent(talking)
    visitor, talking.answerer.text = talking.visitor, LONG.split(",")[0]
    before = len(talking.answerer.asked)
    await visitor.write("Go on, please.")
    await eventually(lambda: not visitor.quiet_for(0.2) and visitor.said_by("agent"), "it speaks")
    await visitor.say((await spoken("Ha"))[: RATE // 5])
    await eventually(lambda: visitor.said_by("agent")[-1:] == [talking.answerer.text], "it said all")
    assert len(talking.answerer.asked) == before + 1


async def test_noise_music_and_silence_are_no_questions(talking: Talk) -> None:
    await _silent(talking)
    visitor, before, turns = talking.visitor, len(talking.answerer.asked), len(talking.turns)
    chance = np.random.default_rng(1)
    seconds = np.arange(RATE) / RATE
    music = sum(np.sin(2 * np.pi * tone * seconds) for tone in (220, 277, 330)) * 3000
    for sound in (chance.normal(0, 3000, RATE), np.zeros(RATE // 2), np.asarray(music), np.zeros(RATE // 2)):
        await visitor.say(sound.astype(np.int16))
    await visitor.say(await spoken(QUESTION))  # what comes after is heard as ever
    await eventually(lambda: talking.answerer.asked[before:] and len(talking.turns) > turns, "the question's turn")
    assert list(map(_is_the_question, talking.answerer.asked[before:])) == [True]


async def test_a_typed_question_is_answered_by_voice_and_captions(talking: Talk) -> None:
    await _silent(talking)
    visitor, talking.answerer.text = talking.visitor, "At nine."
    began = time.monotonic()
    await visitor.write("متى يفتح المتحف؟")
    await eventually(
        lambda: visitor.heard_since(began) and visitor.said_by("agent")[-1:] == ["At nine."], "answered", 30
    )
    assert talking.answerer.asked[-1] == "متى يفتح المتحف؟"
    turn = (await eventually(lambda: [t for t in talking.turns if t.typed and t.language == "ar"], "its event"))[0]
    assert not turn.interrupted


async def test_what_is_too_long_to_answer_is_refused_with_a_sentence(talking: Talk) -> None:
    await _silent(talking)
    before = len(talking.answerer.asked)
    await talking.visitor.write("x" * (MAX_TYPED_CHARS + 1))
    await eventually(lambda: talking.visitor.notes, "a note comes back")
    assert str(MAX_TYPED_CHARS) in talking.visitor.notes[-1]
    assert len(talking.answerer.asked) == before


async def test_a_question_typed_while_the_avatar_speaks_is_answered_instead(talking: Talk) -> None:
    await _silent(talking)
    visitor, talking.answerer.text = talking.visitor, LONG
    await visitor.write("Tell me everything.")
    await eventually(
        lambda: len("".join(visitor.said_by("agent")[-1:])) > 60 and not visitor.quiet_for(0.2), "it speaks", 30
    )
    talking.answerer.text = answer = LONG.replace("room", "hall")
    await visitor.write("And on Sundays?")
    await eventually(
        lambda: "first hall" in "".join(visitor.said_by("agent")[-1:]), "the new answer's captions begin", 15
    )
    assert visitor.agent is not None
    assert visitor.agent.attributes["lk.agent.state"] == "speaking"
    assert visitor.said_by("agent")[-1] != answer, "captions pass with the sound, not after it"
    talking.answerer.text = "Yes."
    await visitor.write("Thank you.")


async def test_a_second_visitor_is_heard_as_well(talking: Talk, livekit: LiveKit) -> None:
    await _silent(talking)
    before = len(talking.turns)
    emil = SpeakingVisitor(livekit, talking.spec.room)
    await emil.join()
    await eventually(lambda: emil.agent, "the avatar is there")
    await emil.say(await spoken(QUESTION))
    turn = (await eventually(lambda: talking.turns[before:], "the question's turn"))[0]
    assert turn.identity == emil.identity
    assert _is_the_question(talking.answerer.asked[-1])
    await eventually(
        lambda: any(map(_is_the_question, talking.visitor.said_by(emil.identity))), "others see who said it"
    )
    await emil.leave()


async def test_hearing_survives_the_model_process(talking: Talk) -> None:
    await _silent(talking)
    before = len(talking.turns)
    assert talking.models.pid is not None
    os.kill(talking.models.pid, signal.SIGKILL)
    await talking.visitor.say(await spoken(QUESTION))
    await eventually(lambda: talking.turns[before:], "the question's turn", 60)
    assert _is_the_question(talking.answerer.asked[-1])
