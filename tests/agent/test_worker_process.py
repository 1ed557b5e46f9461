"""The agent worker from the command line."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agent.kernel import process_created_at
from agent.samplers.processes import is_forkserver
from agent.worker_process import WorkerRecord
from protocol.control import STAGE_ATTRIBUTE
from tests.agent.conftest import Host, RunningSession, Stream, eventually, make_spec
from tests.agent.visitor import Visitor
from tests.services import LiveKit, Valkey, wait_until


@pytest.fixture
def own_livekit(tmp_path: Path) -> Iterator[LiveKit]:
    """A LiveKit server that the test may stop; not started."""
    server = LiveKit(tmp_path / "livekit")
    yield server
    server.stop()


@pytest.fixture
def lone_host(tmp_path: Path, own_livekit: LiveKit, valkey: Valkey) -> Iterator[Host]:
    """A host of its own, with nothing running."""
    host = Host(tmp_path / "home", "lonely", own_livekit, valkey)
    yield host
    host.command("stop", "--timeout", "3")


def test_starting_twice_starts_once(host: Host) -> None:
    again = host.start()
    assert again["started"] is False
    status = json.loads(host.command("status").stdout)
    assert status["running"] is True
    assert status["registered"] is True
    assert status["pid"] == again["pid"]
    record = host.home / "agent-worker.json"
    assert record.stat().st_mode & 0o777 == 0o600
    assert json.loads(record.read_text())["port"] > 0


async def test_a_worker_waits_for_livekit_and_survives_its_restart(lone_host: Host, own_livekit: LiveKit) -> None:
    refused = await asyncio.to_thread(lone_host.command, "start", "--timeout", "6")
    assert refused.returncode == 1
    assert "keeps trying" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1

    own_livekit.start()
    stream = Stream.from_now(lone_host.valkey.url)
    started = await asyncio.to_thread(lone_host.start)
    assert started["started"] is False

    session = RunningSession(lone_host, make_spec(lone_host.name), stream)
    await lone_host.dispatch(session.spec.model_dump_json(), session.spec.room)
    await session.wait_for("job_ready")
    own_livekit.stop(signal.SIGKILL)
    own_livekit.start()
    dana = Visitor(own_livekit, session.spec.room)
    await dana.join()
    await eventually(lambda: dana.frames, "the avatar is back")
    await eventually(lambda: dana.agent and dana.agent.attributes.get(STAGE_ATTRIBUTE) == "ready", "its stage too")
    assert not session.events("job_ended")
    await dana.leave()


def test_stop_ends_the_worker_and_its_jobs_and_nothing_else(lone_host: Host, own_livekit: LiveKit) -> None:
    own_livekit.start()
    pid = lone_host.start()["pid"]
    stopped = lone_host.command("stop")
    assert json.loads(stopped.stdout) == {"pid": pid, "stopped": True}
    assert process_created_at(pid) is None
    assert not (lone_host.home / "agent-worker.json").exists()
    assert json.loads(lone_host.command("stop").stdout) == {"pid": None, "stopped": False}
    assert json.loads(lone_host.command("status").stdout)["running"] is False


def test_a_worker_that_is_killed_takes_what_it_has_forked_along(lone_host: Host, own_livekit: LiveKit) -> None:
    own_livekit.start()
    worker = psutil.Process(lone_host.start()["pid"])
    forked = worker.children(recursive=True)
    assert any(is_forkserver(process.pid, worker.pid) for process in forked)
    worker.kill()
    wait_until(lambda: not any(process.is_running() for process in forked), "all of them gone")


def test_a_record_of_a_pid_that_is_somebody_else_s_by_now_kills_nobody(lone_host: Host) -> None:
    born = process_created_at(os.getpid())
    assert born is not None
    record = WorkerRecord(os.getpid(), born - 1_000, 1, registered=True)
    record.write(lone_host.home / "agent-worker.json")
    assert json.loads(lone_host.command("status").stdout)["running"] is False
    assert json.loads(lone_host.command("stop").stdout)["stopped"] is False


def test_a_host_name_that_is_none_is_refused_with_a_sentence(lone_host: Host) -> None:
    lone_host.name = "Two Words"
    refused = lone_host.command("status")
    assert refused.returncode == 1
    assert "AVATARY_HOST" in refused.stderr
    lone_host.name = "lonely"
