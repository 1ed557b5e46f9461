"""How many more sessions fit a host, by what sessions were measured to cost there and by what the host has left."""

from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import fmean
from typing import Any, Final, Literal

from django.conf import settings
from django.db.models import Avg
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.hosts.costs import Cost, cost_of
from monitoring.models import SessionSample
from monitoring.samples.queries import BUSY_PERCENT, recent_host_samples, within
from sessions.models import AvatarSession, DeploymentMode
from sessions.models.avatar_session import LIVE_STATES

OVER_S: Final = 60  # what is free is the mean of the last minute
STEAL_TOLD_FROM_PERCENT: Final = 5.0
MEMORY_KEPT_PERCENT: Final = 5.0  # of the host's, for what else grows

Bound = Literal["limit", "cpu", "memory"]


@dataclass(frozen=True)
class HostRoom:
    """What a host has left. CPU in whole cores, means of the last minute; all 0 and `is_known` false where nobody reports.

    Steal is not free, and neither are the last `100 - BUSY_PERCENT` percent nor what sessions that start or are idle now will
    need once all of them talk (`promised_cores`; of memory, `free_bytes` is without it). Where a CPU quota is lower than that
    (`quota_cores`), what sessions use (`own_cores`) counts against it. `places` are those that the limit of sessions leaves.
    """

    host: str
    places: int
    is_known: bool = False
    cores: int = 0
    used_cores: float = 0.0
    steal_cores: float = 0.0
    promised_cores: float = 0.0
    own_cores: float = 0.0
    quota_cores: float | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None  # below zero where more is asked for than there is

    @property
    def kept_cores(self) -> float:
        return self.cores * (1 - BUSY_PERCENT / 100)

    @property
    def free_cores(self) -> float:
        """Below zero where more is asked for than there is."""
        free = self.cores - self.kept_cores - self.used_cores - self.steal_cores - self.promised_cores
        if self.quota_cores is None:
            return free
        return min(free, self.quota_cores * BUSY_PERCENT / 100 - self.own_cores - self.promised_cores)

    @property
    def missing_cores(self) -> float:
        return max(0.0, -self.free_cores)

    @property
    def steal_percent(self) -> float:
        return 100 * self.steal_cores / self.cores if self.cores else 0.0

    @property
    def is_starved(self) -> bool:
        return self.steal_percent >= STEAL_TOLD_FROM_PERCENT

    @property
    def without_steal(self) -> "HostRoom":
        return replace(self, steal_cores=0.0)


@dataclass(frozen=True)
class Capacity:
    """`sessions` more fit in the mode, and what bounds them. Without a `cost` the limit of sessions does, while CPU is free."""

    mode: DeploymentMode
    room: HostRoom
    cost: Cost | None
    sessions: int
    bound: Bound

    @property
    def is_measured(self) -> bool:
        return self.cost is not None and self.room.is_known

    @property
    def is_beyond(self) -> bool:
        """True where one more would be more than the host carries, though the limit allows it."""
        return self.room.is_known and self.sessions == 0 and self.room.places > 0

    @property
    def headline(self) -> str:
        """ "Room for 3 more in balanced"."""
        names = {"n": self.sessions, "mode": self.mode.slug}
        if not self.sessions:
            return _("No room for one more in %(mode)s") % names
        return ngettext("Room for %(n)d more in %(mode)s", "Room for %(n)d more in %(mode)s", self.sessions) % names

    @property
    def sentence(self) -> str:
        """ "3 more sessions in balanced", and why not more."""
        names = {"n": self.sessions, "mode": self.mode.slug, "host": self.room.host}
        if self.room.places == 0:
            return _("%(host)s runs as many sessions as it may.") % names
        if not self.room.is_known:
            text = ngettext(
                "Up to %(n)d more session: %(host)s does not report how busy it is.",
                "Up to %(n)d more sessions: %(host)s does not report how busy it is.",
                self.sessions,
            )
            return text % names
        if not self.is_measured and self.sessions:
            text = ngettext(
                "Up to %(n)d more session in %(mode)s: what one costs here is not known yet.",
                "Up to %(n)d more sessions in %(mode)s: what one costs here is not known yet.",
                self.sessions,
            )
            return text % names
        if self.sessions:
            return (
                ngettext("%(n)d more session in %(mode)s.", "%(n)d more sessions in %(mode)s.", self.sessions) % names
            )
        return _("No more sessions in %(mode)s: %(why)s") % {**names, "why": self._why()}

    def _why(self) -> str:
        room, cost = self.room, self.cost
        if cost is None:
            return _("all of its CPU is in use.")
        if self.bound == "memory":
            figures = {"one": round((cost.uss_bytes or 0) / 2**20), "free": round((room.free_bytes or 0) / 2**20)}
            return _("one needs %(one)d MB and %(free)d MB are free.") % figures
        cpu = {"one": cost.busy_cpu_cores, "free": max(0.0, room.free_cores), "steal": room.steal_percent}
        if room.is_starved:
            return (
                _("one needs %(one).1f cores, %(free).1f are free, and steal takes %(steal).0f\u00a0%% of the CPU.")
                % cpu
            )
        return _("one needs %(one).1f cores while it talks, and %(free).1f are free.") % cpu


def room_on(host: str) -> HostRoom:
    """What the host has left now."""
    live = list(AvatarSession.objects.filter(host=host, state__in=LIVE_STATES).select_related("mode_version__mode"))
    places = max(0, settings.MAX_SESSIONS_PER_HOST - len(live))
    samples = [each for each in recent_host_samples(host, OVER_S) if {"user_percent", "system_percent"} <= each.keys()]
    if not samples:
        return HostRoom(host, places)
    last = samples[-1]
    cores = int(last["cores"])
    total: int | None = last.get("memory_total_bytes")
    used: int | None = last.get("memory_used_bytes")
    own_cores, promised_cores, promised_bytes = _demand(host, live)
    free = None
    if total is not None and used is not None:
        free = round(total * (1 - MEMORY_KEPT_PERCENT / 100) - used - promised_bytes)
    return HostRoom(
        host,
        places,
        is_known=True,
        cores=cores,
        used_cores=cores * fmean(each["user_percent"] + each["system_percent"] for each in samples) / 100,
        steal_cores=cores * fmean(each.get("steal_percent", 0.0) for each in samples) / 100,
        promised_cores=promised_cores,
        own_cores=own_cores,
        quota_cores=last.get("quota_cores"),
        total_bytes=total,
        free_bytes=free,
    )


def capacity_in(mode: DeploymentMode, room: HostRoom) -> Capacity:
    """How many more sessions in `mode` the room takes."""
    cost = cost_of(mode, room.host)
    fits: dict[Bound, int] = {"limit": room.places}
    if cost is None and room.is_known and room.free_cores <= 0:
        fits["cpu"] = 0
    if cost is not None and room.is_known:
        fits["cpu"] = max(0, int(room.free_cores / max(cost.busy_cpu_cores, 0.01)))
        if cost.uss_bytes and room.free_bytes is not None:
            fits["memory"] = max(0, room.free_bytes // cost.uss_bytes)
    bound = min(fits, key=lambda name: fits[name])
    return Capacity(mode, room, cost, fits[bound], bound)


def _demand(host: str, live: list[AvatarSession]) -> tuple[float, float, float]:
    """Cores that the sessions that run there use, and cores and bytes that they will need beyond once all of them talk."""
    samples = (
        SessionSample.objects.filter(within(timedelta(seconds=OVER_S)), session__in=live).order_by().values("session")
    )
    means = samples.annotate(cpu=Avg("cpu_percent"), uss=Avg("uss_bytes"))
    using: dict[int, Any] = {each["session"]: each for each in means}
    costs = {mode: cost_of(mode, host) for mode in {session.mode_version.mode for session in live}}
    own = cores = size = 0.0
    for session in live:
        cost, used = costs[session.mode_version.mode], using.get(session.pk, {})
        own_now = (used.get("cpu") or 0.0) / 100
        own += own_now
        if cost is not None:
            cores += max(0.0, cost.busy_cpu_cores - own_now)
            size += max(0.0, (cost.uss_bytes or 0.0) - (used.get("uss") or 0.0))
    return own, cores, size
