"""What the sampler makes of the kernel's files, and how soon it tells that a job is gone."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.kernel import ProcessStat, parse_stat, read_stat
from agent.memory import ProcessMemory, parse_smaps_rollup
from agent.sampler import next_due_s
from agent.samplers import processes
from agent.samplers.cgroup import CgroupReader
from agent.samplers.cpu import CpuReader
from agent.samplers.memory import parse_meminfo, read_memory
from agent.samplers.processes import ProcessReader, group_tree
from tests.agent.conftest import ROOT, Host, Stream, eventually
from tests.services import wait_until

BEFORE = "cpu  1000 0 500 8000 100 0 0 50 0 0\ncpu0 500 0 250 4000 50 0 0 25 0 0\ncpu1 500 0 250 4000 50 0 0 25 0 0\n"


def cpu_samples(folder: Path, *contents: str) -> list[Any]:
    path = folder / "proc" / "stat"
    path.parent.mkdir()
    reader = CpuReader(folder)
    samples = []
    for content in contents:
        path.write_text(content)
        samples.append(reader.read())
    return samples


def test_the_first_cpu_reading_says_nothing_but_the_number_of_cores(tmp_path: Path) -> None:
    (first,) = cpu_samples(tmp_path, BEFORE)
    assert first.cores == 2
    assert first.user_percent is None
    assert first.steal_percent is None


def test_cpu_shares_are_of_the_time_between_two_readings(tmp_path: Path) -> None:
    after = (
        "cpu  1060 0 520 8090 110 0 0 70 0 0\ncpu0 560 0 270 4000 55 0 0 30 0 0\ncpu1 500 0 250 4090 55 0 0 40 0 0\n"
    )
    _, sample = cpu_samples(tmp_path, BEFORE, after)
    assert sample.user_percent == pytest.approx(30)
    assert sample.system_percent == pytest.approx(10)
    assert sample.idle_percent == pytest.approx(45)
    assert sample.iowait_percent == pytest.approx(5)
    assert sample.steal_percent == pytest.approx(10)
    assert sample.per_core_busy_percent[0] == pytest.approx(80 / 90 * 100)
    assert sample.per_core_busy_percent[1] == 0


def test_steal_that_goes_backwards_is_absent_and_spoils_nothing_else(tmp_path: Path) -> None:
    after = "cpu  1050 0 500 8050 100 0 0 40 0 0\ncpu0 1 0 1 1 1 0 0 1 0 0\ncpu1 1 0 1 1 1 0 0 1 0 0\n"
    _, sample = cpu_samples(tmp_path, BEFORE, after)
    assert sample.steal_percent is None
    assert sample.user_percent == pytest.approx(50)
    assert sample.idle_percent == pytest.approx(50)
    assert sample.per_core_busy_percent is None


def test_a_kernel_without_steal_reports_none(tmp_path: Path) -> None:
    _, sample = cpu_samples(
        tmp_path, "cpu 10 0 10 80 0 0 0\ncpu0 10 0 10 80 0 0 0\n", "cpu 20 0 10 90 0 0 0\ncpu0 20 0 10 90 0 0 0\n"
    )
    assert sample.steal_percent is None
    assert sample.user_percent == pytest.approx(50)


def test_two_readings_at_the_same_tick_say_nothing(tmp_path: Path) -> None:
    _, sample = cpu_samples(tmp_path, BEFORE, BEFORE)
    assert sample.user_percent is None


def test_memory_without_a_reading_is_absent(tmp_path: Path) -> None:
    assert read_memory(CgroupReader(tmp_path), root=tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal:  100 kB\n")
    assert read_memory(CgroupReader(tmp_path), root=tmp_path) is None
    assert parse_meminfo(b"MemTotal: 100 kB\nHugePages_Total: 0\n") == {"MemTotal": 102_400}


def test_a_process_name_with_blanks_and_parentheses_is_understood() -> None:
    line = b"42 (a (b) c) S 7 " + b" ".join(str(number).encode() for number in range(5, 53))
    stat = parse_stat(line)
    assert (stat.pid, stat.parent, stat.state) == (42, 7, "S")
    assert stat.cpu_ticks == 14 + 15
    assert (stat.threads, stat.started_ticks) == (20, 22)


def test_a_smaps_rollup_is_summed() -> None:
    memory = parse_smaps_rollup(
        b"5581-7ffc ---p 0 0:0 0 [rollup]\nRss: 100 kB\nPss: 60 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 30 kB\n"
    )
    assert (memory.rss_bytes, memory.pss_bytes, memory.uss_bytes) == (102_400, 61_440, 40_960)
    assert parse_smaps_rollup(b"").rss_bytes is None


def process(pid: int, parent: int) -> ProcessStat:
    return ProcessStat(pid, parent, "S", 0, 1, pid)


def test_jobs_are_the_forkserver_s_children_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "is_forkserver", lambda pid, worker_pid: (pid, worker_pid) == (12, 10))
    tree = [
        process(10, 1),
        process(11, 10),
        process(12, 10),
        process(20, 12),
        process(21, 12),
        process(30, 20),
        process(99, 1),
    ]
    worker, first, second = group_tree(10, tree)
    assert (worker.pid, worker.role) == (10, "worker")
    assert {stat.pid for stat in worker.members} == {10, 11, 12}
    assert (first.pid, first.role, [stat.pid for stat in first.members]) == (20, "job", [20, 30])
    assert second.pid == 21
    assert group_tree(77, tree) == []


def test_the_shared_model_process_is_reported_apart_from_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_command_line", lambda pid: b"python\0-m\0agent.models.process" * (pid == 11))
    worker, models = group_tree(10, [process(10, 1), process(11, 10), process(12, 11), process(13, 10)])
    assert {stat.pid for stat in worker.members} == {10, 13}
    assert (models.role, [stat.pid for stat in models.members]) == ("models", [11, 12])


def test_cpu_of_a_process_is_absent_at_first_and_then_of_one_core() -> None:
    own = read_stat(os.getpid())
    assert own is not None
    reader = ProcessReader()
    group = processes.ProcessGroup(own.pid, "worker", (own,))
    (first,) = reader.read([group], 100.0)
    assert first.cpu_percent is None
    assert first.pss_bytes is not None
    assert first.rss_bytes is not None
    assert first.major_faults_per_s is None
    busier = replace(
        own, cpu_ticks=own.cpu_ticks + 150, minor_faults=own.minor_faults - 1, major_faults=own.major_faults + 7
    )
    (second,) = reader.read([processes.ProcessGroup(own.pid, "worker", (busier,))], 101.0)
    assert second.cpu_percent == pytest.approx(150)
    assert second.major_faults_per_s == 7
    assert second.minor_faults_per_s is None, "its counter went backwards"


def test_a_process_s_private_memory_is_summed_up_only_as_often_as_it_may_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    reader = ProcessReader()
    own = read_stat(os.getpid())
    assert own is not None
    jobs = [replace(own, pid=own.pid + place) for place in range(3)]
    groups = [processes.ProcessGroup(job.pid, "job", (job,)) for job in jobs]
    clock = iter(float(count) * 0.006 for count in range(1000))  # each reading costs 6 ms
    monkeypatch.setattr("agent.samplers.processes.time.thread_time", lambda: next(clock))
    monkeypatch.setattr(processes, "read_rss", lambda pid: 1)
    monkeypatch.setattr(
        processes,
        "read_memory",
        lambda pid: asked.append(pid) or ProcessMemory(1, 1, 1),  # type: ignore[func-returns-value]
    )
    reader.read(groups, 100.0)
    assert sorted(asked) == [job.pid for job in jobs]
    for second in range(101, 119):
        reader.read(groups, float(second))
    assert sorted(asked[3:]) == [job.pid for job in jobs]


def test_a_process_that_grew_since_its_memory_was_summed_up_comes_before_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A job is seen first when it has just been forked: its report would show those few megabytes for a minute."""
    asked: list[int] = []
    resident = dict.fromkeys((41, 42, 43, 44), 50_000_000)
    groups = [processes.ProcessGroup(pid, "job", (process(pid, 1),)) for pid in resident]
    clock = iter(0.002 * tick for tick in range(1000))  # each reading takes 2 ms: one in two seconds may be made
    monkeypatch.setattr("agent.samplers.processes.time.thread_time", lambda: next(clock))
    monkeypatch.setattr(processes, "read_rss", resident.__getitem__)
    monkeypatch.setattr(
        processes,
        "read_memory",
        lambda pid: asked.append(pid) or ProcessMemory(resident[pid], 1, 1),  # type: ignore[func-returns-value]
    )
    reader = ProcessReader()
    reader.read(groups, 100.0)
    resident[43] = 130_000_000
    for second in range(101, 116):
        resident[42] = 50_000_000 + 20_000_000 * (second % 2)  # one that never rests keeps nobody waiting for ever
        reader.read(groups, float(second))
    assert asked[4] == 43
    assert {41, 42, 43, 44} == set(asked[4:])


def test_a_new_process_is_in_the_table_at_once_and_leaves_it_when_it_ends() -> None:
    table = processes.ProcessTable()
    table.read(100.0)
    child = subprocess.Popen(["sleep", "60"])
    try:
        found = next(stat for stat in table.read(101.0) if stat.pid == child.pid)
        assert found.parent == os.getpid()
    finally:
        child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    table.follow([processes.ProcessGroup(child.pid, "job", (found,))])
    assert child.pid not in {stat.pid for stat in table.read(102.0)}
    child.wait()


def test_a_late_sample_does_not_delay_the_next_and_one_that_was_missed_is_left_out() -> None:
    assert next_due_s(10.0, 10.02) == 11.0
    assert next_due_s(10.0, 10.98) == 11.0
    assert next_due_s(10.0, 13.4) == 14.0


@pytest.fixture
def sampler(host: Host) -> Iterator[Stream]:
    """The sampler runs; the view begins with its first sample."""
    stream = Stream.from_now(host.valkey.url)
    running = subprocess.Popen([sys.executable, "-m", "agent.sampler"], env=host.environment, cwd=ROOT)
    try:
        wait_until(lambda: samples(stream), "first sample", 60.0, every_s=0.1)
        yield stream
    finally:
        running.terminate()
        exit_code = running.wait(30)
    assert exit_code == 0


def samples(stream: Stream) -> list[Any]:
    return [event for event in stream.read() if event.kind == "host_sample"]


async def test_the_sampler_tells_of_the_host_and_its_agent_processes_every_second(sampler: Stream, host: Host) -> None:
    await eventually(lambda: len(samples(sampler)) >= 5, "five samples")
    seen = samples(sampler)
    # How much later than its second a sample is taken is up to a busy machine; more often than that it never is.
    assert (seen[4].at - seen[0].at).total_seconds() > 2

    def has_worker_and_job() -> Any:
        # A job of an earlier test may just be going, and the next one not be there yet.
        last = samples(sampler)[-1]
        return last if {process.role for process in last.processes} >= {"worker", "job"} else None

    last = await eventually(has_worker_and_job, "worker and job sampled")
    assert last.host == host.name
    assert last.cpu.user_percent is not None
    assert last.agent_pss_bytes > 50_000_000


async def test_a_killed_job_is_told_before_the_second_sample_without_it(
    sampler: Stream, start_session: Callable[..., Any]
) -> None:
    session = await start_session()
    await session.wait_for("job_ready")

    def sampled() -> bool:
        return session.pid in {process.pid for process in samples(sampler)[-1].processes}

    await eventually(sampled, "the job sampled")
    killed_at = datetime.now(UTC)
    os.kill(session.pid, signal.SIGKILL)
    exits = await eventually(
        lambda: [e for e in sampler.read() if e.kind == "process_exited" and e.pid == session.pid], "exit told"
    )
    assert sum(killed_at < sample.at < exits[0].at for sample in samples(sampler)) <= 1
    assert exits[0].role == "job"
    await eventually(lambda: not sampled(), "the job left the samples")
    assert len([e for e in sampler.read() if e.kind == "process_exited" and e.pid == session.pid]) == 1
