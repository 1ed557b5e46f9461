"""LiveKit's agent session as a conversation needs it."""

from dataclasses import dataclass
from typing import Any, Final

from livekit.agents import AgentSession, inference, llm, tts

from agent.conversation.farewell import WithFarewell
from agent.voice.hearing.listening import LocalSTT

# a word in between is taken for an interruption at once; without words following, the avatar goes on
INTERRUPTED_AFTER_S: Final = 0.05
GOES_ON_AFTER_S: Final = 0.6


@dataclass(frozen=True)
class Abilities:
    """What an avatar that converses has besides its voice."""

    hearing: LocalSTT
    answerer: llm.LLM[Any]


def make_session(voice: tts.TTS[Any], abilities: Abilities | None) -> AgentSession[None]:
    """A session that converses; without abilities it only says what it is told to."""
    if abilities is None:
        return AgentSession(
            tts=voice,
            vad=None,
            turn_handling={"turn_detection": None, "interruption": {"resume_false_interruption": False}},
            user_away_timeout=None,
        )
    return AgentSession(
        stt=abilities.hearing,
        vad=inference.VAD(min_speech_duration=0.05, min_silence_duration=0.2, max_buffered_speech=20.0),
        llm=WithFarewell(abilities.answerer),
        tts=voice,
        turn_handling={
            "turn_detection": "stt",  # hearing decides when a turn is over
            "endpointing": {"min_delay": 0.0, "max_delay": 0.0},
            "preemptive_generation": {"preemptive_tts": True, "max_speech_duration": 60.0, "max_retries": 20},
            "interruption": {
                "mode": "vad",
                "min_duration": INTERRUPTED_AFTER_S,
                "false_interruption_timeout": GOES_ON_AFTER_S,
            },
        },
        user_away_timeout=None,
        aec_warmup_duration=None,
    )
