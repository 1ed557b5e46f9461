"""Answers behind LiveKit's interface of language models: from the knowledge itself, or by a hosted model that is given it."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from livekit.agents import APIConnectOptions, llm, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.assets import AssetStore, AssetUnavailable
from agent.models import ModelError
from agent.voice.answers.dialogue import Dialogue, Reply, Turn
from agent.voice.answers.found import Search, SearchReply
from agent.voice.answers.hosted import HostedModel, HostedModelFailed
from agent.voice.answers.phrases import said
from agent.voice.answers.shared import search_in_shared_process
from agent.voice.answers.words import language_of
from protocol.events import AnswersDegraded
from protocol.jobspec import JobSpec

logger = logging.getLogger(__name__)

UNSURE_BELOW: Final = 0.6  # of 20 English questions that the base model heard, 19 had more; no Arabic one had
Searcher = Callable[[Search], Awaitable[SearchReply]]


class Answerer(llm.LLM[Any]):
    """One session's answers. `prepare` may be awaited ahead of the first question, and is by it where nobody did."""

    def __init__(
        self,
        spec: JobSpec,
        *,
        home: Path,
        emit: Callable[..., None],
        search: Searcher = search_in_shared_process,
        hosted: HostedModel | None = None,
    ) -> None:
        super().__init__()
        self._spec = spec
        self._store = AssetStore(home)
        self._emit = emit
        self._search = search
        self._hosted = hosted
        self._hosted_rests_until = 0.0
        self._preparing: asyncio.Task[dict[str, Any]] | None = None
        knowledge = spec.knowledge.sha256 if spec.knowledge else None
        self._dialogue = Dialogue(spec.profile.name, spec.language, knowledge, search)

    @property
    def model(self) -> str:
        return self._hosted.name if self._hosted else "knowledge"

    @property
    def provider(self) -> str:
        return "openai-compatible" if self._hosted else "avatary"

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: Any,
    ) -> llm.LLMStream:
        return _AnswerStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)

    async def prepare(self) -> dict[str, Any]:
        """Has the knowledge's files here and opened. What it found, for the step's notes. Doesn't raise: trouble is an event."""
        if self._preparing is None:
            self._preparing = asyncio.create_task(self._prepare(), name="prepare-answers")
        return await asyncio.shield(self._preparing)

    async def aclose(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._preparing
        if self._hosted is not None:
            await self._hosted.aclose()
        await super().aclose()

    async def _prepare(self) -> dict[str, Any]:
        ref = self._spec.knowledge
        if ref is None:
            return {"knowledge": "none"}
        try:
            await self._store.get_all([ref, *self._spec.documents])
            opened = await self._search(Search(knowledge=ref.sha256, question="", language=self._spec.language))
        except (AssetUnavailable, ModelError, TimeoutError) as error:
            self.degraded(f"The knowledge is not at hand: {error}")
            return {"knowledge": ref.sha256[:12], "error": str(error)}
        return {"knowledge": ref.sha256[:12], "topics": len(opened.topics), "understood": round(opened.understood, 2)}

    def degraded(self, sentence: str) -> None:
        logger.warning("%s", sentence)
        self._emit(AnswersDegraded, detail=sentence[:500])

    async def answer(self, turns: Sequence[Turn]) -> AsyncIterator[str]:
        """What to say to the last turn, in pieces that end where a sentence may."""
        await self.prepare()
        if self._hosted is not None and time.monotonic() >= self._hosted_rests_until:
            began = False
            try:
                async for words in self._by_hosted_model(self._hosted, turns):
                    began = True
                    yield words
                if began:
                    return
            except HostedModelFailed as failure:
                self._hosted_rests_until = time.monotonic() + failure.pause_s
                self.degraded(str(failure))
                if began:
                    return  # what was said stands; two answers in one would confuse
        reply = await self._from_knowledge(turns)
        for sentence in reply.sentences:
            yield f"{sentence} "

    async def _from_knowledge(self, turns: Sequence[Turn]) -> Reply:
        try:
            return await self._dialogue.reply(turns)
        except (ModelError, TimeoutError) as error:
            self.degraded(f"A question could not be looked up: {error}")
            language = language_of(turns[-1].text if turns else "", self._spec.language)
            return Reply(said("trouble", language), "unknown", language)

    async def _by_hosted_model(self, hosted: HostedModel, turns: Sequence[Turn]) -> AsyncIterator[str]:
        question = turns[-1].text if turns else ""
        language = language_of(question, self._spec.language)
        reply = SearchReply(is_empty=True)
        if self._spec.knowledge is not None and question.strip():
            before = next((turn.text for turn in reversed(turns[:-1]) if turn.by_visitor), None)
            search = Search(
                knowledge=self._spec.knowledge.sha256, question=question, language=language, context=before,
                by_sound=turns[-1].goes_by_sound(language),
            )  # fmt: skip
            with contextlib.suppress(ModelError, TimeoutError):  # told by the step, or by the next answer
                reply = await self._search(search)
        profile = self._spec.profile
        async for words in hosted.answer(turns, reply, name=profile.name, persona=profile.persona, language=language):
            yield words


class _AnswerStream(llm.LLMStream):
    async def _run(self) -> None:
        answerer = self._llm
        assert isinstance(answerer, Answerer), "made by its `chat`"  # noqa: S101
        number = utils.shortuuid("answer_")
        async for words in answerer.answer(turns_of(self._chat_ctx)):
            self._event_ch.send_nowait(llm.ChatChunk(id=number, delta=llm.ChoiceDelta(role="assistant", content=words)))


def turns_of(chat_ctx: llm.ChatContext) -> list[Turn]:
    """Who said what, in order; other items of the context are left out."""
    return [
        Turn(item.role == "user", item.text_content or "", unsure=_unsure(item))
        for item in chat_ctx.items
        if item.type == "message" and item.role in ("user", "assistant")
    ]


def _unsure(message: llm.ChatMessage) -> bool:
    """Whether it was spoken and not surely heard; what was typed has no confidence."""
    return message.transcript_confidence is not None and message.transcript_confidence < UNSURE_BELOW
