"""Processes of a Procfile: they come back when they die, and nothing of them is left at the end."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from launch import children
from launch.processes import FIRST_PAUSE_S, LONGEST_PAUSE_S, Pause, Processes

Starter = Callable[..., Processes]


async def until(condition: Callable[[], object], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.02)


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[Starter]:
    """Write a Procfile of these lines and start all of them."""
    running: list[Processes] = []

    def start(*, quiet: tuple[str, ...] = (), **lines: str) -> Processes:
        procfile = tmp_path / "Procfile"
        procfile.write_text("".join(f"{name}: {command}\n" for name, command in lines.items()))
        environment = {"PATH": os.environ["PATH"], "HERE": str(tmp_path)}
        processes = Processes(procfile, folder=tmp_path, environment=environment, logs=tmp_path, quiet=quiet)
        for name in processes.names:
            processes.start(name)
        running.append(processes)
        return processes

    yield start
    for processes in running:
        await processes.stop(*processes.names)


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def test_a_process_that_dies_is_started_again_and_the_others_go_on(started: Starter) -> None:
    processes = started(web="exec sleep 600", monitor="exec sleep 600")
    web, monitor = processes.process("web"), processes.process("monitor")
    await until(lambda: web.pid and monitor.pid)
    untouched = monitor.pid
    assert web.pid is not None
    psutil.Process(web.pid).kill()
    await until(lambda: web.starts == 2 and web.pid)
    assert monitor.pid == untouched
    assert monitor.starts == 1


def test_the_pause_before_a_restart_doubles_up_to_a_limit_and_a_good_run_resets_it() -> None:
    pause = Pause()
    pauses = [pause.after_run_of(0.1) for _ in range(9)]
    assert pauses[:3] == [FIRST_PAUSE_S, FIRST_PAUSE_S * 2, FIRST_PAUSE_S * 4]
    assert pauses[-1] == LONGEST_PAUSE_S
    assert pause.after_run_of(3600) == FIRST_PAUSE_S


async def test_what_a_process_started_is_ended_with_it(started: Starter, tmp_path: Path) -> None:
    processes = started(celery='sh -c "echo \\$\\$ > $HERE/grandchild; exec sleep 600" & wait')
    await until(lambda: read(tmp_path / "grandchild").strip())
    await processes.stop("celery")
    await until(lambda: not is_alive(int(read(tmp_path / "grandchild"))))
    assert processes.process("celery").pid is None


async def test_what_a_dead_process_left_behind_is_ended_before_it_starts_again(
    started: Starter, tmp_path: Path
) -> None:
    script = 'sh -c "echo \\$\\$ >> $HERE/grandchildren; exec sleep 600" & sleep 0.2; exit 3'
    processes = started(celery=script)
    await until(lambda: processes.process("celery").starts == 2)
    await until(lambda: not is_alive(int(read(tmp_path / "grandchildren").split()[0])))


async def test_a_process_that_will_not_end_is_killed_after_a_while(
    started: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert children.KILL_AFTER_S <= 5, "Ctrl-C ends everything within seconds"
    monkeypatch.setattr(children, "INSIST_AFTER_S", 0.1)
    monkeypatch.setattr(children, "KILL_AFTER_S", 0.2)
    processes = started(livekit='trap "" TERM; touch $HERE/deaf; while :; do sleep 1; done')
    await until(lambda: (tmp_path / "deaf").exists() and processes.process("livekit").pid)
    pid = processes.process("livekit").pid
    assert pid is not None
    await asyncio.wait_for(processes.stop("livekit"), 10)
    assert not is_alive(pid)


async def test_a_server_that_waits_for_its_guests_at_the_first_signal_is_asked_twice(
    started: Starter, tmp_path: Path
) -> None:
    script = "n=0; trap 'n=$((n+1)); [ $n -lt 2 ] || { touch $HERE/in-order; exit 0; }' TERM; touch $HERE/up; "
    processes = started(livekit=script + "while :; do sleep 0.05; done")
    await until((tmp_path / "up").exists)
    await processes.stop("livekit")
    assert (tmp_path / "in-order").exists()


async def test_all_that_is_printed_is_in_the_log_and_quiet_ones_speak_only_when_they_die(
    started: Starter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    processes = started(
        quiet=("valkey",), web="echo good morning; exec sleep 600", valkey="echo hush; read x < $HERE/fifo; exit 7"
    )
    await until(lambda: "good morning" in read(tmp_path / "web.log"))
    await until(lambda: processes.process("valkey").starts == 2)  # there is no fifo: it dies
    out = capsys.readouterr().out
    assert "web    | good morning" in out
    assert out.index("hush") < out.index("ended by itself (exit code")
    assert "hush" in read(tmp_path / "valkey.log")


async def test_an_endless_line_does_not_stop_the_reading(started: Starter, tmp_path: Path) -> None:
    started(web="head -c 600000 /dev/zero | tr '\\0' x; echo; echo after; exec sleep 600")
    await until(lambda: "after" in read(tmp_path / "web.log").splitlines())


async def test_stopping_during_the_pause_before_a_restart_ends_it(started: Starter, tmp_path: Path) -> None:
    processes = started(web="echo x >> $HERE/starts; exit 1")
    await until(lambda: "ended by itself" in read(tmp_path / "web.log"))
    await processes.stop("web")
    assert processes.process("web").pid is None


async def test_stopping_at_any_moment_of_a_start_leaves_nothing_behind(started: Starter, tmp_path: Path) -> None:
    line = 'sh -c "echo \\$\\$ >> $HERE/grandchildren; exec sleep 600" & wait'
    processes = started(celery=line)
    for turns in range(25):
        for _ in range(turns):  # of the event loop: each goes on a little further with the start
            await asyncio.sleep(0)
        await processes.stop("celery")
        processes.start("celery")
    await processes.stop("celery")
    grandchildren = [int(pid) for pid in read(tmp_path / "grandchildren").split()]
    await until(lambda: not any(map(is_alive, grandchildren)))


async def test_a_full_disk_under_the_logs_neither_stops_a_process_nor_its_end(
    started: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "web.log").symlink_to("/dev/full")
    terminal = open("/dev/full", "w", buffering=1)  # noqa: ASYNC230, SIM115 - a device; its end would want to write, and can't
    monkeypatch.setattr("sys.stdout", terminal)
    processes = started(web="seq 100000; echo said > $HERE/said; exec sleep 600")  # more than the pipe holds
    await until(lambda: read(tmp_path / "said"))
    assert processes.process("web").starts == 1
    await processes.stop("web")
