"""What a host's page shows beside its charts."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.models import Alert, HostSample
from monitoring.panels.sparklines import Spark, bucketed, spark
from monitoring.samples.queries import HostSummary, within

CORES_OVER: Final = timedelta(minutes=15)
TOLD_FOR: Final = timedelta(seconds=10)  # of a host that fell silent: what it lost is nothing of now
ALIKE_WITHIN_PERCENT: Final = 15.0
LOW_DISK_PART: Final = 0.1


@dataclass(frozen=True)
class CoreSteal:
    """Steal of one core: over the last quarter of an hour, and now."""

    spark: Spark
    now: float


@dataclass(frozen=True)
class Cores:
    """How busy each core is now, and its steal. `steal` is empty where none lost anything worth a look."""

    busy: list[float]
    steal: list[CoreSteal]

    @property
    def each(self) -> list[tuple[float | None, CoreSteal | None]]:
        return list(zip_longest(self.busy, self.steal))

    @property
    def lose_alike(self) -> bool:
        shares = [core.now for core in self.steal]
        return max(shares) - min(shares) <= ALIKE_WITHIN_PERCENT


def steal_of_cores(host: str) -> list[CoreSteal]:
    """Over the last quarter of an hour. Seconds without steal are kept as such, not by core."""
    start = timezone.now() - CORES_OVER
    rows = HostSample.objects.filter(within(CORES_OVER), host=host, steal_percent__isnull=False).order_by("at")
    seconds = list(rows.values_list("at", "per_core_steal_percent"))
    known = [each for _, each in seconds if each]
    if not known or timezone.now() - seconds[-1][0] > TOLD_FOR:
        return []
    cores = []
    for core in range(len(known[-1])):
        readings = [(at, each[core] if each and core < len(each) else 0.0) for at, each in seconds]
        drawn = spark(bucketed(readings, start, CORES_OVER, 90, max), 100)
        cores.append(CoreSteal(drawn, readings[-1][1]))
    return cores


def host_context(summary: HostSummary, busy_cores: list[float]) -> dict[str, Any]:
    """For the templates of the page and of what is fetched again."""
    host, now = summary.worker.host, summary.now
    steal = now.get("steal_percent") or 0.0
    starved = Alert.objects.filter(rule="steal", host=host, cleared_at=None).first()
    return {
        "summary": summary,
        "now": now,
        "cores": Cores(busy_cores, steal_of_cores(host)),
        "disk": disk_of(host),
        "cpu_left": 100 - steal,
        "starved_since": starved.raised_at if starved else None,
        "note": note_for_provider(host, steal, starved),
    }


def disk_of(host: str) -> dict[str, Any] | None:
    """The newest reading: not every sample has one."""
    fresh = HostSample.objects.filter(within(timedelta(minutes=1)), host=host)
    found = fresh.exclude(disk_free_bytes=None).order_by("-at").values("disk_free_bytes", "disk_total_bytes").first()
    if found is None:
        return None
    free, total = found["disk_free_bytes"] or 0, found["disk_total_bytes"] or 0
    return {"free_bytes": free, "total_bytes": total, "is_low": free < LOW_DISK_PART * total}


def note_for_provider(host: str, steal: float, alert: Alert | None) -> str:
    """What to send to whoever runs the machine."""
    since = timezone.localtime(alert.raised_at if alert else timezone.now()).strftime("%Y-%m-%d %H:%M:%S %Z")
    return _(
        "Since %(since)s our virtual machine %(host)s loses %(steal)d %% of its CPU to steal (%%st of top, the steal column "
        "of /proc/stat): the hypervisor runs others in that time. Please move it, or give it dedicated CPU."
    ) % {"since": since, "host": host, "steal": round(steal)}
