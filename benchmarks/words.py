"""How many words of synthesised questions are heard wrong, in both languages, clean and in noise; and how many questions that
the demo's guide knows reach their answer when they are spoken, at once or after "did you mean".

English is also said by the synthesiser of the Arabic voice: what is heard well of it there tells that it is the speech model
that lacks Arabic, and not the voice that is bad.
"""

import asyncio
import os
import re
import unicodedata

import numpy as np
from livekit import rtc

from agent.environment import HostEnvironment
from agent.voice.answers.answerer import UNSURE_BELOW
from agent.voice.answers.dialogue import Dialogue, Turn
from agent.voice.answers.found import Search, SearchReply
from agent.voice.answers.vectors import VectorCache
from agent.voice.espeak import Espeak, EspeakVoice
from protocol.jobspec import Language
from protocol.knowledge import Knowledge
from tests.agent.answers.conftest import ANY, museum_pairs, opened
from tests.agent.conversing import RATE, Samples, recognised, spoken
from tests.services import wait_until
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
NOISE_DB = 10
SENTENCES: dict[Language, list[str]] = {
    "en": [
        "When does the museum open?",
        "How much is a ticket for two children?",
        "Where can I find the oldest objects?",
        "Who painted the large picture in the main hall?",
        "Is there a cafe where we can have lunch?",
        "Can I take photographs in the galleries?",
        "What is the most famous object that you have?",
        "How long does a visit usually take?",
        "Do you have guided tours on the weekend?",
        "Where did this statue come from?",
    ],
    "ar": [
        "متى يفتح المتحف؟",
        "كم سعر التذكرة للأطفال؟",
        "أين أجد أقدم القطع؟",
        "من رسم اللوحة الكبيرة في القاعة؟",
        "هل يوجد مقهى هنا؟",
        "هل يمكنني التقاط الصور؟",
        "ما أشهر قطعة في المتحف؟",
        "كم تستغرق الزيارة؟",
        "هل توجد جولات مع مرشد؟",
        "من أين جاء هذا التمثال؟",
    ],
}


def errors(stack: Stack, repetitions: int) -> list[Row]:
    """Word error rate over all sentences of a language, percent; the values are those of the sentences."""
    os.environ["AVATARY_HOME"] = str(stack.home)
    wait_until((stack.home / "models.sock").exists, "the agent worker")
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    rows: list[Row] = []
    for language, sentences in SENTENCES.items():
        clean = [await spoken(sentence) for sentence in sentences]
        conditions = [("clean", clean), (f"{NOISE_DB} dB noise", [_noisy(sound) for sound in clean])]
        if language == "en":
            conditions.append(("clean, by espeak-ng", _by_espeak(sentences)))
        for name, sounds in conditions:
            heard = [(await recognised(sound, language))[0] for sound in sounds]
            wrong = [_distance(_words(said), _words(text)) for said, text in zip(sentences, heard, strict=True)]
            whole = 100 * sum(wrong) / sum(len(_words(sentence)) for sentence in sentences)
            rows.append((f"words heard wrong, {language}, {name}", "%", [whole], None, "median"))
        reached = await _reached(language)
        for kind in ("answer", "perhaps"):
            share = 100 * reached.count(kind) / len(reached)
            name = "answered" if kind == "answer" else "offered to be meant"
            rows.append((f"known questions {name}, {language}", "%", [share], None, "median"))
    return rows


async def _reached(language: Language) -> list[str]:
    """What became of each of the museum's own questions: `answer`, `perhaps`, or nothing where it was taken for another."""
    vectors = VectorCache(HostEnvironment.read().home / "cache" / "vectors.sqlite3")
    shelf = opened(Knowledge(pairs=museum_pairs("en", "ar")), vectors)

    async def search(question: Search) -> SearchReply:
        return shelf.search(question)

    reached: list[str] = []
    for pair in museum_pairs(language):
        text, confidence = await recognised(await spoken(pair.question), language)
        reply = await Dialogue("", language, ANY, search).reply([Turn(True, text, unsure=confidence < UNSURE_BELOW)])
        reached.append(reply.kind if reply.found is not None and reply.found.group == pair.group else "")
    return reached


def _by_espeak(sentences: list[str]) -> list[Samples]:
    espeak, sounds = Espeak(), []
    for sentence in sentences:
        said = espeak.speak(sentence, EspeakVoice("en-us+f5", rate=155, pitch=50, range=50))
        resampler = rtc.AudioResampler(said.sample_rate, RATE)
        frames = resampler.push(bytearray(said.samples.astype(np.int16).tobytes())) + resampler.flush()
        sounds.append(np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames]))
    return sounds


def _noisy(sound: Samples) -> Samples:
    loudness = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
    noise = np.random.default_rng(1).normal(0, loudness / 10 ** (NOISE_DB / 20), sound.size)
    return np.clip(sound + noise, -32768, 32767).astype(np.int16)


def _words(text: str) -> list[str]:
    """Without case, marks, Arabic vowels and lengthening; the forms of alif and ta marbuta as one."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(each))
    return re.sub(r"[^\w\s]|ـ", "", letters.translate(str.maketrans("ىة", "يه"))).split()


def _distance(said: list[str], heard: list[str]) -> int:
    """Words that are missing, wrong or too many."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        last, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            last, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, last + (word != other))
    return row[-1]
