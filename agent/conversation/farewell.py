"""A goodbye is answered with one, whatever answers the rest; the session goes on for others."""

from typing import Any

from livekit.agents import APIConnectOptions, llm, utils
from livekit.agents.llm import ChatChunk, ChatContext, ChoiceDelta, LLMStream, Tool
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.conversation.phrases import is_goodbye, language_of, phrases


class WithFarewell(llm.LLM[Any]):
    """Passes everything but goodbyes on to `answerer`."""

    def __init__(self, answerer: llm.LLM[Any]) -> None:
        super().__init__()
        self._answerer = answerer
        # what listens to the session's model hears of the one that answers
        answerer.on("metrics_collected", lambda metrics: self.emit("metrics_collected", metrics))
        answerer.on("error", lambda error: self.emit("error", error))

    @property
    def model(self) -> str:
        return self._answerer.model

    @property
    def provider(self) -> str:
        return self._answerer.provider

    def chat(
        self,
        *,
        chat_ctx: ChatContext,
        tools: list[Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **options: Any,
    ) -> LLMStream:
        said = _last_said(chat_ctx)
        if is_goodbye(said):
            return _Said(self, phrases(language_of(said)).farewell, chat_ctx, tools or [], conn_options)
        return self._answerer.chat(chat_ctx=chat_ctx, tools=tools, conn_options=conn_options, **options)

    async def aclose(self) -> None:
        await self._answerer.aclose()


def _last_said(chat_ctx: ChatContext) -> str:
    """What a visitor said or wrote last."""
    messages = (item for item in reversed(chat_ctx.items) if item.type == "message")
    return next((message.text_content or "" for message in messages if message.role == "user"), "")


class _Said(LLMStream):
    """A text that is there already."""

    def __init__(
        self, model: llm.LLM[Any], text: str, chat_ctx: ChatContext, tools: list[Tool], conn_options: APIConnectOptions
    ) -> None:
        super().__init__(model, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._text = text

    async def _run(self) -> None:
        delta = ChoiceDelta(role="assistant", content=self._text)
        self._event_ch.send_nowait(ChatChunk(id=utils.shortuuid(), delta=delta))
