"""`python -m launch` in a small stand-in for the product: what is started is ready, and what is ended is gone."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from launch.ports import free_port
from launch.state import read_environment
from tests.services import wait_until

ROOT = Path(__file__).parent.parent.parent

MANAGE = """\
import os, pathlib, sys
home = pathlib.Path(os.environ["AVATARY_HOME"])
(home / "db.sqlite3").touch()
with (home / "managed").open("a") as managed:
    print(sys.argv[1], file=managed)
print("noise")
print({"sign_in_link": "http://127.0.0.1/sign-in/once"}.get(sys.argv[1], "done"))
"""
# Answers /readyz, and starts the agent as Celery does in the product: detached, known by its pid file alone.
WEB = """\
import http.server, json, os, pathlib, subprocess, sys
home = pathlib.Path(os.environ["AVATARY_HOME"])
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
(home / "agent.pid").write_text(str(worker.pid))
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["AVATARY_PORT"])), Ready).serve_forever()
"""
# One that is too young to have written its pid file: `agent stop` can't know it.
WEB_WITH_A_YOUNG_AGENT = WEB.replace('"agent.pid"', '"young.pid"')
AGENT = """\
import os, pathlib, signal, sys
assert sys.argv[1] == "stop"
pid_file = pathlib.Path(os.environ["AVATARY_HOME"]) / "agent.pid"
if pid_file.exists():
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    pid_file.unlink()
"""
PROCFILE = """\
valkey: exec "$AVATARY_VALKEY_SERVER" "$AVATARY_HOME/valkey/valkey.conf"
livekit: exec false
standins: exec sleep 600
web: exec $PYTHON web.py
celery: sh -c "sleep 600" & sleep 600
"""


@dataclass
class Launched:
    process: subprocess.Popen[str]
    home: Path

    def lines_until(self, start: str) -> list[str]:
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.rstrip())
            if line.startswith(start):
                return lines
        raise AssertionError("\n".join(["it ended without " + start, *lines]))

    def everything_it_started(self) -> list[psutil.Process]:
        agent = psutil.Process(int((self.home / "agent.pid").read_text()))
        return [agent, *psutil.Process(self.process.pid).children(recursive=True)]


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "launch", tmp_path / "launch", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "manage.py").write_text(MANAGE)
    (tmp_path / "web.py").write_text(WEB)
    (tmp_path / "Procfile").write_text(PROCFILE)
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "__main__.py").write_text(AGENT)
    return tmp_path


def launch(project: Path, **environment: str) -> Launched:
    given = {
        "PATH": os.environ["PATH"],
        "PYTHON": sys.executable,
        "AVATARY_PORT": str(free_port("127.0.0.1")),
        "LIVEKIT_URL": "ws://127.0.0.1:9",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "secret",
        **environment,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "launch"],
        cwd=project,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Launched(process, Path(given.get("AVATARY_HOME") or project / ".runtime"))


@pytest.fixture
def launched(project: Path) -> Iterator[Launched]:
    launched = launch(project)
    yield launched
    launched.process.terminate()
    launched.process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_everything_that_was_started(launched: Launched, number: signal.Signals) -> None:
    lines = launched.lines_until("Sign in:")
    assert lines[-1] == "Sign in: http://127.0.0.1/sign-in/once"
    started = launched.everything_it_started()
    assert len(started) >= 5
    launched.process.send_signal(number)
    assert launched.process.wait(timeout=60) == 0
    wait_until(lambda: all(map(is_gone, started)), "the end of every process")


@pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is Linux's own")
def test_an_agent_that_can_not_be_asked_yet_is_ended_too(project: Path) -> None:
    (project / "web.py").write_text(WEB_WITH_A_YOUNG_AGENT)
    launched = launch(project)
    launched.lines_until("Sign in:")
    agent = psutil.Process(int((launched.home / "young.pid").read_text()))
    launched.process.terminate()
    assert launched.process.wait(timeout=60) == 0
    wait_until(lambda: is_gone(agent), "the end of the agent")


def test_pressing_ctrl_c_again_and_again_leaves_nothing_behind(launched: Launched) -> None:
    launched.lines_until("Sign in:")
    started = launched.everything_it_started()
    launched.process.send_signal(signal.SIGINT)
    launched.lines_until("Ending")
    launched.process.send_signal(signal.SIGINT)
    launched.process.send_signal(signal.SIGTERM)
    launched.process.wait(timeout=60)
    wait_until(lambda: all(map(is_gone, started)), "the end of every process")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_when_launch_itself_is_killed_the_kernel_ends_its_processes(launched: Launched) -> None:
    launched.lines_until("Sign in:")
    started = launched.everything_it_started()
    children = psutil.Process(launched.process.pid).children()
    launched.process.kill()
    launched.process.wait(timeout=60)
    wait_until(lambda: all(map(is_gone, children)), "the end of every child")
    for grandchild in started:
        with suppress(psutil.NoSuchProcess):
            grandchild.kill()


def test_standins_run_when_they_are_asked_for(project: Path, launched: Launched) -> None:
    assert not any("Stand-ins" in line for line in launched.lines_until("Sign in:"))
    assert (launched.home / "log" / "standins.log").exists() is False
    other = launch(project, AVATARY_HOME=str(project / "other"), PROVIDERS="standin")
    try:
        assert any("Stand-ins for hosted avatars: http://127.0.0.1:" in line for line in other.lines_until("Sign in:"))
        assert (other.home / "log" / "standins.log").exists()
    finally:
        other.process.terminate()
        assert other.process.wait(timeout=60) == 0


def test_two_copies_run_side_by_side(project: Path, launched: Launched, tmp_path: Path) -> None:
    other = launch(project, AVATARY_HOME=str(tmp_path / "other"))
    try:
        launched.lines_until("Sign in:")
        other.lines_until("Sign in:")
    finally:
        other.process.terminate()
        assert other.process.wait(timeout=60) == 0


def test_a_second_copy_on_the_same_state_folder_says_so_in_one_sentence(project: Path, launched: Launched) -> None:
    launched.lines_until("Sign in:")
    second = launch(project)
    out, _ = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert "already runs" in out
    assert "Traceback" not in out


def test_a_taken_web_port_says_so_in_one_sentence(project: Path, launched: Launched) -> None:
    launched.lines_until("Sign in:")
    port = read_environment(launched.home)["AVATARY_PORT"]
    second = launch(project, AVATARY_PORT=port, AVATARY_HOME=str(project / "other"))
    out, _ = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in out
    assert "Traceback" not in out


def test_the_database_is_prepared_again_only_when_it_is_gone_or_its_sources_changed(project: Path) -> None:
    migration = project / "people" / "migrations" / "0001_initial.py"
    migration.parent.mkdir(parents=True)
    home = project / ".runtime"

    def run() -> list[str]:
        """What manage.py was asked for in one run."""
        (home / "managed").unlink(missing_ok=True)
        launched = launch(project)
        launched.lines_until("Sign in:")
        launched.process.terminate()
        launched.process.communicate(timeout=60)
        return (home / "managed").read_text().split()

    everything = ["migrate", "load_demo", "sign_in_link"]
    assert run() == everything
    assert run() == ["sign_in_link"]
    migration.touch()
    assert run() == everything
    (home / "db.sqlite3").unlink()
    assert run() == everything


def test_a_failing_database_ends_it_with_the_reason(project: Path) -> None:
    (project / "manage.py").write_text("raise SystemExit('no such table')")
    launched = launch(project)
    out, _ = launched.process.communicate(timeout=60)
    assert launched.process.returncode == 1
    assert "manage.py migrate failed" in out
    assert "no such table" in out
    assert "Traceback" not in out
