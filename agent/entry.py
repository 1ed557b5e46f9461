"""What the agent worker hands to LiveKit: light to import, because the worker itself never runs a job.

The job's modules are loaded before (`agent.preload`); job processes inherit them by way of the forkserver.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from livekit.agents import JobContext, JobProcess, JobRequest


async def accept(request: "JobRequest") -> None:
    """Every dispatch is taken: placement is the control plane's. The stage is there from the first moment on."""
    from protocol.control import STAGE_ATTRIBUTE, Stage

    await request.accept(attributes={STAGE_ATTRIBUTE: Stage.CONNECTING.value})


def prewarm(process: "JobProcess") -> None:
    """Runs in an idle job process before it has a job."""
    from agent.voice import hibari_voice

    hibari_voice.load()


async def job(ctx: "JobContext") -> None:
    from agent.job.dispatches import run_job

    await run_job(ctx)


async def leaving(ctx: "JobContext") -> None:
    """LiveKit's agents leave the room after this."""
    from agent.job.dispatches import leave_room

    await leave_room(ctx)
