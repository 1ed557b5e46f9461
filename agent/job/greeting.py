"""The spoken greeting: its sound is prepared once, and it is said to one visitor after the other."""

import asyncio
import logging
from collections.abc import Callable

from livekit.agents import AgentSession

from agent.job.steps import WorkflowAnalyzer
from agent.voice.speech import PreparedSpeech
from protocol.events import GreetingStarted
from protocol.steps import StepKey

logger = logging.getLogger(__name__)


class Greeting:
    """Says the prepared greeting to visitors, one at a time, once the session is READY."""

    def __init__(self, session: AgentSession[None], steps: WorkflowAnalyzer, emit: Callable[..., None]) -> None:
        self._session = session
        self._steps = steps
        self._emit = emit
        self._allowed = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.speech: PreparedSpeech | None = None

    def allow(self) -> None:
        """The session is READY: greetings that were asked for begin."""
        self._allowed.set()

    def greet(self, identity: str) -> None:
        """Greets this visitor as soon as it is allowed."""
        task = asyncio.create_task(self._greet(identity), name=f"greet-{identity}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def stop(self) -> None:
        """Nobody listens any more: who comes next is not to hear the end of it."""
        for task in self._tasks:
            task.cancel()

    async def aclose(self) -> None:
        self.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _greet(self, identity: str) -> None:
        await self._allowed.wait()
        async with self._one_at_a_time:
            speech = self.speech
            if speech is None or not speech.text.strip():
                return
            with self._steps.step(StepKey.FIRST_GREETING) as step:
                step.note(identity=identity, voiced=speech.voiced)
                try:
                    await self._say(speech, identity)
                except asyncio.CancelledError:
                    step.note(cut_short="nobody was there any more")

    async def _say(self, speech: PreparedSpeech, identity: str) -> None:
        output = self._session.output.audio
        started = asyncio.Event()

        def on_started(_: object) -> None:
            if not started.is_set():
                started.set()
                self._emit(GreetingStarted, identity=identity)

        if output is not None:
            output.on("playback_started", on_started)
        try:
            handle = self._session.say(speech.text, audio=speech.frames())
            try:
                await handle
            except asyncio.CancelledError:
                handle.interrupt(force=True)
                raise
            if (error := handle.exception()) is not None:
                raise error
        finally:
            if output is not None:
                output.off("playback_started", on_started)
