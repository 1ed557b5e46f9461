"""REST: reports, their history, comparisons, capacity and trials: all that the pages tell."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from ninja import Router, Schema, Status
from pydantic import Field

from monitoring.actions.trials import ROUNDS, begin_trial, end_trial
from monitoring.comparing.comparison import Comparison
from monitoring.comparing.forms import CompareForm
from monitoring.comparing.trial_views import comparison_of, get_trial_for
from monitoring.hosts.capacity import capacity_in, room_on
from monitoring.models import SessionDigest, Trial
from monitoring.reports.digest_filters import ReportFilter
from monitoring.reports.report import report_of
from operators.access import require
from operators.bearer import ApiRequest
from operators.models import Role
from sessions.access import get_mode_for, get_profile_for, get_session_for, modes_for
from sessions.models import AgentWorker

router = Router(tags=["reports"])
FIGURES = (
    "duration_s", "visitors", "ready_ms", "answers", "answer_ms", "answer_p95_ms", "cpu_percent", "cpu_p95_percent",
    "uss_bytes", "uss_max_bytes", "steal_percent", "steal_max_percent", "frames_over_percent", "hitches", "drift_ms",
)  # fmt: skip


class DigestOut(Schema):
    """A session that is over, by its main figures; null for what was never measured."""

    session: UUID
    requested_at: datetime
    profile: UUID
    mode: str
    provider: str
    host: str
    end_reason: str
    is_failure: bool
    switched: bool
    figures: dict[str, float | None]


class ComparedOut(Schema):
    """A measure of both sides; `low` and `high` hold nine in ten draws of the difference, null with too few sessions."""

    measure: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_real: bool


class ComparisonOut(Schema):
    headline: str
    detail: str
    sessions: tuple[int, int]
    measures: list[ComparedOut]


class CapacityOut(Schema):
    """`is_measured` false: only the limit of sessions is known."""

    mode: str
    sessions: int
    is_measured: bool
    bound: str
    sentence: str


class TrialIn(Schema):
    profile: UUID
    first: str
    second: str
    host: Annotated[str, Field(max_length=64)] = ""
    rounds: Annotated[int, Field(ge=1, le=20)] = ROUNDS


class TrialRunOut(Schema):
    number: int
    mode: str
    state: str
    session: UUID | None
    asked: int
    answered: int | None
    detail: str


class TrialOut(Schema):
    code: UUID
    state: str
    detail: str
    host: str
    questions: list[str]
    runs: list[TrialRunOut]
    comparison: ComparisonOut


@router.get("sessions/{uuid:code}/report", response=dict[str, Any])
def get_report(request: ApiRequest, code: UUID) -> dict[str, Any]:
    """The report of a session, kept or as it would be now: the same JSON as the page's download."""
    return report_of(get_session_for(request.auth, code)).model_dump(mode="json")


@router.get("reports", response=list[DigestOut])
def list_reports(request: ApiRequest, limit: Annotated[int, Field(ge=1, le=1_000)] = 100) -> list[DigestOut]:
    """Sessions that are over, newest first. Query: profile, mode, provider, host, outcome, since, until, as on the page."""
    require(request.auth, Role.VIEWER)
    form = ReportFilter(request.GET)
    if form.refusals:
        raise ValidationError(form.refusals)
    found = form.digests().select_related("session", "mode", "profile")
    return [_digest(each) for each in found.order_by("-requested_at")[:limit]]


@router.get("compare", response=ComparisonOut)
def compare(request: ApiRequest) -> ComparisonOut:
    """Two modes (`kind=modes&a=&b=`), periods (`kind=periods`) or sessions (`kind=sessions&first=&second=`), as on the page.

    Of two periods `other_since` and `other_until` are the days before, `since` and `until` the days after, all of them optional.
    """
    require(request.auth, Role.VIEWER)
    form = CompareForm(request.GET)
    if form.refusals:
        raise ValidationError(form.refusals)
    found = form.comparison()
    return ComparisonOut(headline="", detail="", sessions=(0, 0), measures=[]) if found is None else _compared(found)


@router.get("hosts/{str:host}/capacity", response=list[CapacityOut])
def get_capacity(request: ApiRequest, host: str) -> list[CapacityOut]:
    """How many more sessions fit the host, in each mode."""
    modes = modes_for(request.auth).exclude(current=None)
    room = room_on(host)
    return [
        CapacityOut(
            mode=each.mode.slug,
            sessions=each.sessions,
            is_measured=each.is_measured,
            bound=each.bound,
            sentence=each.sentence,
        )
        for each in (capacity_in(mode, room) for mode in modes)
    ]


@router.post("trials", response={201: TrialOut})
def new_trial(request: ApiRequest, body: TrialIn) -> Status[TrialOut]:
    """Have the same questions asked aloud in two modes, in turns on one host. 409 while another one runs there."""
    actor = require(request.auth, Role.OPERATOR)
    known = AgentWorker.objects.filter(host=body.host).exists()
    trial = begin_trial(
        get_profile_for(request.auth, body.profile),
        get_mode_for(request.auth, body.first),
        get_mode_for(request.auth, body.second),
        host=body.host if known else settings.HOST_NAME,
        by=actor.label,
        rounds=body.rounds,
    )
    return Status(201, _trial(trial))


@router.get("trials/{uuid:code}", response=TrialOut)
def get_trial(request: ApiRequest, code: UUID) -> TrialOut:
    """How far a trial is, and what it says so far."""
    return _trial(get_trial_for(request.auth, code))


@router.post("trials/{uuid:code}/stop", response=TrialOut)
def stop_trial(request: ApiRequest, code: UUID) -> TrialOut:
    """End a trial with the session that runs."""
    trial = get_trial_for(request.auth, code, Role.OPERATOR)
    end_trial(trial, by=require(request.auth, Role.OPERATOR).label)
    trial.refresh_from_db()
    return _trial(trial)


def _digest(row: SessionDigest) -> DigestOut:
    same = ("requested_at", "provider", "host", "end_reason", "is_failure", "switched")
    return DigestOut(
        **{name: getattr(row, name) for name in same},
        session=row.session.code,
        profile=row.profile.code,
        mode=row.mode.slug,
        figures={name: getattr(row, name) for name in FIGURES},
    )


def _compared(found: Comparison) -> ComparisonOut:
    same = ("before", "after", "change", "low", "high", "is_real")
    return ComparisonOut(
        headline=found.headline,
        detail=found.detail,
        sessions=(found.before.sessions, found.after.sessions),
        measures=[
            ComparedOut(measure=str(row.measure.label), **{name: getattr(row.found, name) for name in same})
            for row in found.rows
        ],
    )


def _trial(trial: Trial) -> TrialOut:
    runs = trial.runs.select_related("mode", "session")
    return TrialOut(
        code=trial.code,
        state=trial.state,
        detail=trial.detail,
        host=trial.host,
        questions=trial.questions,
        runs=[
            TrialRunOut(
                number=run.number,
                mode=run.mode.slug,
                state=run.state,
                session=run.session.code if run.session else None,
                asked=run.asked,
                answered=run.answered,
                detail=run.detail,
            )
            for run in runs
        ],
        comparison=_compared(comparison_of(trial)),
    )
