"""Which host takes a new session."""

from django.conf import settings

from sessions.errors import CapacityReached, HostDrained
from sessions.models import AgentWorker, AvatarSession
from sessions.models.avatar_session import LIVE_STATES


def choose_host(wanted: str = "") -> str:
    """The known host with most room; this machine where no host has reported yet; or the one that is wanted. Never one that
    is drained.

    Raises `HostDrained`, `CapacityReached`.
    """
    workers = AgentWorker.objects.order_by("pk")
    up = {worker.host for worker in workers if worker.is_up} or {settings.HOST_NAME}
    hosts = {wanted} if wanted else up
    drained = {worker.host: worker for worker in workers if worker.drained_at and worker.host in hosts}
    if hosts == drained.keys():
        first = drained[min(drained)]
        raise HostDrained(first.host, first.drained_by)
    load = {host: live_sessions_on(host) for host in hosts - drained.keys()}
    host = min(sorted(load), key=lambda name: load[name])
    if load[host] >= settings.MAX_SESSIONS_PER_HOST:
        raise CapacityReached(host, settings.MAX_SESSIONS_PER_HOST)
    return host


def one_after_the_other() -> None:
    """In a transaction: who places a session at the same time waits until it is over (SQLite's do so by themselves)."""
    list(AgentWorker.objects.select_for_update().order_by("pk"))


def live_sessions_on(host: str) -> int:
    """How many sessions the host runs or is about to run."""
    return AvatarSession.objects.filter(host=host, state__in=LIVE_STATES).count()
