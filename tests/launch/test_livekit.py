"""Where the LiveKit server comes from, and the configuration that it is given."""

import json
import signal
import stat
from pathlib import Path

import pytest

from launch import livekit
from launch.errors import LaunchError
from tests.services import LiveKit, livekit_binary

VALUES = {
    "AVATARY_PORT": "8000",
    "AVATARY_LIVEKIT_PORT": "17001",
    "AVATARY_RTC_PORT": "17002",
    "LIVEKIT_API_KEY": "key",
    "LIVEKIT_API_SECRET": "a-secret-of-more-than-32-characters-indeed",
}


def write_program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "state" / "bin").mkdir(parents=True)
    return tmp_path / "state"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes right before the system's own programs on PATH, and holds what a test puts there."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


async def test_the_server_on_path_comes_before_the_one_built_earlier(home: Path, path: Path) -> None:
    built = write_program(home / "bin" / "livekit-server", "exit 0")
    assert await livekit.get_server(home) == built
    installed = write_program(path / "livekit-server", "exit 0")
    assert await livekit.get_server(home) == installed


async def test_the_go_on_path_builds_the_pinned_version_and_says_so(
    home: Path, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_program(path / "go", 'echo "$@ $GOFLAGS" > "$(dirname "$0")/asked"; touch "$GOBIN/server"')
    server = await livekit.get_server(home)
    assert server == home / "bin" / "livekit-server"
    assert server.exists()
    assert (path / "asked").read_text().split() == ["install", "-v", livekit.SOURCE, "-trimpath"]
    assert "1.13.5 is being built" in capsys.readouterr().out
    assert names_in(home) == ["bin"]


async def test_when_nothing_works_a_sentence_names_what_was_tried_and_what_to_do_next(
    home: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(path / "go", "echo go: no route to proxy.golang.org; exit 1")

    async def python_without_network(folder: Path) -> Path:
        return write_program(folder / "bin" / "python", "echo no route to pypi.org; exit 1")

    monkeypatch.setattr(livekit, "make_venv", python_without_network)
    with pytest.raises(LaunchError) as failure:
        await livekit.get_server(home)
    sentence = str(failure.value)
    for part in ("on PATH: not there", "no route to proxy.golang.org", "no route to pypi.org", "Next:", "LIVEKIT_URL"):
        assert part in sentence


async def test_without_go_on_path_go_from_pypi_builds_it(
    home: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def python_with_go(folder: Path) -> Path:
        write_program(folder / "bin" / "go", 'test -n "$GOCACHE" && touch "$GOBIN/server"')
        return write_program(folder / "bin" / "python", "exit 0")

    monkeypatch.setattr(livekit, "make_venv", python_with_go)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert (await livekit.get_server(home)).exists()
    assert names_in(home) == ["bin"]


def test_the_configuration_is_private_and_listens_on_loopback(home: Path) -> None:
    file = livekit.write_configuration(home, VALUES, {})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    configuration = json.loads(file.read_text())
    assert configuration["bind_addresses"] == ["127.0.0.1"]
    assert configuration["webhook"]["urls"] == ["http://127.0.0.1:8000/livekit/webhook"]


def test_an_extra_file_is_merged_over_the_configuration_key_by_key(home: Path, tmp_path: Path) -> None:
    extra = tmp_path / "public.yaml"
    extra.write_text("rtc:\n  node_ip: 203.0.113.7\nturn:\n  enabled: true\n  domain: turn.example\n")
    file = livekit.write_configuration(home, VALUES, {"AVATARY_LIVEKIT_CONFIG": str(extra)})
    configuration = json.loads(file.read_text())
    assert configuration["rtc"]["node_ip"] == "203.0.113.7"
    assert configuration["rtc"]["udp_port"] == 17002
    assert configuration["turn"] == {"enabled": True, "domain": "turn.example"}


def test_nobody_is_asked_for_a_public_address_but_by_who_wants_one(home: Path, tmp_path: Path) -> None:
    own = json.loads(livekit.write_configuration(home, VALUES, {}).read_text())
    assert own["rtc"]["stun_servers"] == [livekit.NO_STUN], "without any LiveKit names public ones to every participant"
    extra = tmp_path / "public.yaml"
    extra.write_text("rtc:\n  use_external_ip: true\n")
    public = json.loads(livekit.write_configuration(home, VALUES, {"AVATARY_LIVEKIT_CONFIG": str(extra)}).read_text())
    assert "stun_servers" not in public["rtc"]


@pytest.mark.parametrize("content", ["- a list", "rtc: [", None])
def test_an_extra_file_that_is_none_gets_a_sentence(home: Path, tmp_path: Path, content: str | None) -> None:
    extra = tmp_path / "extra.yaml"
    if content is not None:
        extra.write_text(content)
    with pytest.raises(LaunchError, match="AVATARY_LIVEKIT_CONFIG"):
        livekit.write_configuration(home, VALUES, {"AVATARY_LIVEKIT_CONFIG": str(extra)})


def test_the_real_server_starts_with_the_configuration(tmp_path: Path) -> None:
    class Configured(LiveKit):
        def command(self) -> list[str]:
            ports = {"AVATARY_LIVEKIT_PORT": str(self.port), "AVATARY_RTC_PORT": str(self.rtc_udp_port)}
            return [livekit_binary(), "--config", str(livekit.write_configuration(tmp_path, VALUES | ports, {}))]

    server = Configured(tmp_path / "server")
    server.start()
    server.stop(signal.SIGKILL)
