"""Celery tasks of a host's own queue that carry out trials. Ids only; each may run twice without harm."""

import logging
import time
from typing import Final

from celery import shared_task
from django.utils.translation import gettext as _
from pydantic import ValidationError

from monitoring.actions import trials
from monitoring.models import TrialRun
from protocol.trials import TrialDone, TrialOrder
from sessions.actions.lifecycle import start_session, stop_session
from sessions.actions.links import create_link, join
from sessions.agent_programs import ProgramFailed, Said, run_program
from sessions.errors import SessionError
from sessions.models import AvatarSession, State

logger = logging.getLogger(__name__)

READY_WITHIN_S: Final = 60.0
TALKS_AT_MOST_S: Final = 180.0
ENDS_WITHIN_S: Final = 20.0
LOOK_S: Final = 0.2


@shared_task
def run_trial_session(run_id: int) -> None:
    """One session of a trial: start it, have the visitor talk, stop it; then the next one's turn."""
    run = TrialRun.objects.select_related("trial__profile", "mode").filter(pk=run_id).first()
    if run is None or not trials.take_run(run):
        return
    try:
        _carry_out(run)
    except SessionError as error:
        trials.run_failed(run, str(error))
    except (ProgramFailed, OSError, ValidationError) as error:
        logger.warning("trial %s, run %d: %s", run.trial.code, run.number, error)
        trials.run_failed(run, _("Its visitor could not talk to the avatar: see the log of the host's Celery worker."))
    finally:
        trials.go_on(run.trial)


@shared_task
def resume_stranded_trials() -> None:
    """Pick up what was dropped or left half-way."""
    trials.resume_stranded_trials()


def _carry_out(run: TrialRun) -> None:
    by = _("%(by)s, trial") % {"by": run.trial.requested_by}
    session = start_session(
        profile=run.trial.profile, mode=run.mode, host=run.trial.host, by=by, request_key=f"trial-{run.pk}"
    )
    TrialRun.objects.filter(pk=run.pk).update(session=session)
    try:
        if _wait(session, State.READY, READY_WITHIN_S):
            done = _converse(run, session)
            trials.run_done(run, asked=done.asked, answered=done.answered)
        else:
            session.refresh_from_db()
            trials.run_failed(run, session.state_detail or _("The session did not get ready."))
    finally:
        stop_session(session, by=by)
        _wait(session, State.ENDED, ENDS_WITHIN_S)  # the next one is to have the host to itself


def _converse(run: TrialRun, session: AvatarSession) -> TrialDone:
    link = create_link(session, by=run.trial.requested_by, label=_("Trial"), max_uses=1)
    ticket = join(link.token, name=_("Trial"))
    order = TrialOrder(token=ticket.token, questions=run.trial.questions)

    def told(said: Said) -> None:
        if isinstance(said.get("asked"), int):
            TrialRun.objects.filter(pk=run.pk).update(asked=said["asked"])

    last = run_program("trial-visitor", told=told, limit_s=TALKS_AT_MOST_S, order=order.model_dump_json())
    return TrialDone.model_validate(last.get("done"))


def _wait(session: AvatarSession, state: State, limit_s: float) -> bool:
    """True once the session is there; False after the limit, or where it is over before."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        now = AvatarSession.objects.filter(pk=session.pk).values_list("state", flat=True).first()
        if now in (None, state, State.ENDED):
            return now == state
        time.sleep(LOOK_S)
    return False
