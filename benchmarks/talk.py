"""A talk with the product, measured by a visitor outside: from the last voiced sample sent to the first sound received, from
the first sample of an interruption to silence, what each further talking session costs in memory.
"""

import asyncio
import os
import time

import psutil

from benchmarks.guest import Guest, until
from tests.agent.conversing import spoken
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
MIB = 1024 * 1024
QUESTIONS = [
    "When does the museum open?",
    "How much is a ticket?",
    "Is there a cafe here?",
    "Can I take photographs in the museum?",
    "Where are the toilets?",
    "Do you have a shop?",
    "Where can I leave my coat?",
    "Is the museum open on Friday?",
    "How do I get to the museum?",
    "Can I bring my children?",
]
INTERRUPTION = "Excuse me, could you please stop for a moment?"
INTO_THE_ANSWER_S = 1.0
NOTICED_WITHIN_S = 1.5  # an interruption; what is louder later is the next answer
ANSWERED_WITHIN_S = 10
MOST_SESSIONS = 3


def conversation(stack: Stack, repetitions: int) -> list[Row]:
    os.environ["AVATARY_HOME"] = str(stack.home)  # where the voice keeps its phrases
    return asyncio.run(_talk(stack, repetitions))


async def _talk(stack: Stack, repetitions: int) -> list[Row]:
    code, guest = await _session(stack)
    took_ms = [await _answer_ms(guest, QUESTIONS[turn % len(QUESTIONS)]) for turn in range(repetitions + 1)][1:]
    first_sound = [took for took in took_ms if took is not None]  # the first of all warms caches
    stopping = await _interruptions(guest, repetitions)
    further = [await _further_session(stack) for _ in range(min(MOST_SESSIONS - 1, repetitions))]
    await guest.leave()
    stack.stop_session(code)
    return [
        ("last voiced sample to first sound", "ms", first_sound, 700, "median"),
        ("last voiced sample to first sound, p95", "ms", first_sound, 1000, "p95"),
        ("questions without an answer", "", [float(took_ms.count(None))], 0, "median"),
        ("interruption to silence", "ms", stopping, 250, "median"),
        ("further talking session", "MB USS", further, 130, "median"),
    ]


async def _answer_ms(guest: Guest, text: str) -> float | None:
    """From the question's last voiced sample to the answer's first; None where no answer came."""
    question = await spoken(text)
    await guest.silence()
    await guest.say(question)
    asked = guest.last_voiced_at
    if not await until(lambda: guest.heard_since(asked), ANSWERED_WITHIN_S):
        return None
    return (next(at for at in guest.loud_at if at > asked) - asked) * 1000


async def _interruptions(guest: Guest, repetitions: int) -> list[float]:
    interruption = await spoken(INTERRUPTION)
    took: list[float] = []
    while len(took) < repetitions:
        await guest.silence()
        asked = time.monotonic()
        await guest.write("What can you tell me about the museum?")
        if not await until(lambda since=asked: guest.heard_since(since), ANSWERED_WITHIN_S):
            break
        await asyncio.sleep(INTO_THE_ANSWER_S)
        if guest.quiet_for(0.3):
            break  # an answer too short to be interrupted
        began = time.monotonic()
        await guest.say(interruption)
        spoke = [at for at in guest.loud_at if began <= at <= began + NOTICED_WITHIN_S]
        took.append((max(spoke, default=began) - began) * 1000)
    return took or [float("nan")]


async def _further_session(stack: Stack) -> float:
    """Private memory of one more session's job after a question was answered."""
    code, guest = await _session(stack)
    question = await spoken(QUESTIONS[0])
    await guest.silence()
    await guest.say(question)
    await until(lambda: guest.heard_since(guest.last_voiced_at), 15)
    own = psutil.Process(stack.session(code)["job_pid"]).memory_full_info().uss / MIB
    await guest.leave()
    stack.stop_session(code)
    return float(own)


async def _session(stack: Stack) -> tuple[str, Guest]:
    """A READY session whose models are loaded, and its guest."""
    code = stack.start_session("balanced")
    stack.wait_ready(code)
    guest = Guest(stack, stack.new_link(code))
    await guest.join()
    await guest.write("Hello")
    await until(lambda: bool(guest.loud_at), 60)
    return code, guest
