"""What the sampler reads from recorded kernel files: a starved machine, a limited service, machines without such files."""

from pathlib import Path

import pytest

from agent.samplers.cgroup import CgroupReader
from agent.samplers.counters import Counters
from agent.samplers.cpu import CpuReader
from agent.samplers.disk import read_disk
from agent.samplers.memory import read_memory
from agent.samplers.network import NetworkReader, parse_net_dev
from agent.samplers.pressure import PressureReader
from agent.samplers.processes import ProcessTable
from protocol.readings import CpuSample, NetworkSample, PressureSample, QuotaSample

RECORDED = Path(__file__).parent / "recorded"


def cpu_of(folder: str) -> CpuSample:
    reader = CpuReader(RECORDED / folder / "before")
    reader.read()
    reader._path = RECORDED / folder / "after" / "proc/stat"
    return reader.read()


def test_a_starved_machine_is_told_with_the_steal_of_each_core() -> None:
    sample = cpu_of("starved")
    assert sample.steal_percent == pytest.approx(91.3, abs=0.1)
    assert sample.user_percent == pytest.approx(7.25, abs=0.1)
    assert sample.per_core_steal_percent == pytest.approx([91, 91, 92, 93, 90, 92, 92, 90], abs=1)


def test_a_recorded_second_of_two_cores_adds_up_to_the_whole_time() -> None:
    sample = cpu_of("two-cores")
    parts = (
        sample.user_percent,
        sample.system_percent,
        sample.idle_percent,
        sample.iowait_percent,
        sample.steal_percent,
    )
    assert sum(part for part in parts if part is not None) == pytest.approx(100)
    assert sample.cores == len(sample.per_core_busy_percent or []) == 2


def pressure_of(folder: str) -> PressureSample | None:
    reader = PressureReader(RECORDED / folder / "before")
    assert reader.read(100.0) is None
    reader._folder = RECORDED / folder / "after" / "proc/pressure"
    return reader.read(101.0)


def test_pressure_is_of_the_time_between_two_readings() -> None:
    sample = pressure_of("two-cores")
    assert sample is not None
    assert 0 <= (sample.cpu_percent or 0) <= 100
    assert sample.memory_percent == 0


def test_a_kernel_without_pressure_accounts_tells_none() -> None:
    assert pressure_of("starved") is None


def traffic_of(*texts: str, folder: Path) -> NetworkSample | None:
    reader = NetworkReader(folder)
    (folder / "proc/net").mkdir(parents=True)
    sample = None
    for second, text in enumerate(texts):
        (folder / "proc/net/dev").write_text(text)
        sample = reader.read(float(second))
    return sample


HEAD = "Inter-|   Receive   |  Transmit\n face |bytes packets\n"


def interface(name: str, received: int, sent: int) -> str:
    return f"{name}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n"


def test_traffic_is_summed_over_interfaces_and_the_loopback_is_left_out(tmp_path: Path) -> None:
    before = HEAD + interface("lo", 0, 0) + interface("eth0", 1000, 50) + interface("eth1", 10, 10)
    after = HEAD + interface("lo", 9000, 9000) + interface("eth0", 1500, 80) + interface("eth1", 20, 20)
    assert traffic_of(before, after, folder=tmp_path) == NetworkSample(received_bytes_per_s=510, sent_bytes_per_s=40)
    assert parse_net_dev((RECORDED / "two-cores/before/proc/net/dev").read_bytes())["eth0 received"] > 0


def test_an_interface_that_began_anew_says_nothing_of_that_second(tmp_path: Path) -> None:
    texts = [HEAD + interface("eth0", 1000, 50), HEAD + interface("eth0", 0, 0)]
    assert traffic_of(*texts, folder=tmp_path) is None


def quota_of(pid: int | None) -> QuotaSample | None:
    reader = CgroupReader(RECORDED / "quota" / "before", cores=4)
    reader.quota(pid, 100.0)
    reader._root = RECORDED / "quota" / "after"
    return reader.quota(pid, 101.0)


def test_the_quota_of_the_workers_service_counts_and_how_often_it_ran_out() -> None:
    assert quota_of(4711) == QuotaSample(cores=1.5, throttled_percent=40)
    assert quota_of(None) is None


def test_a_quota_that_is_no_less_than_the_host_has_is_none() -> None:
    assert CgroupReader(RECORDED / "quota/before", cores=1).quota(4711, 100.0) is None


def test_the_memory_limit_of_the_workers_service_counts_without_files_that_can_go() -> None:
    root = RECORDED / "quota" / "after"
    sample = read_memory(CgroupReader(root), 4711, root)
    assert sample is not None
    assert (sample.limit_bytes, sample.used_bytes) == (2_147_483_648, 1_250_000_000)
    assert (sample.swap_total_bytes, sample.swap_used_bytes) == (2_048_000 * 1024, 48_000 * 1024)
    unlimited = read_memory(CgroupReader(root), None, root)
    assert unlimited is not None
    assert unlimited.limit_bytes is None
    assert unlimited.used_bytes == (16_384_000 - 9_216_000) * 1024


def test_control_groups_of_version_1_tell_no_limit() -> None:
    root = RECORDED / "two-cores" / "before"
    cgroup = CgroupReader(root, cores=2)
    sample = read_memory(cgroup, None, root)
    assert cgroup.quota(None, 100.0) is None
    assert sample is not None
    assert sample.limit_bytes is None
    assert sample.swap_total_bytes is None


def test_a_machine_without_a_proc_folder_tells_its_cores_and_nothing_else(tmp_path: Path) -> None:
    cpu = CpuReader(tmp_path).read()
    assert cpu.model_dump(exclude_none=True).keys() == {"cores"}
    assert PressureReader(tmp_path).read(1.0) is None
    assert NetworkReader(tmp_path).read(1.0) is None
    assert read_memory(CgroupReader(tmp_path), None, tmp_path) is None
    assert read_disk(tmp_path / "gone") is None


def test_a_process_table_that_cannot_be_listed_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> list[str]:
        raise FileNotFoundError

    monkeypatch.setattr("os.listdir", refuse)
    assert ProcessTable().read(1.0) == []


def test_a_counter_that_is_new_or_went_backwards_has_no_rate() -> None:
    counters = Counters()
    assert counters.per_s({"a": 1, "b": 5}, 10.0) == {}
    assert counters.per_s({"a": 5, "b": 4, "c": 9}, 12.0) == {"a": 2.0}
    assert counters.per_s({"a": 6}, 12.0) == {}
