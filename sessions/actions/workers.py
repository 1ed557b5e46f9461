"""What hosts report of their agent worker."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from sessions.actions.lifecycle import job_lost
from sessions.models import AgentWorker, AvatarSession
from sessions.models.avatar_session import LIVE_STATES
from sessions.signals import worker_changed


def announce(host: str) -> None:
    transaction.on_commit(partial(worker_changed.send, sender=AgentWorker, host=host))


@transaction.atomic
def record_worker_started(host: str, pid: int, at: datetime, provider_keys: Sequence[str] | None = None) -> None:
    """The host's agent worker is registered with LiveKit. `provider_keys` are known from its own event alone."""
    fields: dict[str, Any] = {
        "state": AgentWorker.State.RUNNING,
        "pid": pid,
        "started_at": at,
        "last_seen_at": at,
        "detail": "",
    }
    if provider_keys is not None:
        fields["provider_keys"] = list(provider_keys)
    AgentWorker.objects.update_or_create(host=host, defaults=fields)
    announce(host)


def set_drained(host: str, on: bool, *, by: str) -> bool:
    """Place no new session on the host from now on, or again; those that run there go on. False where it was so already."""
    found = AgentWorker.objects.filter(host=host, drained_at__isnull=on)
    changed = found.update(drained_at=timezone.now() if on else None, drained_by=by[:200] if on else "")
    if changed:
        announce(host)
    return bool(changed)


def record_worker_starting(host: str) -> bool:
    """The host is asked to start its agent worker; False where a start that was begun a moment ago may still succeed."""
    now = timezone.now()
    AgentWorker.objects.get_or_create(host=host)
    under_way = {"state": AgentWorker.State.STARTING, "started_at__gt": now - AgentWorker.STARTS_WITHIN}
    begun = AgentWorker.objects.filter(host=host).exclude(**under_way)
    if not begun.update(state=AgentWorker.State.STARTING, started_at=now, detail=""):
        return False
    announce(host)
    return True


def record_worker_failed(host: str, detail: str) -> None:
    """The host could not start its agent worker."""
    AgentWorker.objects.update_or_create(
        host=host, defaults={"state": AgentWorker.State.LOST, "pid": None, "detail": detail[:500]}
    )
    announce(host)


@transaction.atomic
def record_host_seen(host: str, worker_pid: int | None, at: datetime) -> None:
    """A sample of the host came; `worker_pid` is its agent worker's process, where one runs."""
    fields = {"host_seen_at": at} if worker_pid is None else {"host_seen_at": at, "last_seen_at": at}
    if not AgentWorker.objects.filter(host=host).update(**fields):
        AgentWorker.objects.create(host=host, **fields)
        announce(host)


@transaction.atomic
def record_process_exited(host: str, pid: int, role: str, at: datetime) -> None:
    """A process of the host's agent is gone: the worker, or the job of a session that may still be wanted."""
    if role == "worker":
        if AgentWorker.objects.filter(host=host, pid=pid, state=AgentWorker.State.RUNNING).update(
            state=AgentWorker.State.LOST, pid=None, detail=_("The agent worker's process is gone.")
        ):
            announce(host)
        return
    for session in AvatarSession.objects.filter(host=host, job_pid=pid, state__in=LIVE_STATES):
        job_lost(session, session.attempt, _("The avatar's process was lost."))
