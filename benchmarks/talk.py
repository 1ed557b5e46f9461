"""A talk with the product, measured by a visitor outside: from the last voiced sample sent to the first sound received, from
the first sample of an interruption to silence, what each further talking session costs in memory.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Any

import psutil
from livekit import rtc

from tests.agent.conversing import SpeakingVisitor, spoken
from tests.services import LiveKit
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


@dataclass
class _Door:
    """What a `Visitor` needs of a LiveKit server, from a join ticket."""

    url: str


class _Guest(SpeakingVisitor):
    """Comes in by the session's link, like anybody."""

    def __init__(self, stack: Stack, link: dict[str, Any]) -> None:
        ticket = stack.api("POST", f"join/{link['url'].rstrip('/').rsplit('/', 1)[-1]}", {}, anonymous=True)
        door: Any = _Door(ticket["livekit_url"])
        livekit: LiveKit = door
        super().__init__(livekit, "", ticket["identity"])
        self._ticket = ticket["token"]

    def token(self) -> str:
        return str(self._ticket)

    async def _watch(self, track: rtc.Track) -> None:
        """The picture is sent and decoded, as in a browser; nobody looks at it here, which would cost the machine more."""

    async def silence(self, seconds: float = 1.0, limit_s: float = 60) -> None:
        await _until(lambda: self.quiet_for(seconds), limit_s)


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


async def _answer_ms(guest: _Guest, text: str) -> float | None:
    """From the question's last voiced sample to the answer's first; None where no answer came."""
    question = await spoken(text)
    await guest.silence()
    await guest.say(question)
    asked = guest.last_voiced_at
    if not await _until(lambda: guest.heard_since(asked), ANSWERED_WITHIN_S):
        return None
    return (next(at for at in guest.loud_at if at > asked) - asked) * 1000


async def _interruptions(guest: _Guest, repetitions: int) -> list[float]:
    interruption = await spoken(INTERRUPTION)
    took: list[float] = []
    while len(took) < repetitions:
        await guest.silence()
        asked = time.monotonic()
        await guest.write("What can you tell me about the museum?")
        if not await _until(lambda since=asked: guest.heard_since(since), ANSWERED_WITHIN_S):
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
    await _until(lambda: guest.heard_since(guest.last_voiced_at), 15)
    own = psutil.Process(stack.session(code)["job_pid"]).memory_full_info().uss / MIB
    await guest.leave()
    stack.stop_session(code)
    return float(own)


async def _session(stack: Stack) -> tuple[str, _Guest]:
    """A READY session whose models are loaded, and its guest."""
    code = stack.start_session("balanced")
    stack.wait_ready(code)
    guest = _Guest(stack, stack.new_link(code))
    await guest.join()
    await guest.write("Hello")
    await _until(lambda: bool(guest.loud_at), 60)
    return code, guest


async def _until(condition: Any, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True
