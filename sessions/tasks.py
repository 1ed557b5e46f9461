"""Celery tasks: ids only, each reads the row. All may run twice without harm."""

import json
import logging
import subprocess
import sys
import uuid
from datetime import timedelta
from typing import Any, Final

from celery import shared_task
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from protocol.control import SWITCH_METHOD, SwitchReply
from protocol.jobspec import agent_name_for
from sessions import livekit
from sessions.actions.lifecycle import announce, end_session, enqueue, finish_session, move
from sessions.actions.scene import begin_check
from sessions.actions.switches import give_up_unanswered, record_switch
from sessions.actions.workers import record_worker_failed, record_worker_started, record_worker_starting
from sessions.errors import LiveKitError, SessionError
from sessions.models import (
    AgentWorker,
    AvatarSession,
    EndReason,
    ModeSwitch,
    SceneUpload,
    State,
    SwitchOutcome,
    VisitorLink,
)

logger = logging.getLogger(__name__)

WORKER_START_TIMEOUT_S: Final = 60
ORDER_TIMEOUT_S: Final = 5.0  # LiveKit answers in milliseconds or not at all, and threads are few
LOOK_AGAIN_S: Final = 0.1
STRANDED_AFTER: Final = timedelta(seconds=5)
CLOSE_ROOM_FOR: Final = timedelta(seconds=30)
CLAIM: Final = "claim-"
KEEP_ROOM_MARGIN_S: Final = 600  # rooms are closed by us; this is for the case that nobody of us is left


@shared_task
def place_session(session_id: int) -> None:
    """Bring a requested (or lost) session to its host: through the host's queue where its worker must be started first."""
    session = AvatarSession.objects.get(pk=session_id)
    if session.state == State.REQUESTED and not move(session, [State.REQUESTED], State.STARTING, _("Starting")):
        return
    claim = f"{CLAIM}{uuid.uuid4().hex}"
    if not _hold(session_id, "", claim):
        return
    worker = AgentWorker.objects.filter(host=session.host).first()
    if worker is not None and worker.is_up:
        dispatch_session(session_id, claim)
    else:
        _explain(session, _("Starting the agent worker of %(host)s.") % {"host": session.host})
        start_worker_then_dispatch.apply_async(args=(session_id, claim), queue=f"host.{session.host}")


@shared_task
def start_worker_then_dispatch(session_id: int, claim: str, tries: int = 0, waited: bool = False) -> None:
    """On the host's own queue: make sure that its agent worker runs, then dispatch.

    Only one task at a time waits in a thread for a worker; the others look again, and share its failure. While LiveKit is away
    no worker could register with it, so that it is not even started: the mode's policy says when to try again.
    """
    if not _hold(session_id, claim, claim):
        return
    session = AvatarSession.objects.select_related("mode_version").get(pk=session_id)
    queue = f"host.{session.host}"
    worker = AgentWorker.objects.filter(host=session.host).first()
    if worker is not None and worker.is_up:
        dispatch_session(session_id, claim, tries)
        return
    if waited and worker is not None and worker.state == AgentWorker.State.LOST:
        end_session(session, EndReason.FAILED, worker.detail)
        return
    try:
        livekit.is_reachable()
    except LiveKitError as error:
        _try_again(start_worker_then_dispatch, session, claim, tries, error, queue=queue)
        return
    if not record_worker_starting(session.host):
        again = (session_id, claim, tries, True)
        start_worker_then_dispatch.apply_async(args=again, queue=queue, countdown=LOOK_AGAIN_S)
    elif _start_worker(session.host):
        dispatch_session(session_id, claim, tries)
    elif AvatarSession.objects.filter(pk=session_id, dispatch_id=claim).exists():
        end_session(session, EndReason.FAILED, AgentWorker.objects.get(host=session.host).detail)


@shared_task
def dispatch_session(session_id: int, claim: str, tries: int = 0) -> None:
    """Order the job from LiveKit; a server that does not answer is tried again by the mode's policy.

    `claim` stands in the row's `dispatch_id` until there is one: only who wrote it goes on.
    """
    if not _hold(session_id, claim, claim):
        return
    session = AvatarSession.objects.select_related("mode_version__mode", "profile_version__profile").get(pk=session_id)
    try:
        dispatch_id = _order(session, tries, min(session.mode_version.settings.timeout_s, ORDER_TIMEOUT_S))
    except SessionError as error:  # of what the session needs, something is lost
        end_session(session, EndReason.FAILED, str(error))
        return
    except LiveKitError as error:
        _try_again(dispatch_session, session, claim, tries, error)
        return
    now = timezone.now()
    AvatarSession.objects.filter(pk=session.pk, dispatch_id=claim).update(
        dispatch_id=dispatch_id,
        dispatched_at=session.dispatched_at or now,
        attempt_at=now,
        state_detail="" if session.state == State.STARTING else session.state_detail,
    )
    announce(session)


@shared_task
def order_switch(switch_id: int) -> None:
    """Have a session's job switch its mode. It tells by itself how that went; here only that it could not be told."""
    switch = ModeSwitch.objects.select_related("session__profile_version__profile", "to_version__mode").get(
        pk=switch_id
    )
    if switch.outcome != SwitchOutcome.PENDING:
        return
    try:
        answer = livekit.call_agent(switch.session.room, SWITCH_METHOD, switch.as_order().model_dump_json())
        reply = SwitchReply.model_validate_json(answer)
    except (LiveKitError, ValidationError) as error:
        record_switch(switch.code, SwitchOutcome.FAILED, timezone.now(), detail=str(error))
        return
    if reply.outcome != "under_way":
        refusals = {
            "busy": _("The avatar is just switching its mode; try again."),
            "not_ready": _("The avatar shows no picture that could be switched."),
        }
        record_switch(switch.code, SwitchOutcome.FAILED, timezone.now(), detail=refusals[reply.outcome])


@shared_task
def close_room(session_id: int) -> None:
    """Close the room of a stopping session and end it. LiveKit away: the session ends; the watcher closes the room later."""
    session = AvatarSession.objects.get(pk=session_id)
    if session.state != State.STOPPING:
        return
    try:
        livekit.delete_room(session.room)
    except LiveKitError as error:
        logger.warning("room %s is still open: %s", session.room, error)
        if timezone.now() - session.state_changed_at < CLOSE_ROOM_FOR:
            close_room.apply_async(args=(session_id,), countdown=1)
            return
    finish_session(session)


@shared_task
def remove_visitors(link_id: int) -> None:
    """Send the visitors of a revoked link out of the room."""
    link = VisitorLink.objects.select_related("session").get(pk=link_id)
    for visit in link.visits.exclude(removed_at=None):
        try:
            livekit.remove_participant(link.session.room, visit.identity)
        except LiveKitError as error:
            if error.retryable:
                remove_visitors.apply_async(args=(link_id,), countdown=1)
                return
            raise


@shared_task
def ensure_agent_worker(host: str, is_first_order: bool = False) -> None:
    """On the host's own queue: start its agent worker unless it runs or is being started.

    Of the first order since the queue is served, we know that whoever was starting one is gone.
    """
    worker = AgentWorker.objects.filter(host=host).first()
    if (worker is None or not worker.is_up) and (record_worker_starting(host) or is_first_order):
        _start_worker(host)


@shared_task
def understand_knowledge() -> None:
    """On a host's own queue, when it starts and whenever something of it has changed: what the profiles know now."""
    from sessions.knowledge.understanding import understand_all

    understand_all()


@shared_task
def check_scene_upload(upload_id: int) -> None:
    """On the queue of the host that has the draft: look at a film, slide or logo that has arrived."""
    from sessions.scene.checks import check_upload

    upload = SceneUpload.objects.filter(pk=upload_id).first()  # it may have been removed meanwhile
    if upload is not None and begin_check(upload):
        check_upload(upload)


@shared_task
def draw_scene(key: str) -> None:
    """On the queue of the web process's host: draw the still of a scene whose order lies there under `key`."""
    from sessions.scene.stills import draw

    draw(key)


@shared_task
def resume_stranded_sessions() -> None:
    """Pick up what a queue that was away has dropped: sessions that nobody places, rooms that nobody closes, switches that
    nobody tells of."""
    now = timezone.now()
    unplaced = AvatarSession.objects.filter(
        state__in=(State.REQUESTED, State.STARTING, State.DEGRADED),
        dispatch_id="",
        attempt_at__lt=now - STRANDED_AFTER,
        state_changed_at__lt=now - STRANDED_AFTER,
    )
    for session in unplaced:
        enqueue(place_session, session.pk)
    for session in AvatarSession.objects.filter(state=State.STOPPING, state_changed_at__lt=now - CLOSE_ROOM_FOR):
        enqueue(close_room, session.pk)
    give_up_unanswered(now)


def _hold(session_id: int, was: str, claim: str) -> bool:
    """Make the order of a session ours, or keep it so; False where it is somebody else's or no longer wanted."""
    return bool(
        AvatarSession.objects.filter(pk=session_id, dispatch_id=was, state__in=(State.STARTING, State.DEGRADED)).update(
            dispatch_id=claim, attempt_at=timezone.now()
        )
    )


def _order(session: AvatarSession, tries: int, timeout_s: float) -> str:
    """Id of a dispatch for the session's present attempt, and of no other: what stands from before is adopted or taken back."""
    metadata = session.as_job_spec().model_dump_json()
    if tries or session.dispatched_at is not None:
        for dispatch_id, earlier in livekit.dispatches_in(session.room).items():
            if tries and earlier == metadata:
                return dispatch_id  # our last call was heard, its answer was not
            livekit.delete_dispatch(session.room, dispatch_id)
    return livekit.create_dispatch(
        agent_name=agent_name_for(session.host),
        room=session.room,
        metadata=metadata,
        keep_room_s=session.max_duration_s + KEEP_ROOM_MARGIN_S,
        timeout_s=timeout_s,
    )


def _try_again(task: Any, session: AvatarSession, claim: str, tries: int, error: LiveKitError, **options: Any) -> None:
    """Have the task repeated by the mode's policy, or end the session where that has run out."""
    mode = session.mode_version.settings
    if not error.retryable or tries >= mode.retries:
        end_session(session, EndReason.FAILED, f"{error} " + _("Gave up after %(n)d tries.") % {"n": tries + 1})
        return
    plan = {"n": tries + 1, "all": mode.retries, "s": mode.retry_interval_s}
    _explain(session, f"{error} " + _("Retry %(n)d of %(all)d in %(s)g s.") % plan)
    task.apply_async(args=(session.pk, claim, tries + 1), countdown=mode.retry_interval_s, **options)


def _explain(session: AvatarSession, detail: str) -> None:
    """Show the operator what is being waited for."""
    AvatarSession.objects.filter(pk=session.pk).update(state_detail=detail[:500])
    announce(session)


def _start_worker(host: str) -> bool:
    """Run `python -m agent start` for this host; False, with the reason in the worker's row, where it fails."""
    try:
        result: subprocess.CompletedProcess[Any] = subprocess.run(
            [sys.executable, "-m", "agent", "start"],
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=WORKER_START_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        record_worker_failed(
            host, _("The agent worker did not come up within %(s)d s.") % {"s": WORKER_START_TIMEOUT_S}
        )
        return False
    if result.returncode:
        record_worker_failed(host, result.stderr.strip() or _("The agent worker could not be started; see its log."))
        return False
    # Its own event says the same, unless the event came before the row was touched, or was lost with the stream.
    record_worker_started(host, json.loads(result.stdout.splitlines()[-1])["pid"], timezone.now())
    return True
