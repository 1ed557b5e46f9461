"""What a sampler reads once a second: parts of the event `HostSample`. A reading that could not be had is None, never zero."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Percent = Annotated[float, Field(ge=0, le=100)]
Bytes = Annotated[int, Field(ge=0)]
Role = Literal["worker", "models", "job"]


class CpuSample(BaseModel):
    """Share of all cores since the last sample, percent. A reading that is missing is absent, never zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: Annotated[int, Field(ge=1)]
    user_percent: Percent | None = None
    system_percent: Percent | None = None
    iowait_percent: Percent | None = None
    steal_percent: Percent | None = None
    idle_percent: Percent | None = None
    per_core_busy_percent: list[Percent] | None = None
    per_core_steal_percent: list[Percent] | None = None


class QuotaSample(BaseModel):
    """CPU that the agent worker's cgroup may use, where that is less than the host has.

    `throttled_percent`: in how many of its periods it ran out of it, since the last sample.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cores: Annotated[float, Field(gt=0)]
    throttled_percent: Percent | None = None


class PressureSample(BaseModel):
    """Share of the time since the last sample in which at least one process waited for it (`full`: all of them), percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu_percent: Percent | None = None
    memory_percent: Percent | None = None
    memory_full_percent: Percent | None = None
    io_percent: Percent | None = None
    io_full_percent: Percent | None = None


class NetworkSample(BaseModel):
    """Traffic of the host's network interfaces since the last sample, the loopback left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    received_bytes_per_s: Annotated[float, Field(ge=0)]
    sent_bytes_per_s: Annotated[float, Field(ge=0)]


class DiskSample(BaseModel):
    """The disk that the state folder lies on; not in every sample."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_bytes: Bytes
    free_bytes: Bytes


class MemorySample(BaseModel):
    """Memory of the host, bytes; `limit_bytes` is the cgroup's where it is lower than the host's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_bytes: Bytes
    available_bytes: Bytes
    limit_bytes: Bytes | None = None
    used_bytes: Bytes | None = None
    swap_total_bytes: Bytes | None = None
    swap_used_bytes: Bytes | None = None


class ProcessSample(BaseModel):
    """One process tree of the avatar host: the worker with its helpers, the shared model process, or one job with its children.

    `cpu_percent` is of one core (200 is two full cores). `pss_bytes` and `uss_bytes` are absent where the kernel withholds them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: Annotated[int, Field(gt=0)]
    role: Role
    cpu_percent: Annotated[float, Field(ge=0)] | None = None
    rss_bytes: Bytes | None = None
    pss_bytes: Bytes | None = None
    uss_bytes: Bytes | None = None
    threads: Annotated[int, Field(ge=0)] | None = None
    fds: Annotated[int, Field(ge=0)] | None = None
    minor_faults_per_s: Annotated[float, Field(ge=0)] | None = None
    major_faults_per_s: Annotated[float, Field(ge=0)] | None = None  # pages that had to be fetched from disk
