"""Celery tasks of a host's own queue that carry out trials. Ids only; each may run twice without harm.

Threads are few: what is waited for is looked at again by a further task; only the talk itself holds one.
"""

import logging
from datetime import timedelta
from typing import Final

from celery import shared_task
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import ValidationError

from monitoring.actions import trials
from monitoring.models import Trial, TrialRun, TrialState
from protocol.trials import TrialDone, TrialOrder
from sessions.actions.lifecycle import enqueue, start_session, stop_session
from sessions.actions.links import create_link, join
from sessions.agent_programs import ProgramFailed, Said, run_program
from sessions.errors import SessionError
from sessions.models import AvatarSession, State

logger = logging.getLogger(__name__)

READY_WITHIN: Final = timedelta(seconds=150)
TALKS_AT_MOST_S: Final = 200.0


@shared_task
def run_trial_session(run_id: int) -> None:
    """One session of a trial: start it; once it is ready have the visitor talk; stop it. Then it is the next one's turn."""
    run = TrialRun.objects.select_related("trial__profile", "mode", "session").filter(pk=run_id).first()
    if run is None:
        return
    try:
        if run.state == TrialRun.State.WAITING and trials.take_run(run):
            _start(run)
        elif run.state == TrialRun.State.STARTING and run.session is not None:
            _look_after(run, run.session)
    except SessionError as error:
        trials.run_failed(run, str(error))
    except (ProgramFailed, OSError, ValidationError) as error:
        logger.warning("trial %s, run %d: %s", run.trial.code, run.number, error)
        trials.run_failed(run, _("Its visitor could not talk to the avatar: see the log of the host's Celery worker."))
    trials.go_on(run.trial)


@shared_task
def continue_trial(trial_id: int) -> None:
    """Look again whether the next session may begin."""
    trial = Trial.objects.filter(pk=trial_id).first()
    if trial is not None:
        trials.go_on(trial)


@shared_task
def resume_stranded_trials() -> None:
    """Pick up what was dropped or left half-way."""
    trials.resume_stranded_trials()


def _start(run: TrialRun) -> None:
    session = start_session(
        profile=run.trial.profile, mode=run.mode, host=run.trial.host, by=_by(run), request_key=f"trial-{run.pk}"
    )
    TrialRun.objects.filter(pk=run.pk).update(session=session)
    _look_again(run)


def _look_after(run: TrialRun, session: AvatarSession) -> None:
    """A session that starts: talk once it is ready, give it up where it never gets so."""
    late = timezone.now() - session.requested_at > READY_WITHIN
    if run.trial.state != TrialState.RUNNING:  # it was ended while its session was ordered
        trials.run_failed(run, _("The trial was ended."))
        stop_session(session, by=_by(run))
    elif session.state == State.READY:
        if trials.take_talk(run):
            _talk(run, session)
    elif late or session.state in (State.STOPPING, State.ENDED):
        trials.run_failed(run, session.state_detail or _("The session did not get ready."))
        stop_session(session, by=_by(run))
    else:
        _look_again(run)


def _talk(run: TrialRun, session: AvatarSession) -> None:
    try:
        done = _converse(run, session)
        trials.run_done(run, asked=done.asked, answered=done.answered)
    finally:
        stop_session(session, by=_by(run))


def _converse(run: TrialRun, session: AvatarSession) -> TrialDone:
    link = create_link(session, by=run.trial.requested_by, label=_("Trial"), max_uses=1)
    ticket = join(link.token, name=_("Trial"))
    order = TrialOrder(token=ticket.token, questions=run.trial.questions)

    def told(said: Said) -> None:
        if isinstance(said.get("asked"), int):
            TrialRun.objects.filter(pk=run.pk).update(asked=said["asked"])

    last = run_program("trial-visitor", told=told, limit_s=TALKS_AT_MOST_S, order=order.model_dump_json())
    return TrialDone.model_validate(last.get("done"))


def _look_again(run: TrialRun) -> None:
    enqueue(run_trial_session, run.pk, queue=f"host.{run.trial.host}", countdown=trials.LOOK_AGAIN_S)


def _by(run: TrialRun) -> str:
    return _("%(by)s, trial") % {"by": run.trial.requested_by}
