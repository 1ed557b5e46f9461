"""One event a turn: how long its parts took, never what was said."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice.events import AgentStateChangedEvent, ConversationItemAddedEvent

from agent.voice.hearing.listening import Heard
from protocol.events import TurnCompleted


@dataclass
class _Turn:
    identity: str
    typed: bool
    language: str
    words: int
    asked_at: float  # end of the speech, or when the text had come
    end_of_turn_ms: float
    recognised_ms: float | None = None
    first_sound_ms: float | None = None


class Turns:
    """Follows an agent session from each question to the end of its answer."""

    def __init__(self, session: AgentSession[None], emit: Callable[..., None]) -> None:
        self._emit = emit
        self._turn: _Turn | None = None
        session.on("agent_state_changed", self._on_agent_state)
        session.on("conversation_item_added", self._on_item)

    def heard(self, heard: Heard) -> None:
        """A spoken turn is over."""
        waited_ms = max(0.0, (time.time() - heard.ended_at) * 1000)
        self._begin(
            _Turn(
                heard.speaker or "unknown",
                typed=False,
                language=heard.language,
                words=len(heard.text.split()),
                asked_at=heard.ended_at,
                end_of_turn_ms=waited_ms,
                recognised_ms=heard.recognised_ms,
            )
        )

    def typed(self, identity: str, text: str, language: str) -> None:
        self._begin(
            _Turn(
                identity,
                typed=True,
                language=language,
                words=len(text.split()),
                asked_at=time.time(),
                end_of_turn_ms=0.0,
            )
        )

    def close(self) -> None:
        """What is under way stays without an end."""
        self._end({}, interrupted=True)

    def _begin(self, turn: _Turn) -> None:
        self._end({}, interrupted=True)  # somebody went on before the answer to the last one was over
        self._turn = turn

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state == "speaking" and self._turn is not None and self._turn.first_sound_ms is None:
            self._turn.first_sound_ms = max(0.0, (event.created_at - self._turn.asked_at) * 1000)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item: Any = event.item
        if getattr(item, "role", None) == "assistant":
            self._end(item.metrics, interrupted=item.interrupted)

    def _end(self, metrics: Any, *, interrupted: bool) -> None:
        turn, self._turn = self._turn, None
        if turn is None:
            return
        self._emit(
            TurnCompleted,
            identity=turn.identity,
            typed=turn.typed,
            language=turn.language,
            words=turn.words,
            end_of_turn_ms=turn.end_of_turn_ms,
            recognised_ms=turn.recognised_ms,
            answer_ms=_milliseconds(metrics.get("llm_node_ttft")),
            voice_ms=_milliseconds(metrics.get("tts_node_ttfb")),
            first_sound_ms=turn.first_sound_ms,
            interrupted=interrupted,
        )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else max(0.0, seconds * 1000)
