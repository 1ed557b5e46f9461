"""Celery tasks about vendors of hosted avatars: what has to do with a key runs on an avatar host's own queue."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import pydantic
from celery import shared_task
from django.utils.translation import gettext as _

from protocol.vendors import CheckResult, Ended, Leftovers
from sessions.actions import conversations, preflights
from sessions.agent_programs import ProgramFailed, ProgramTooSlow, Said, run_program
from sessions.models import Preflight, PreflightState, ProviderConversation

logger = logging.getLogger(__name__)

PREFLIGHT_LIMIT_S: Final = 90.0  # two providers, some calls of ten seconds each
END_LIMIT_S: Final = 300.0


class _Results(pydantic.BaseModel):
    results: list[CheckResult]


class _Ended(pydantic.BaseModel):
    ended: list[Ended]


@shared_task
def run_preflight(preflight_id: int) -> None:
    """Ask the vendors, and keep what they say."""
    preflight = Preflight.objects.select_related("version", "profile").filter(pk=preflight_id).first()
    if preflight is None or preflight.state != PreflightState.RUNNING:
        return
    order = preflights.order_of(preflight).model_dump_json()
    try:
        said = run_program("preflight", told=_nothing, limit_s=PREFLIGHT_LIMIT_S, order=order)
        results = _Results.model_validate(said).results
    except ProgramTooSlow:
        preflights.record_unanswered(
            preflight, _("The vendors took longer than %(s)d s. Try again later.") % {"s": PREFLIGHT_LIMIT_S}
        )
    except (ProgramFailed, pydantic.ValidationError, OSError) as error:
        logger.warning("preflight of %s: %s", preflight, error)
        preflights.record_unanswered(
            preflight, _("%(host)s could not make the check; its log says why.") % {"host": preflight.host}
        )
    else:
        preflights.record_results(preflight, results)


@shared_task
def end_conversations(keys: Sequence[int]) -> None:
    """End at vendors what is still open there."""
    rows = ProviderConversation.objects.select_related("session").filter(pk__in=keys, ended_at=None).order_by("pk")
    left = list(rows)
    if not left:
        return
    order = Leftovers(conversations=conversations.as_order(left)).model_dump_json()
    try:
        said = run_program("end-conversations", told=_nothing, limit_s=END_LIMIT_S, order=order)
        conversations.record_settled(left, _Ended.model_validate(said).ended)
    except (ProgramFailed, pydantic.ValidationError, OSError, ValueError) as error:
        logger.warning("conversations at vendors may still be open: %s", error)


@shared_task
def look_after_vendors() -> None:
    """Now and then: what was left open, and checks that nobody answers."""
    conversations.end_leftovers()
    preflights.give_up_unanswered()


def _nothing(_: Said | Any) -> None:
    """These programs say one thing, at their end."""
