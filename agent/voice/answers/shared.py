"""Searches by the host's shared model process."""

from typing import Final

from agent.models import Message, infer
from agent.voice.answers.found import Search, SearchReply

METHOD: Final = "answers"
SEARCH_TIMEOUT_S: Final = 10.0
OPENING_TIMEOUT_S: Final = 60.0  # of a knowledge: its words are indexed, 4 s for 5 MB


async def search_in_shared_process(search: Search) -> SearchReply:
    """Raises `ModelError`, `TimeoutError`. A search without a question opens the knowledge."""
    timeout_s = SEARCH_TIMEOUT_S if search.question else OPENING_TIMEOUT_S
    reply = await infer(METHOD, Message(search.model_dump()), timeout_s=timeout_s)
    return SearchReply.model_validate(reply.fields)
