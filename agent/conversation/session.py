"""LiveKit's agent session as a conversation needs it."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final

from livekit.agents import AgentSession, inference, llm, stt, tts

from agent.voice.hearing.listening import LocalSTT

# A word in between is taken for an interruption at once; without words following, the avatar goes on. One window of voice
# activity is enough here: the microphones let nothing else through.
INTERRUPTED_AFTER_S: Final = 0.03
GOES_ON_AFTER_S: Final = 0.6
TURN_OVER_AFTER_S: Final = 0.4


class _Here(Executor):
    """Does at once what it is given: a window of voice activity takes 0.05 ms, and on a busy host a thread's turn much longer."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments, **options))
        except Exception as error:
            done.set_exception(error)
        return done


def make_session(hearing: stt.STT[Any], answerer: llm.LLM[Any], voice: tts.TTS[Any]) -> AgentSession[None]:
    """Our own hearing decides when a turn is over; of a vendor's, a silence does."""
    local = isinstance(hearing, LocalSTT)
    return AgentSession(
        stt=hearing,
        vad=inference.VAD(
            min_speech_duration=INTERRUPTED_AFTER_S,
            min_silence_duration=0.2,
            max_buffered_speech=20.0,
            executor=_Here(),
        ),
        llm=answerer,
        tts=voice,
        turn_handling={
            "turn_detection": "stt" if local else "vad",
            "endpointing": {"min_delay": 0.0 if local else TURN_OVER_AFTER_S, "max_delay": 0.0 if local else 1.5},
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
