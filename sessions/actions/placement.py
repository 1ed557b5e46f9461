"""Which host takes a new session."""

from django.conf import settings

from sessions.errors import CapacityReached
from sessions.models import AgentWorker, AvatarSession
from sessions.models.avatar_session import LIVE_STATES


def choose_host(wanted: str = "") -> str:
    """The known host with most room; this machine where no host has reported yet; or the one that is wanted.

    Raises `CapacityReached`.
    """
    # Whoever chooses at the same time waits here (SQLite's transactions do so by themselves).
    workers = AgentWorker.objects.select_for_update().order_by("pk")
    hosts = {worker.host for worker in workers if worker.is_up} or {settings.HOST_NAME}
    load = {host: live_sessions_on(host) for host in ({wanted} if wanted else hosts)}
    host = min(sorted(load), key=lambda name: load[name])
    if load[host] >= settings.MAX_SESSIONS_PER_HOST:
        raise CapacityReached(host, settings.MAX_SESSIONS_PER_HOST)
    return host


def live_sessions_on(host: str) -> int:
    """How many sessions the host runs or is about to run."""
    return AvatarSession.objects.filter(host=host, state__in=LIVE_STATES).count()
