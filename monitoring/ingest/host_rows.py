"""A host's sample as it is kept."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from monitoring.models import HostSample
from protocol import events
from protocol.readings import MemorySample

STEAL_KEPT_PERCENT: Final = 1.0


def host_row(event: events.HostSample, at: datetime) -> HostSample:
    """A second of a host. Steal of single cores is kept where it is worth a look."""
    cpu, memory = event.cpu, event.memory
    per_core = cpu.per_core_steal_percent or []
    return HostSample(
        host=event.host,
        at=at,
        cores=cpu.cores,
        user_percent=cpu.user_percent,
        system_percent=cpu.system_percent,
        iowait_percent=cpu.iowait_percent,
        steal_percent=cpu.steal_percent,
        per_core_steal_percent=(
            [round(share, 1) for share in per_core] if max(per_core, default=0) >= STEAL_KEPT_PERCENT else None
        ),
        load_1m=event.load_1m,
        memory_total_bytes=None if memory is None else memory.limit_bytes or memory.total_bytes,
        memory_used_bytes=None if memory is None else _used_bytes(memory),
        swap_used_bytes=_of(memory, "swap_used_bytes"),
        agent_pss_bytes=event.agent_pss_bytes,
        quota_cores=_of(event.quota, "cores"),
        throttled_percent=_of(event.quota, "throttled_percent"),
        cpu_pressure_percent=_of(event.pressure, "cpu_percent"),
        memory_pressure_percent=_of(event.pressure, "memory_percent"),
        io_pressure_percent=_of(event.pressure, "io_percent"),
        received_bytes_per_s=_of(event.network, "received_bytes_per_s"),
        sent_bytes_per_s=_of(event.network, "sent_bytes_per_s"),
        disk_total_bytes=_of(event.disk, "total_bytes"),
        disk_free_bytes=_of(event.disk, "free_bytes"),
    )


def _of(part: BaseModel | None, name: str) -> Any:
    """A figure of a part of the sample that may be missing."""
    return None if part is None else getattr(part, name)


def _used_bytes(memory: MemorySample) -> int:
    return memory.total_bytes - memory.available_bytes if memory.used_bytes is None else memory.used_bytes
