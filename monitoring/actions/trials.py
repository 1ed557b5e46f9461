"""Begin a trial, take its sessions one after the other, end it. Each move is a conditional update."""

from datetime import timedelta
from functools import partial
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.models import Trial, TrialRun, TrialState
from protocol.trials import MAX_QUESTION_CHARS
from sessions.actions.lifecycle import enqueue, stop_session
from sessions.assets import AssetLost
from sessions.errors import SessionError
from sessions.knowledge.store import KnowledgeUnreadable, read_knowledge
from sessions.models import AvatarProfile, DeploymentMode, ProfileVersion, State
from sessions.models.profiles import Language

ROUNDS: Final = 5  # sessions of each mode: the fewest from which a comparison says what is real
QUESTIONS: Final = 4
LOST_AFTER: Final = timedelta(minutes=8)  # a run takes a minute, and is given up after six
LOOK_AGAIN_S: Final = 1
UNDER_WAY: Final = (TrialRun.State.STARTING, TrialRun.State.TALKING)
USUAL_QUESTIONS: Final = {
    Language.ENGLISH: ("Who are you?", "What can you tell me?", "What should I look at first?", "Can you help me?"),
    Language.ARABIC: ("من أنت؟", "ماذا يمكنك أن تخبرني؟", "ماذا أشاهد أولا؟", "هل يمكنك مساعدتي؟"),
}  # where a profile knows nothing of its own


class TrialUnderWay(SessionError):
    """One at a time on a host: two would measure each other."""

    code = "trial_under_way"

    def __init__(self, host: str) -> None:
        super().__init__(_("A trial runs on %(host)s already. Wait for it, or end it.") % {"host": host})


class SameMode(SessionError):
    """There is nothing to find out."""

    code = "same_mode"

    def __init__(self) -> None:
        super().__init__(_("A trial needs two different modes."))


def begin_trial(
    profile: AvatarProfile, first: DeploymentMode, second: DeploymentMode, *, host: str, by: str, rounds: int = ROUNDS
) -> Trial:
    """Write the trial and have its first session run. Raises `TrialUnderWay`, `SameMode`."""
    if first == second:
        raise SameMode
    trial = Trial(
        profile=profile, first=first, second=second, host=host, requested_by=by, requested_at=timezone.now(),
        questions=questions_of(profile.current) if profile.current else list(USUAL_QUESTIONS[Language.ENGLISH]),
    )  # fmt: skip
    with transaction.atomic():
        try:
            with transaction.atomic():
                trial.save()
        except IntegrityError as error:  # of two who begin one at once, too
            raise TrialUnderWay(host) from error
        pairs = [(first, second) if number % 2 == 0 else (second, first) for number in range(rounds)]
        TrialRun.objects.bulk_create(
            TrialRun(trial=trial, number=number, mode=mode)
            for number, mode in enumerate((mode for pair in pairs for mode in pair), 1)
        )
        transaction.on_commit(partial(go_on, trial))
    return trial


def questions_of(version: ProfileVersion) -> list[str]:
    """What a visitor may well ask: of what the profile knows, else what one asks anybody."""
    try:
        pairs = read_knowledge(version.knowledge).pairs
    except (AssetLost, KnowledgeUnreadable):
        pairs = []
    own = [pair.question for pair in pairs if pair.language == version.language][:QUESTIONS]
    usual = USUAL_QUESTIONS[Language(version.language)]
    return [text[:MAX_QUESTION_CHARS] for text in [*own, *usual][:QUESTIONS]]


def go_on(trial: Trial) -> None:
    """Have the next session run, or finish. Does nothing while one runs, or once the trial is over.

    A session that is still ending is waited for, outside of the tasks' threads: the next one is to have the host to itself.
    """
    from monitoring.trial_tasks import continue_trial, run_trial_session

    if trial.runs.filter(state__in=UNDER_WAY).exists():
        return
    if trial.runs.exclude(session=None).exclude(session__state=State.ENDED).exists():
        enqueue(continue_trial, trial.pk, queue=f"host.{trial.host}", countdown=LOOK_AGAIN_S)
        return
    waiting = trial.runs.filter(state=TrialRun.State.WAITING).order_by("number").first()
    if waiting is not None and Trial.objects.filter(pk=trial.pk, state=TrialState.RUNNING).exists():
        enqueue(run_trial_session, waiting.pk, queue=f"host.{trial.host}")
    elif waiting is None:
        _finish(trial, TrialState.FINISHED)


def take_run(run: TrialRun) -> bool:
    """Claim a run for the one task that starts its session; False where somebody was faster, or the trial is over."""
    with transaction.atomic():
        is_wanted = Trial.objects.filter(pk=run.trial_id, state=TrialState.RUNNING).exists()
        return is_wanted and _move(run, TrialRun.State.WAITING, TrialRun.State.STARTING, begun_at=timezone.now())


def take_talk(run: TrialRun) -> bool:
    """Claim a run whose session is ready for the one task that has its visitor talk."""
    return _move(run, TrialRun.State.STARTING, TrialRun.State.TALKING)


def run_done(run: TrialRun, *, asked: int, answered: int) -> None:
    """It talked to the end."""
    _move(run, TrialRun.State.TALKING, TrialRun.State.DONE, asked=asked, answered=answered)


def run_failed(run: TrialRun, detail: str) -> None:
    """One that fails is told and the others go on; two in a row end the trial."""
    failed = TrialRun.State.FAILED
    if not any(_move(run, state, failed, detail=detail[:500]) for state in UNDER_WAY):
        return
    before = run.trial.runs.filter(number=run.number - 1).first()
    if before is not None and before.state == TrialRun.State.FAILED:
        _finish(run.trial, TrialState.FAILED, detail)


def end_trial(trial: Trial, *, by: str) -> bool:
    """End it on an operator's word, with the session that runs; what was measured stays. False where it was over."""
    ended = _finish(trial, TrialState.ENDED, _("Ended by %(by)s") % {"by": by})
    if ended:
        for run in trial.runs.filter(state__in=UNDER_WAY).select_related("session"):
            if run.session is not None:
                stop_session(run.session, by=by)
    return ended


def resume_stranded_trials() -> None:
    """Go on with trials whose task died: the run that it carried counts as failed, and its session is stopped."""
    for trial in Trial.objects.filter(state=TrialState.RUNNING):
        lost = trial.runs.filter(state__in=UNDER_WAY, begun_at__lt=timezone.now() - LOST_AFTER)
        for run in lost.select_related("session", "trial"):
            if run.session is not None:
                stop_session(run.session, by=_("the trial"))
            run_failed(run, _("What carried it out was lost."))
        go_on(trial)


def _move(run: TrialRun, state: TrialRun.State, to: TrialRun.State, **fields: object) -> bool:
    return bool(TrialRun.objects.filter(pk=run.pk, state=state).update(state=to, **fields))


def _finish(trial: Trial, state: TrialState, detail: str = "") -> bool:
    return bool(
        Trial.objects.filter(pk=trial.pk, state=TrialState.RUNNING).update(
            state=state, detail=detail[:500], finished_at=timezone.now()
        )
    )
