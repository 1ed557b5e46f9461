"""Checks of a profile's providers before any visitor is invited: ordered here, made on an avatar host, kept."""

from datetime import timedelta
from functools import partial
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from protocol.modes import BithumanModel
from protocol.providers import HOSTED
from protocol.vendors import CheckResult, PreflightOrder, Target
from sessions.actions.lifecycle import enqueue
from sessions.errors import Archived, UnknownHost
from sessions.install import install
from sessions.models import AgentWorker, AvatarProfile, DeploymentMode, Preflight, PreflightState
from sessions.models.vendors import verdict
from sessions.signals import profile_changed

UNANSWERED_AFTER: Final = timedelta(seconds=150)  # longer than the program may take
KEPT: Final = 20  # of a profile


def order_preflight(profile: AvatarProfile, *, by: str, host: str = "") -> Preflight:
    """Have the profile's current version checked on the host, or on the usual one; a check that is under way there is joined.

    Raises `Archived`, `UnknownHost`.
    """
    from sessions.vendor_tasks import run_preflight

    if profile.archived_at or profile.current is None:
        raise Archived(str(profile))
    host = host or usual_host()
    if host not in hosts():
        raise UnknownHost(host)
    try:
        with transaction.atomic():
            made = Preflight.objects.create(
                profile=profile, version=profile.current, host=host, requested_by=by, requested_at=timezone.now()
            )
            transaction.on_commit(partial(enqueue, run_preflight, made.pk, queue=f"host.{host}"))
            announce(made)
    except IntegrityError:
        return Preflight.objects.get(profile=profile, host=host, state=PreflightState.RUNNING)
    return made


def needs_preflight(profile: AvatarProfile) -> bool:
    """Whether a vendor has a say in the profile: what is drawn here has nothing that could be missing elsewhere."""
    version = profile.current
    return version is not None and bool({version.provider, version.fallback} & set(HOSTED))


def order_of(preflight: Preflight) -> PreflightOrder:
    """What the host is asked: who draws the face, and who would take over."""
    version = preflight.version
    providers = [version.provider, *([version.fallback] if version.fallback else [])]
    targets = [Target(provider=provider, settings=version.settings_for(provider)) for provider in providers]
    usual = DeploymentMode.objects.filter(slug=install().default_mode).select_related("current").first()
    model = usual.current.settings.bithuman_model if usual and usual.current else BithumanModel.ESSENCE
    return PreflightOrder(targets=targets, model=model)


def record_results(preflight: Preflight, results: list[CheckResult]) -> None:
    """The host has answered."""
    _finish(preflight, verdict(results), results_json=[result.model_dump(mode="json") for result in results])


def record_unanswered(preflight: Preflight, sentence: str) -> None:
    """The host could not be asked, or its answer could not be read."""
    _finish(preflight, PreflightState.UNANSWERED, detail=sentence[:500])


def give_up_unanswered() -> None:
    """Checks that a queue has dropped, or whose task was lost."""
    late = Preflight.objects.filter(
        state=PreflightState.RUNNING, requested_at__lt=timezone.now() - UNANSWERED_AFTER
    ).select_related("profile")
    for preflight in late:
        record_unanswered(
            preflight, _("%(host)s did not answer. Is its queue served? Then check again.") % {"host": preflight.host}
        )


def hosts() -> list[str]:
    """Avatar hosts that can be asked; this machine where none has reported yet."""
    known = set(AgentWorker.objects.values_list("host", flat=True))
    return sorted(known or {settings.HOST_NAME})


def usual_host() -> str:
    """This machine where it is an avatar host, else the first that is up."""
    known = hosts()
    up = [worker.host for worker in AgentWorker.objects.all() if worker.is_up]
    return settings.HOST_NAME if settings.HOST_NAME in known else (up or known)[0]


def announce(preflight: Preflight) -> None:
    transaction.on_commit(partial(profile_changed.send, sender=Preflight, profile=str(preflight.profile.code)))


@transaction.atomic
def _finish(preflight: Preflight, state: PreflightState, **fields: object) -> None:
    running = Preflight.objects.filter(pk=preflight.pk, state=PreflightState.RUNNING)
    if not running.update(state=state, finished_at=timezone.now(), **fields):
        return
    old = preflight.profile.preflights.exclude(state=PreflightState.RUNNING).values_list("pk", flat=True)[KEPT:]
    Preflight.objects.filter(pk__in=list(old)).delete()
    announce(preflight)
