"""What the idle agent host and one session cost: memory of the whole process tree, own memory and CPU of a job."""

import json
import time

import psutil

from agent.memory import read_memory
from tests.services import wait_until
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
MIB = 1024 * 1024
SETTLE_S = 5  # after a start, before the readings
ROLES = ("valkey", "standins", "daphne", "celery", "monitor", "sampler")


def idle_and_session(stack: Stack, repetitions: int) -> list[Row]:
    stack.agent("stop")
    stack.agent(
        "start"
    )  # what hears and understands is loaded for the first session, and leaves 5 minutes after the last
    worker = _worker(stack)
    time.sleep(SETTLE_S)
    idle = [_tree_pss_mib(worker) for _ in range(repetitions)]
    control = [_control_plane_pss_mib(stack) for _ in range(3)]
    control_cpu = _control_plane_cpu_percent(stack)
    code = stack.start_session("balanced")
    session = stack.wait_ready(code)
    job = psutil.Process(session["job_pid"])
    time.sleep(SETTLE_S)
    own: list[float] = []
    cpu: list[float] = []
    job.cpu_percent()
    for _ in range(repetitions):
        time.sleep(1)
        own.append(job.memory_full_info().uss / MIB)
        cpu.append(job.cpu_percent())
    stack.stop_session(code)
    time.sleep(SETTLE_S)
    after = [_tree_pss_mib(worker) for _ in range(repetitions)]
    return [
        ("idle agent host, whole tree", "MB PSS", idle, 343, "median"),
        ("agent host in the 5 minutes after a session", "MB PSS", after, None, "median"),
        ("session at 720p", "MB USS", own, 130, "median"),
        ("session at 720p, nobody in the room", "% core", cpu, None, "median"),
        ("idle control plane, without LiveKit", "MB PSS", control, 400, "median"),
        ("idle control plane, without LiveKit", "% core", [sum(control_cpu.values())], 3, "median"),
        *((f"of it {name}", "% core", [percent], None, "median") for name, percent in control_cpu.items()),
    ]


def _worker(stack: Stack) -> psutil.Process:
    record = stack.home / "agent-worker.json"
    wait_until(record.exists, "the agent worker's record")
    return psutil.Process(json.loads(record.read_text())["pid"])


def _tree_pss_mib(root: psutil.Process) -> float:
    return _pss_mib([root, *root.children(recursive=True)])


def _pss_mib(processes: list[psutil.Process]) -> float:
    """Of those that are still there: a child may end between its listing and its reading."""
    return sum(memory.pss_bytes or 0 for memory in (read_memory(process.pid) for process in processes)) / MIB


def _control_plane(stack: Stack) -> list[psutil.Process]:
    assert stack.pid is not None
    launcher = psutil.Process(stack.pid)
    worker = _worker(stack)
    agent = {worker.pid, *(process.pid for process in worker.children(recursive=True))}  # the launcher adopts it
    return [
        process
        for process in [launcher, *launcher.children(recursive=True)]
        if process.pid not in agent and not _is_livekit_or_over(process)
    ]


def _is_livekit_or_over(process: psutil.Process) -> bool:
    try:
        return "livekit-server" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a program that has just ended
        return True


def _control_plane_pss_mib(stack: Stack) -> float:
    return _pss_mib(_control_plane(stack))


def _control_plane_cpu_percent(stack: Stack, seconds: float = 60) -> dict[str, float]:
    """Of one core, over `seconds`, by process."""
    processes = _control_plane(stack)
    before = [sum(process.cpu_times()[:2]) for process in processes]
    time.sleep(seconds)
    percent: dict[str, float] = {}
    for process, spent in zip(processes, before, strict=True):
        name = next((role for role in ROLES if role in " ".join(process.cmdline())), "launcher")
        percent[name] = percent.get(name, 0) + 100 * (sum(process.cpu_times()[:2]) - spent) / seconds
    return percent
