"""Captions: what the avatar says, as LiveKit's text streams, in step with the sound.

LiveKit's own output waits until it has seen a visitor, and the server tells of silent participants up to three seconds late:
the first words of a greeting would have no captions. The wire format is LiveKit's.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from livekit import rtc
from livekit.agents import AgentSession, utils
from livekit.agents.types import (
    ATTRIBUTE_TRANSCRIPTION_FINAL,
    ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID,
    TOPIC_TRANSCRIPTION,
)
from livekit.agents.voice.io import TextOutput

from agent.conversation.caption_pace import CaptionPace

logger = logging.getLogger(__name__)

_READ_ON_S: Final = 1.5  # how long the last words stand in the picture


class RoomCaptions(TextOutput):
    """One text stream a segment, to everybody in the room. A caption that cannot be sent is not worth failing for."""

    def __init__(self, room: rtc.Room, burn_in: Callable[[str], None]) -> None:
        """`burn_in` takes what was said so far of a segment, and nothing a moment after its end."""
        super().__init__(label="captions", next_in_chain=None)
        self._room = room
        self._burn_in = burn_in
        self._said = ""
        self._vanishing: asyncio.TimerHandle | None = None
        self._segment = ""
        self._writer: rtc.TextStreamWriter | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def capture_text(self, text: str) -> None:
        self._stop_vanishing()
        self._said += text
        self._burn_in(self._said)
        if not self._room.isconnected():
            return
        try:
            if self._writer is None:
                self._segment = utils.shortuuid("SG_")
                self._writer = await self._room.local_participant.stream_text(
                    topic=TOPIC_TRANSCRIPTION, attributes=self._attributes(final=False)
                )
            await self._writer.write(text)
        except (rtc.StreamError, ConnectionError, RuntimeError) as error:
            logger.warning("a caption could not be sent: %s", error)

    def flush(self) -> None:
        self._stop_vanishing()
        self._said = ""
        self._vanishing = asyncio.get_running_loop().call_later(_READ_ON_S, self._burn_in, "")
        writer, self._writer = self._writer, None
        if writer is not None and self._room.isconnected():  # a room that is closed has closed it
            task = asyncio.create_task(self._end(writer, self._attributes(final=True)), name="captions-end")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        self.flush()
        self._stop_vanishing()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _stop_vanishing(self) -> None:
        if self._vanishing is not None:
            self._vanishing.cancel()
            self._vanishing = None

    def _attributes(self, *, final: bool) -> dict[str, str]:
        return {
            ATTRIBUTE_TRANSCRIPTION_FINAL: "true" if final else "false",
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: self._segment,
        }

    async def _end(self, writer: rtc.TextStreamWriter, attributes: dict[str, str]) -> None:
        try:
            await writer.aclose(attributes=attributes)
        except (rtc.StreamError, ConnectionError, RuntimeError) as error:
            logger.warning("captions could not be ended: %s", error)


class SpokenCaptions:
    """Puts captions on a session whose audio output is in place; they pass at the pace of the sound."""

    def __init__(self, session: AgentSession[None], room: rtc.Room, burn_in: Callable[[str], None]) -> None:
        audio = session.output.audio
        if audio is None:
            raise RuntimeError("the avatar has not taken the session's audio output")
        self._captions = RoomCaptions(room, burn_in)
        self._synchronizer = CaptionPace(next_in_chain_audio=audio, next_in_chain_text=self._captions)
        session.output.audio = self._synchronizer.audio_output
        session.output.transcription = self._synchronizer.text_output

    async def aclose(self) -> None:
        await self._synchronizer.aclose()
        await self._captions.aclose()


class VisitorCaptions:
    """What visitors are heard to say, under their own names: the whole text so far each time, as LiveKit does it."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._segments: dict[str, str] = {}
        self._waiting: asyncio.Queue[tuple[str, str, dict[str, str]]] = asyncio.Queue()
        self._sending = asyncio.create_task(self._send(), name="visitor-captions")

    def show(self, identity: str, text: str, *, final: bool) -> None:
        if not text:
            return
        segment = self._segments.setdefault(identity, utils.shortuuid("SG_"))
        if final:
            del self._segments[identity]
        attributes = {
            ATTRIBUTE_TRANSCRIPTION_FINAL: "true" if final else "false",
            ATTRIBUTE_TRANSCRIPTION_SEGMENT_ID: segment,
        }
        self._waiting.put_nowait((identity, text, attributes))

    async def aclose(self) -> None:
        self._sending.cancel()
        await asyncio.gather(self._sending, return_exceptions=True)

    async def _send(self) -> None:
        while True:
            identity, text, attributes = await self._waiting.get()
            if not self._room.isconnected():
                continue
            try:
                writer = await self._room.local_participant.stream_text(
                    topic=TOPIC_TRANSCRIPTION, sender_identity=identity, attributes=attributes
                )
                await writer.write(text)
                await writer.aclose()
            except (rtc.StreamError, ConnectionError, RuntimeError) as error:
                logger.warning("a visitor's caption could not be sent: %s", error)
