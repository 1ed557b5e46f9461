"""The host's sampler: CPU, memory and every agent process once a second, and at once when one of them is gone.

`python -m agent.sampler` runs it in the foreground. It finds the agent worker by `agent-worker.json` and outlives it.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from typing import Final

if __name__ == "__main__":
    # The client of Redis would load a tracing library for nothing: 4 MB of a process that is to have 30.
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.samplers.cgroup import CgroupReader
from agent.samplers.cpu import CpuReader
from agent.samplers.disk import read_disk
from agent.samplers.memory import read_memory
from agent.samplers.network import NetworkReader
from agent.samplers.pressure import PressureReader
from agent.samplers.processes import ProcessGroup, ProcessReader, ProcessTable, group_tree
from agent.telemetry import Telemetry
from agent.worker_process import running_worker
from protocol.events import HostSample, ProcessExited
from protocol.readings import DiskSample, Role

logger = logging.getLogger("agent.sampler")

INTERVAL_S: Final = 1.0
DISK_EVERY_S: Final = 10.0


class ExitWatch:
    """Emits `ProcessExited` once for each process that goes: at once by pidfd, else at the next sample."""

    def __init__(self, telemetry: Telemetry, host: str) -> None:
        self._telemetry = telemetry
        self._host = host
        self._watched: dict[int, tuple[Role, int | None]] = {}

    def follow(self, groups: list[ProcessGroup]) -> None:
        """The tree as it is now."""
        present = {group.pid for group in groups}
        for pid in [pid for pid in self._watched if pid not in present]:
            self._gone(pid)
        for group in groups:
            if group.pid not in self._watched:
                self._watch(group)

    def aclose(self) -> None:
        for pid in list(self._watched):
            self._forget(pid)

    def _watch(self, group: ProcessGroup) -> None:
        try:
            pidfd = os.pidfd_open(group.pid)
        except OSError:  # gone already, or a kernel without pidfds: the next sample tells
            self._watched[group.pid] = (group.role, None)
            return
        self._watched[group.pid] = (group.role, pidfd)
        asyncio.get_running_loop().add_reader(pidfd, self._gone, group.pid)

    def _gone(self, pid: int) -> None:
        role = self._forget(pid)
        self._telemetry.emit(ProcessExited, host=self._host, pid=pid, role=role)

    def _forget(self, pid: int) -> Role:
        role, pidfd = self._watched.pop(pid)
        if pidfd is not None:
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)
        return role


def next_due_s(due_s: float, now_s: float) -> float:
    """When the sample after the one of `due_s` is due: a later second of the same schedule that has not passed yet."""
    following_s = due_s + INTERVAL_S
    if (late_s := now_s - following_s) > 0:
        following_s += (late_s // INTERVAL_S + 1) * INTERVAL_S
    return following_s


class Sampler:
    def __init__(self, environment: HostEnvironment, telemetry: Telemetry) -> None:
        self._environment = environment
        self._telemetry = telemetry
        self._cpu = CpuReader()
        self._cgroup = CgroupReader()
        self._pressure = PressureReader()
        self._network = NetworkReader()
        self._disk_due_s = 0.0
        self._table = ProcessTable()
        self._processes = ProcessReader()
        self._exits = ExitWatch(telemetry, environment.host)

    async def run(self) -> None:
        """Samples until it is cancelled, on an absolute schedule: a late sample does not delay the next one."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                self.sample()
                due = next_due_s(due, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            self._exits.aclose()

    def sample(self) -> None:
        """Takes one sample and emits it."""
        worker = running_worker(self._environment)
        now_s = time.monotonic()
        groups = group_tree(worker.pid, self._table.read(now_s)) if worker else []
        self._table.follow(groups)
        self._exits.follow(groups)
        processes = self._processes.read(groups, now_s)
        pid = worker.pid if worker else None  # sessions live in the agent worker's control group, not in ours
        self._telemetry.emit(
            HostSample,
            host=self._environment.host,
            cpu=self._cpu.read(),
            memory=read_memory(self._cgroup, pid),
            load_1m=os.getloadavg()[0],
            quota=self._cgroup.quota(pid, now_s),
            pressure=self._pressure.read(now_s),
            network=self._network.read(now_s),
            disk=self._read_disk(now_s),
            agent_pss_bytes=self._processes.tree_pss_bytes() if groups else None,
            processes=processes,
        )

    def _read_disk(self, now_s: float) -> DiskSample | None:
        if now_s < self._disk_due_s:
            return None
        self._disk_due_s = now_s + DISK_EVERY_S
        return read_disk(self._environment.home)


async def run(environment: HostEnvironment) -> None:
    """Samples until SIGTERM or SIGINT."""
    telemetry = Telemetry(f"sampler:{environment.host}:{time.time_ns()}", environment.redis_url, capacity=2_000)
    telemetry.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sampling = asyncio.create_task(Sampler(environment, telemetry).run(), name="sampler")
    stopping = asyncio.create_task(stop.wait(), name="stop-signal")
    try:
        await asyncio.wait({sampling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if sampling.done():
            await sampling
    finally:
        for task in (sampling, stopping):
            task.cancel()
        await asyncio.gather(sampling, stopping, return_exceptions=True)
        await telemetry.aclose()


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(run(HostEnvironment.read()))
    except InvalidEnvironment as error:
        logger.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
