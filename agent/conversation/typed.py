"""What visitors write: LiveKit's chat streams, answered by voice and captions."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from livekit import rtc
from livekit.agents.types import TOPIC_CHAT

from agent.conversation.phrases import language_of, phrases
from protocol.control import MAX_TYPED_CHARS, VISITOR_PREFIX

logger = logging.getLogger(__name__)

AT_ONCE: Final = 3  # questions that a visitor may send without a pause
REFILL_S: Final = 2.0  # one more
READ_WITHIN_S: Final = 10.0


class Allowance:
    """How many questions somebody may ask now."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = float(AT_ONCE)
        self._at = clock()

    def take(self) -> bool:
        now = self._clock()
        self._left, self._at = min(AT_ONCE, self._left + (now - self._at) / REFILL_S), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class TypedQuestions:
    """Calls `ask(identity, text)` for each; one that is too long or too fast gets a sentence back on the same topic."""

    def __init__(self, room: rtc.Room, ask: Callable[[str, str], None]) -> None:
        self._room = room
        self._ask = ask
        self._allowances: dict[str, Allowance] = {}
        self._reading: set[asyncio.Task[None]] = set()
        room.register_text_stream_handler(TOPIC_CHAT, self._on_stream)
        room.on("participant_disconnected", self._on_left)

    async def aclose(self) -> None:
        self._room.unregister_text_stream_handler(TOPIC_CHAT)
        self._room.off("participant_disconnected", self._on_left)
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        self._allowances.pop(participant.identity, None)

    def _on_stream(self, reader: rtc.TextStreamReader, identity: str) -> None:
        if identity.startswith(VISITOR_PREFIX):
            task = asyncio.create_task(self._read(reader, identity), name=f"read-{identity}")
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader, identity: str) -> None:
        text = ""
        try:
            async with asyncio.timeout(READ_WITHIN_S):
                async for chunk in reader:
                    text = (text + chunk)[: MAX_TYPED_CHARS + 1]
        except TimeoutError:
            logger.info("a typed question did not end")
            return
        text = " ".join(text.replace("\x00", "").split())
        if not text:
            return
        known = phrases(language_of(text))
        if len(text) > MAX_TYPED_CHARS:
            await self._refuse(identity, known.too_long.format(most=MAX_TYPED_CHARS))
        elif not self._allowances.setdefault(identity, Allowance()).take():
            await self._refuse(identity, known.too_fast)
        else:
            self._ask(identity, text)

    async def _refuse(self, identity: str, sentence: str) -> None:
        try:
            await self._room.local_participant.send_text(sentence, topic=TOPIC_CHAT, destination_identities=[identity])
        except (rtc.StreamError, ConnectionError, RuntimeError) as error:
            logger.warning("a visitor could not be told why the question was refused: %s", error)
