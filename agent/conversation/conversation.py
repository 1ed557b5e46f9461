"""The conversation of a job: faces, captions of the visitors' words, typed questions, silence, telemetry."""

import asyncio
import logging
import time
from collections.abc import Callable

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.events import AgentStateChangedEvent, UserInputTranscribedEvent, UserStateChangedEvent

from agent.avatars.builtin.face_state import Expression
from agent.conversation.captions import VisitorCaptions
from agent.conversation.phrases import (
    is_goodbye,
    is_thanks,
    language_of,
    phrases,
    silence_after_s,
    silence_prompts,
)
from agent.conversation.silence import SilencePrompts
from agent.conversation.turns import Turns
from agent.conversation.typed import TypedQuestions
from agent.voice.hearing.listening import Heard
from agent.voice.hearing.microphones import Microphones

logger = logging.getLogger(__name__)


class Conversation:
    """Follows a started session. `show` sets the avatar's face; with `hears_itself`, `on_heard` is told of turns."""

    def __init__(
        self,
        session: AgentSession[None],
        room: rtc.Room,
        microphones: Microphones,
        *,
        language: str,
        hears_itself: bool,
        show: Callable[[Expression], None],
        emit: Callable[..., None],
    ) -> None:
        self._session = session
        self._microphones = microphones
        self._language = language
        self._hears_itself = hears_itself
        self._show = show
        self._pleased = False
        self._turns = Turns(session, emit)
        self._captions = VisitorCaptions(room)
        self._typed = TypedQuestions(room, self._on_typed)
        self._silence = SilencePrompts(
            silence_after_s(), silence_prompts(), lambda: microphones.open, self._break_silence
        )
        self._asking: set[asyncio.Task[None]] = set()
        session.on("user_state_changed", self._on_user_state)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("user_input_transcribed", self._on_transcribed)

    def on_heard(self, heard: Heard | None) -> None:
        """A turn is over; None: it held no words."""
        self._microphones.release()
        if heard is not None:
            self._took_in(heard.text, heard.language)
            self._turns.heard(heard)
        self._show_state()

    def welcome(self) -> None:
        """A greeting is about to be said."""
        self._pleased = True

    async def aclose(self) -> None:
        self._turns.close()
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._silence.aclose()
        await self._typed.aclose()
        await self._captions.aclose()

    def _took_in(self, text: str, language: str) -> None:
        self._language = language
        self._pleased = is_thanks(text) or is_goodbye(text)
        self._silence.visitor_spoke()

    def _on_typed(self, identity: str, text: str) -> None:
        language = language_of(text)
        self._took_in(text, language)
        task = asyncio.create_task(self._ask(identity, text, language), name="typed-question")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, identity: str, text: str, language: str) -> None:
        try:
            await self._session.interrupt()
            self._turns.typed(identity, text, language)
            self._session.generate_reply(user_input=text, input_modality="text")
        except RuntimeError as error:  # the session is closing
            logger.info("a typed question was not answered: %s", error)

    def _break_silence(self) -> None:
        try:
            self._session.say(phrases(self._language).silence)
        except RuntimeError as error:
            logger.info("silence was not broken: %s", error)

    def _on_transcribed(self, event: UserInputTranscribedEvent) -> None:
        if (speaker := self._microphones.speaker()) is None:
            return
        self._captions.show(speaker, event.transcript, final=event.is_final)
        if event.is_final and not self._hears_itself:
            language = language_of(event.transcript)
            self.on_heard(Heard(speaker, event.transcript, language, ended_at=time.time(), recognised_ms=None))

    def _on_user_state(self, _: UserStateChangedEvent) -> None:
        self._show_state()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.old_state == "speaking" and event.new_state != "speaking":
            self._pleased = False
        self._show_state()

    def _show_state(self) -> None:
        speaking = self._session.agent_state == "speaking"
        listening = self._session.user_state == "speaking"
        thinking = self._session.agent_state == "thinking"
        self._silence.busy(speaking or listening or thinking)
        if speaking:
            self._show(Expression.HAPPY if self._pleased else Expression.NEUTRAL)
        elif listening:
            self._show(Expression.LISTENING)
        else:
            self._show(Expression.THINKING if thinking else Expression.NEUTRAL)
