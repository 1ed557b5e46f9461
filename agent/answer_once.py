"""`python -m agent answer` and `understand`: one question to a knowledge, and vectors made ahead. Needs no worker."""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Final, Literal

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.models import ModelError
from agent.voice.answers.dialogue import Dialogue, Reply, Turn
from agent.voice.answers.found import Search, SearchReply
from agent.voice.answers.shared import search_in_shared_process
from protocol.jobspec import Language

if TYPE_CHECKING:
    from agent.voice.answers.library import Shelf

NICENESS: Final = 15  # conversations go before


class UnknownKnowledge(InvalidEnvironment):
    """The knowledge is not on this host; the message says so."""


def answer_once(environment: HostEnvironment, knowledge: str, question: str, language: Language) -> dict[str, Any]:
    """What the avatar would say, and where from. By the host's shared model process where a worker runs, else here.

    Raises `UnknownKnowledge`.
    """
    return asyncio.run(_answer(environment, knowledge, question, language))


def understand(environment: HostEnvironment, knowledge: list[str]) -> dict[str, Any]:
    """Makes and keeps the vectors of knowledges; takes 10 to 40 ms of a core for each text that the host has not seen.

    Raises `UnknownKnowledge`.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.nice(NICENESS)
    for sha256 in knowledge:
        _shelf(environment, sha256, "now")
    return {"understood": len(knowledge)}


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
