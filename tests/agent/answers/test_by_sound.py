"""Arabic questions as the base model heard them from two voices of recorded speech (MBROLA's ar1 and ar2)."""

import pytest
from livekit.agents import llm

from agent.voice.answers.answerer import turns_of
from agent.voice.answers.by_sound import SoundIndex, sounds
from agent.voice.answers.library import Shelf
from tests.agent.answers.conftest import Visitor, question_of_group

ANSWERED = [
    ("كيف كيرنا البحر لتوياه جدونة إلا طريقهم", "How did sailors find their way?"),
    ("أمار أدوات والتي كرنا لرواسون يستخدمناها", "What tools did the divers use?"),
    ("كما بحارن كان على مدنيس في ندي", "How many sailors were on board?"),
    ("أليس محوب يالكطاطي", "May I bring food or pets?"),
    ("وينا يمكي نوني أنبو سلي", "Is there a prayer room?"),
    ("من ماذا الصنعك القربه؟", "How was the Najma built?"),
    ("ما دا يفعلق الأطفال هنا", "What is there for children?"),
    ("الحناك دليل ونبيال فرنسيطي", "Do you have an audio guide?"),
    ("ملهوة النوته والمستيزر يحو", "Why did pearl diving end?"),
]


@pytest.mark.parametrize(("heard", "question"), ANSWERED)
async def test_a_known_question_that_was_heard_badly_is_answered(museum: Shelf, heard: str, question: str) -> None:
    reply = await Visitor(museum, "ar").says(heard, unsure=True)
    assert reply.kind == "answer"
    assert reply.found is not None
    assert question_of_group()[reply.found.group] == question


async def test_what_is_typed_or_heard_well_is_taken_at_its_word(museum: Shelf) -> None:
    typed = [(await Visitor(museum, "ar").says(heard)).kind for heard, _ in ANSWERED]
    assert typed.count("answer") <= 1


async def test_a_question_that_was_hardly_heard_is_asked_for_again_and_not_called_unknown(museum: Shelf) -> None:
    visitor = Visitor(museum, "ar")
    reply = await visitor.says("ومنعجبتني مع المركة تنسان حدوة", unsure=True)
    assert (reply.kind, "لم أسمعك جيدًا" in reply.text) == ("perhaps", True)
    assert reply.found is not None
    assert reply.found.question in reply.text
    assert (await visitor.says("نعم", unsure=True)).text == reply.found.answer
    assert (await Visitor(museum, "en").says("a quid pro bono sayeth the gnome", unsure=True)).text.startswith(
        "I hardly"
    )


@pytest.mark.parametrize(
    ("heard", "answer"),
    [("كيف حالنا كيف حلنا ك", "بخير"), ("سبالحو الخيري", "وسهل"), ("من أنتة", "أنا Maryam"), ("شك رمز زينة", "الرحب")],
)
async def test_courtesies_that_were_heard_badly_are_returned(museum: Shelf, heard: str, answer: str) -> None:
    reply = await Visitor(museum, "ar").says(heard, unsure=True)
    assert reply.kind == "small_talk"
    assert answer in reply.text


async def test_more_is_told_when_it_was_heard_badly(museum: Shelf) -> None:
    visitor = Visitor(museum, "ar")
    first = await visitor.says("ما هو الأسطرلاب؟")
    more = await visitor.says("وراني المزيد", unsure=True)
    assert first.found is not None
    assert more.found is not None
    assert (more.kind, more.found.topic) == ("answer", first.found.topic)


def test_only_speech_that_was_not_surely_heard_counts_as_such() -> None:
    context = llm.ChatContext.empty()
    for confidence in (None, 0.9, 0.3):
        context.add_message(role="user", content="متى تفتحون؟").transcript_confidence = confidence
    assert [turn.unsure for turn in turns_of(context)] == [False, False, True]


def test_letters_that_are_mixed_up_sound_alike() -> None:
    assert sounds("صُورة القِطَّة") == sounds("سورة الكِتة") != sounds("سورة البطة")
    assert sounds("") == sounds("؟!") == ""


def test_an_index_of_nothing_finds_nothing() -> None:
    assert SoundIndex([]).likeness("متى").size == 0
    assert SoundIndex(["متى تفتحون؟"]).likeness("").tolist() == [0]
