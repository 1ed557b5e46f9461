"""A dispatch becomes a job, or ends with a sentence that says why it can't be served."""

import json
import logging
import os
from typing import Any, Final

from livekit.agents import JobContext, stt, tts
from pydantic import ValidationError

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.job.avatar_job import AvatarJob
from agent.telemetry import Telemetry
from agent.voice.answers import make_answerer
from agent.voice.plugins import Part, replacement
from agent.voice.speech import LocalTTS
from agent.voice.voices import LocalVoice, UnknownVoice
from protocol.events import JobEnded, JobProcessStarted
from protocol.jobspec import JobSpec

logger = logging.getLogger(__name__)

_JOB: Final = "avatary.job"  # in the process's own data: a process serves one job


async def run_job(ctx: JobContext) -> None:
    """Entrypoint of a job process. Returns once the session is READY, or has failed and is shutting down."""
    try:
        spec = JobSpec.model_validate_json(ctx.job.metadata)
        voice: tts.TTS[Any] = replacement(Part.TTS) or LocalTTS(LocalVoice(spec.profile.voice))
        hearing: stt.STT[Any] | None = replacement(Part.STT)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'metadata'}: {e['msg']}" for e in error.errors()[:5])
        await _refuse(ctx, f"The dispatch is not a valid job spec: {problems}")
        return
    except UnknownVoice as error:
        await _refuse(ctx, f"The profile's voice can't speak: {error}. Choose another one in the profile.")
        return
    except InvalidEnvironment as error:
        await _refuse(ctx, f"The avatar host is not set up right: {error}.")
        return
    telemetry = Telemetry(
        f"job:{spec.session_code}:{spec.attempt}:{ctx.job.id}",
        HostEnvironment.read().redis_url,
        common={"session": spec.session_code, "attempt": spec.attempt},
    )
    try:
        answerer = replacement(Part.LLM) or make_answerer(spec, telemetry.emit)
    except InvalidEnvironment as error:
        await _refuse(ctx, f"The avatar host is not set up right: {error}.")
        return
    telemetry.start()
    telemetry.emit(JobProcessStarted, host=spec.host, pid=os.getpid(), job_id=ctx.job.id)
    job = AvatarJob(ctx, spec, telemetry, voice, answerer, hearing)
    ctx.proc.userdata[_JOB] = job
    await job.run()


async def leave_room(ctx: JobContext) -> None:
    """The job ends, and is in its room for the last time where that is still there."""
    job = ctx.proc.userdata.get(_JOB)
    if isinstance(job, AvatarJob):
        await job.leave()


async def _refuse(ctx: JobContext, sentence: str) -> None:
    """A dispatch that can't be served ends at once, with a sentence for the session that it names."""
    logger.error("%s (room %s)", sentence, ctx.job.room.name)
    session, attempt = _named_session(ctx)
    telemetry = Telemetry(
        f"job:{session}:{attempt}:{ctx.job.id}",
        HostEnvironment.read().redis_url,
        common={"session": session, "attempt": attempt},
    )
    telemetry.start()
    telemetry.emit(JobEnded, error=sentence)
    await telemetry.aclose()
    ctx.shutdown("the dispatch can't be served")


def _named_session(ctx: JobContext) -> tuple[str, int]:
    """Session and attempt as far as a malformed dispatch tells; the room's name stands in."""
    try:
        metadata = json.loads(ctx.job.metadata)
    except ValueError:
        metadata = None
    fields = metadata if isinstance(metadata, dict) else {}
    session, attempt = fields.get("session_code"), fields.get("attempt")
    if not isinstance(session, str) or not 0 < len(session) <= 64:
        session = ctx.job.room.name.removeprefix("avatary-")[:64] or "unknown"
    return session, attempt if isinstance(attempt, int) and attempt >= 1 else 1
