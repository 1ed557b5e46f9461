"""`python -m agent answer` and `understand`: one question to a knowledge, and what answers need made ahead. Needs no worker."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.models import ModelError
from agent.voice.answers.dialogue import Dialogue, Reply, Turn
from agent.voice.answers.found import Search, SearchReply
from agent.voice.answers.shared import search_in_shared_process
from agent.voice.phrases import LONGEST_TEXT
from agent.voice.sentences import sentences
from agent.voice.voices import LocalVoice, UnknownVoice
from protocol.jobspec import Language

if TYPE_CHECKING:
    from agent.voice.answers.library import Shelf

NICENESS: Final = 15  # conversations go before
MOST_REHEARSED: Final = 400  # beginnings, the pairs' in their order: some 100 MB of the phrase cache


class UnknownKnowledge(InvalidEnvironment):
    """The knowledge is not on this host; the message says so."""


def answer_once(environment: HostEnvironment, knowledge: str, question: str, language: Language) -> dict[str, Any]:
    """What the avatar would say, and where from. By the host's shared model process where a worker runs, else here.

    Raises `UnknownKnowledge`.
    """
    return asyncio.run(_answer(environment, knowledge, question, language))


def understand(environment: HostEnvironment, knowledge: list[str], voices: list[str]) -> dict[str, Any]:
    """Makes and keeps the vectors of knowledges, then the sound of how their answers begin, in each of the voices.

    Takes 10 to 40 ms of a core for each text that the host has not seen, and 20 to 170 ms for each beginning that a voice has
    not said. Raises `UnknownKnowledge`. A voice that is none of the host's own is passed over.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.nice(NICENESS)
    shelves = [_shelf(environment, sha256, "now") for sha256 in knowledge]
    rehearsed = 0
    for name in voices:
        with contextlib.suppress(UnknownVoice):
            rehearsed += asyncio.run(_rehearse(LocalVoice(name), [text for shelf in shelves for text in shelf.answers]))
    return {"understood": len(knowledge), "rehearsed": rehearsed}


async def _rehearse(voice: LocalVoice, answers: list[str]) -> int:
    """Has the first sentence of each answer said, so that it is in the phrase cache; what is too long to be kept is not."""
    firsts = (whole[0] for answer in answers if (whole := sentences(answer)))
    beginnings = list(dict.fromkeys(first for first in firsts if len(first) <= LONGEST_TEXT))[:MOST_REHEARSED]
    for beginning in beginnings:
        await voice.say(beginning)
    return len(beginnings)


async def _answer(environment: HostEnvironment, knowledge: str, question: str, language: Language) -> dict[str, Any]:
    replies: list[SearchReply] = []

    async def search(search: Search) -> SearchReply:
        reply = None
        if environment.models_socket.exists():  # a worker runs
            with contextlib.suppress(ModelError, TimeoutError):
                reply = await search_in_shared_process(search)
        if reply is None:
            reply = _shelf(environment, knowledge, "kept").search(search)
        replies.append(reply)
        return reply

    said = await Dialogue("", language, None if knowledge == "none" else knowledge, search).reply(
        [Turn(True, question)]
    )
    return _told(said, replies)


def _told(said: Reply, replies: list[SearchReply]) -> dict[str, Any]:
    best = said.found or next((each for reply in replies for each in reply.found[:1]), None)
    return {
        "text": said.text,
        "kind": said.kind,
        "language": said.language,
        "best": best.model_dump() if best else None,
        "understood": replies[-1].understood if replies else 1.0,
        "took_ms": sum(reply.took_ms for reply in replies),
    }


def _shelf(environment: HostEnvironment, sha256: str, vectors: Literal["now", "kept"]) -> "Shelf":
    from agent.voice.answers.library import Library

    try:
        return Library(environment.home).shelf(sha256, vectors)
    except ValueError as error:
        raise UnknownKnowledge(str(error)) from error
