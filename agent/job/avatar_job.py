"""One avatar session's job: from the dispatch to READY, then greeting visitors until the room is gone."""

import asyncio
import contextlib
import logging
import time
from typing import Any, get_args

from livekit import rtc
from livekit.agents import Agent, JobContext, llm, room_io, stt, tts

from agent.avatars.frames import FrameReporter
from agent.avatars.keeper import FaceKeeper
from agent.conversation.captions import SpokenCaptions
from agent.conversation.conversation import Conversation
from agent.conversation.session import make_session
from agent.job.greeting import Greeting
from agent.job.media_stats import MediaReporter
from agent.job.mode_switches import ModeSwitches
from agent.job.steps import WorkflowAnalyzer
from agent.job.visitors import Visitors
from agent.models import ModelError, load
from agent.models.client import aclose as let_go_of_models
from agent.telemetry import Telemetry
from agent.voice import hibari_voice
from agent.voice.answers.answerer import Answerer
from agent.voice.hearing.listening import Heard, LocalSTT
from agent.voice.hearing.microphones import Microphones
from agent.voice.speech import LocalTTS, PreparedSpeech
from protocol.control import STAGE_ATTRIBUTE, Stage
from protocol.events import FirstVideoPublished, JobConnected, JobEnded, JobNotice, JobReady
from protocol.jobspec import JobSpec, Language
from protocol.steps import StepKey

logger = logging.getLogger(__name__)

# how a room ends when somebody wanted it to end
_ORDERLY = {
    rtc.DisconnectReason.CLIENT_INITIATED,
    rtc.DisconnectReason.ROOM_DELETED,
    rtc.DisconnectReason.PARTICIPANT_REMOVED,
    rtc.DisconnectReason.ROOM_CLOSED,
}


class AvatarJob:
    """Serves one avatar session in one room; the parts of the start run side by side."""

    def __init__(
        self,
        ctx: JobContext,
        spec: JobSpec,
        telemetry: Telemetry,
        voice: tts.TTS[Any],
        answerer: llm.LLM[Any],
        hearing: stt.STT[Any] | None = None,
    ) -> None:
        self._ctx = ctx
        self._spec = spec
        self._telemetry = telemetry
        self._emit = telemetry.emit
        self._loop = asyncio.get_running_loop()
        self._steps = WorkflowAnalyzer(telemetry.emit)
        self._frames = FrameReporter(telemetry.emit, spec.mode.frame_budget_ms, self._on_missed)
        self._answerer = answerer
        self._microphones = Microphones(ctx.room)
        self._hears_itself = hearing is None
        hearing = hearing or LocalSTT(_languages(spec), self._microphones.speaker, self._on_heard)
        self._session = make_session(hearing, answerer, voice)
        self._session.input.audio = self._microphones
        self._conversation: Conversation | None = None
        self._greeting = Greeting(self._session, self._steps, telemetry.emit)
        self._visitors = Visitors(telemetry.emit, self._greet, self._greeting.stop, self._on_stopped, spec.greeted)
        self._voice = voice
        self._avatar: FaceKeeper | None = None
        self._captions: SpokenCaptions | None = None
        self._connected = asyncio.Event()
        self._pictured = asyncio.Event()
        self._room_gone = asyncio.Event()
        self._media = MediaReporter(ctx.room, telemetry.emit, self._queued)
        self._media_reports: asyncio.Task[None] | None = None
        self._frame_reports: asyncio.Task[None] | None = None
        self._stage_again: asyncio.Task[None] | None = None
        self._avatar_watch: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._switches: ModeSwitches | None = None
        self._stage = Stage.CONNECTING
        self._error: str | None = None

    async def run(self) -> None:
        """Starts the session. A failure is told in `JobEnded` and ends the job; it does not raise."""
        self._ctx.add_shutdown_callback(self._close)
        self._ctx.room.on("disconnected", self._on_disconnected)
        self._ctx.room.on("reconnected", self._on_reconnected)
        start = asyncio.create_task(self._start(), name="job-start")
        gone = asyncio.create_task(self._room_gone.wait(), name="room-gone")
        try:
            await asyncio.wait({start, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not start.done():
                start.cancel()
            await start
        except asyncio.CancelledError:
            logger.info("the room is gone before the session was ready")
        except Exception as error:
            cause = _first_cause(error)
            self._error = self._error or f"{type(cause).__name__}: {cause}"
            logger.exception("the session could not start")
            self._ctx.shutdown("the session could not start")
        finally:
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _start(self) -> None:
        self._avatar = FaceKeeper(
            self._ctx.room,
            self._session,
            self._spec,
            on_frame=self._frames.on_frame,
            warn=self._notice,
            emit=self._emit,
        )
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._connect())
            parts.create_task(self._prepare_greeting())
            parts.create_task(self._start_avatar(self._avatar))
            parts.create_task(self._configure())
        self._avatar_watch = asyncio.create_task(self._watch_avatar(self._avatar), name="avatar-watch")
        self._switches = ModeSwitches(self._avatar, self._frames, self._emit)
        self._switches.attach(self._ctx.room)
        self._emit(JobReady)
        self._media_reports = asyncio.create_task(self._media.run(), name="media-reports")
        self._warming = asyncio.create_task(self._warm_models(), name="warm-models")
        self._greeting.allow()
        await self._show_stage(Stage.READY)
        self._steps.print_report()

    async def _connect(self) -> None:
        mode = self._spec.mode
        with self._steps.step(StepKey.CONNECTION) as step:
            for attempt in range(1, mode.retries + 2):
                try:
                    await asyncio.wait_for(self._ctx.connect(), mode.timeout_s)
                    break
                except (rtc.ConnectError, TimeoutError) as error:
                    if attempt > mode.retries:
                        raise ConnectionError(f"LiveKit could not be reached in {attempt} tries: {error}") from error
                    logger.warning("LiveKit could not be reached (try %d): %s", attempt, error)
                    await asyncio.sleep(mode.retry_interval_s)
            step.note(tries=attempt)
        self._emit(JobConnected)
        self._visitors.attach(self._ctx.room)
        self._connected.set()
        await self._show_stage(Stage.WAKING)

    async def _prepare_greeting(self) -> None:
        greeting = self._spec.profile.greeting
        local = self._voice.voice if isinstance(self._voice, LocalTTS) else None
        kept = local is not None and await asyncio.to_thread(local.kept, greeting)
        if not kept:
            await self._pictured.wait()  # speaking it takes a core, which the picture needs first
        if local is not None and not kept:
            with self._steps.step(StepKey.VOICE_MODEL) as step:
                step.note(model="hibari", shared=hibari_voice.is_loaded())
                await asyncio.to_thread(hibari_voice.load)
        with self._steps.step(StepKey.GREETING_SOUND) as step:
            step.note(kept=kept)
            speech = await PreparedSpeech.of(greeting, self._voice)
            step.note(sound_ms=round(speech.duration_ms), voiced=speech.voiced)
            if not speech.voiced:
                step.note(reason="no voice can read it: captions without sound")
        self._greeting.speech = speech

    async def _start_avatar(self, avatar: FaceKeeper) -> None:
        mode = self._spec.mode
        with self._steps.step(StepKey.AVATAR) as step:
            step.note(provider=self._spec.profile.provider, width=mode.video_width, height=mode.video_height)
            self._frame_reports = asyncio.create_task(self._frames.run(), name="frame-reports")
            await avatar.start(self._wait_connected)
        self._emit(
            FirstVideoPublished,
            width=mode.video_width,
            height=mode.video_height,
            fps=mode.video_fps,
            codec=mode.codec.value,
        )
        self._pictured.set()
        await self._show_stage(Stage.ALMOST)

    async def _watch_avatar(self, avatar: FaceKeeper) -> None:
        """A job whose picture stopped is no use: it ends with the reason, and the session starts again in the same room."""
        self._error = await avatar.broken()
        logger.error("%s", self._error)
        self._ctx.shutdown("the picture stopped")

    async def _configure(self) -> None:
        """Starts LiveKit's agent session, whose sound and words go by what we attached to it, not by its own of the room."""
        await self._connected.wait()
        with self._steps.step(StepKey.CONFIGURATION) as step:
            self._captions = SpokenCaptions(self._session, self._ctx.room, self._burn_in)
            await self._session.start(
                Agent(instructions=self._spec.profile.persona),
                room=self._ctx.room,
                room_options=room_io.RoomOptions(
                    audio_input=False,
                    text_input=False,
                    audio_output=False,
                    text_output=False,
                    close_on_disconnect=False,
                ),
                record=False,
                session_host=False,  # it would tell the whole room what the session does
            )
            if self._avatar is not None:
                self._conversation = Conversation(
                    self._session,
                    self._ctx.room,
                    self._microphones,
                    language=self._spec.language,
                    hears_itself=self._hears_itself,
                    show=self._avatar.show,
                    emit=self._emit,
                )
            step.note(mode=self._spec.mode_slug, language=self._spec.language)

    def _greet(self, identity: str) -> None:
        if self._conversation is not None:
            self._conversation.welcome()
        self._greeting.greet(identity)

    def _on_heard(self, heard: Heard | None) -> None:
        if self._conversation is not None:
            self._conversation.on_heard(heard)

    async def _warm_models(self) -> None:
        """Has what a conversation needs of the host loaded before the first question, without anybody waiting for it."""
        if self._hears_itself:
            await self._warm(StepKey.SPEECH_MODEL, "speech_to_text")
        if isinstance(self._answerer, Answerer):
            with self._steps.step(StepKey.KNOWLEDGE) as step:
                step.note(**await self._answerer.prepare())
        if self._hears_itself:
            await self._warm(StepKey.TURN_MODEL, "turn_end")

    async def _warm(self, key: StepKey, method: str) -> None:
        try:
            with self._steps.step(key) as step:
                loaded = await load(method)
                step.note(shared=loaded["loaded"], shared_process_rss_bytes=loaded["rss_bytes"])
        except (ModelError, TimeoutError):
            logger.exception("%s is not there yet; it is tried again with the first question", method)

    def _queued(self) -> tuple[int, float] | None:
        return None if self._avatar is None else self._avatar.queued()

    def _on_missed(self, missed_s: int) -> None:
        if self._switches is not None:
            self._switches.on_missed(missed_s)

    def _on_stopped(self) -> None:
        if self._avatar is not None:
            self._avatar.doubt()

    async def _wait_connected(self) -> None:
        await self._connected.wait()

    def _burn_in(self, text: str) -> None:
        if self._avatar is not None:
            self._avatar.caption(text)

    def _notice(self, sentence: str) -> None:
        """From any thread: tells the operator what the session goes on without."""
        logger.warning("%s", sentence)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(lambda: self._emit(JobNotice, sentence=sentence[:500]))

    async def _show_stage(self, stage: Stage) -> None:
        """Tells visitors' pages how far the job is. Their view of it is not worth failing for."""
        order = list(Stage)
        if order.index(stage) < order.index(self._stage):
            return
        self._stage = stage
        try:
            await self._ctx.room.local_participant.set_attributes({STAGE_ATTRIBUTE: stage.value})
        except Exception:
            logger.warning("the stage %s could not be shown", stage.value, exc_info=True)

    def _on_disconnected(self, reason: rtc.DisconnectReason.ValueType | None = None) -> None:
        if reason is not None and reason not in _ORDERLY:
            self._error = f"The connection to LiveKit was lost ({rtc.DisconnectReason.Name(reason)})"
        self._room_gone.set()

    def _on_reconnected(self) -> None:
        """A LiveKit server that was restarted knows nothing of us: say again how far we are."""
        logger.info("reconnected to LiveKit")
        self._stage_again = asyncio.create_task(self._show_stage(self._stage), name="stage-again")

    async def leave(self) -> None:
        """The job is about to leave its room. The avatar goes first: left behind, it would stay there and be billed."""
        if self._switches is not None:
            await self._switches.aclose()
        await self._close_avatar()

    async def _close_avatar(self) -> None:
        avatar, self._avatar = self._avatar, None
        if avatar is not None:
            try:
                await avatar.aclose()
            except Exception:
                logger.exception("the avatar did not close in good order")

    async def _close(self) -> None:
        began = time.monotonic()
        self._visitors.aclose()
        await self._greeting.aclose()
        if self._captions is not None:
            await self._captions.aclose()
        if self._conversation is not None:
            await self._conversation.aclose()
        await self._microphones.aclose()
        if self._switches is not None:
            await self._switches.aclose()
        helpers = (self._frame_reports, self._media_reports, self._stage_again, self._avatar_watch, self._warming)
        running = [task for task in helpers if task is not None]
        for task in running:
            task.cancel()
        for outcome in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.error("a part of the job had ended by itself", exc_info=outcome)
        await self._close_avatar()
        await self._answerer.aclose()
        await let_go_of_models()
        self._emit(JobEnded, error=self._error)
        await self._telemetry.aclose()
        logger.info("closed in %.0f ms", (time.monotonic() - began) * 1000)


def _languages(spec: JobSpec) -> list[str]:
    """What visitors may speak, the session's language first."""
    return [spec.language, *(language for language in get_args(Language) if language != spec.language)]


def _first_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
