"""The state folder: secrets, ports, and sentences where a person has to choose."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from launch import ports
from launch.errors import LaunchError
from launch.ports import free_port
from launch.state import HOST_NAME, home_folder, locked, prepare, read_environment, wants_own_livekit


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_folder({"AVATARY_HOME": str(tmp_path / "state")})


@pytest.fixture
def web_port() -> str:
    return str(free_port("127.0.0.1"))


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_state_folder_and_its_secrets_are_private(home: Path, web_port: str) -> None:
    prepare({"AVATARY_PORT": web_port}, home)
    assert mode_of(home) == 0o700
    assert mode_of(home / "environment") == 0o600


def test_secrets_and_ports_are_chosen_once_and_kept(home: Path, web_port: str) -> None:
    first = prepare({"AVATARY_PORT": web_port}, home)
    second = prepare({"AVATARY_PORT": web_port}, home)
    assert second.values == first.values
    assert len(first.values["LIVEKIT_API_SECRET"]) >= 32
    assert len(first.values["DJANGO_SECRET_KEY"]) >= 50
    assert read_environment(home) == first.values


def test_two_copies_get_other_secrets_and_other_ports(tmp_path: Path, web_port: str) -> None:
    states = [prepare({"AVATARY_PORT": web_port}, home_folder({"AVATARY_HOME": str(tmp_path / name)})) for name in "ab"]
    for name in ("DJANGO_SECRET_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_URL", "REDIS_URL"):
        assert states[0].values[name] != states[1].values[name]


def test_no_port_is_handed_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LAST_PORT", ports.FIRST_PORT + 39)
    drawn = [free_port("127.0.0.1") for _ in range(20)]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("name", ["Atlas", "two words", "-atlas", "a" * 41, "atlas.example.org", "öst"])
def test_a_name_that_no_host_can_have_is_refused_with_one_that_it_can(home: Path, web_port: str, name: str) -> None:
    with pytest.raises(LaunchError, match="AVATARY_HOST") as refusal:
        prepare({"AVATARY_PORT": web_port, "AVATARY_HOST": name}, home)
    better = str(refusal.value).split("AVATARY_HOST=")[1].split()[0]
    assert prepare({"AVATARY_PORT": web_port, "AVATARY_HOST": better}, home).values["AVATARY_HOST"] == better


@pytest.mark.parametrize("machine", ["a" * 60, "Museum_Hall--7.example.org", "-", "öst"])
def test_any_machine_has_a_host_name(home: Path, web_port: str, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    assert HOST_NAME.fullmatch(prepare({"AVATARY_PORT": web_port}, home).values["AVATARY_HOST"])


def test_a_kept_port_that_was_taken_meanwhile_is_chosen_anew(home: Path, web_port: str) -> None:
    first = prepare({"AVATARY_PORT": web_port}, home)
    with closing(socket.create_server(("127.0.0.1", int(first.values["AVATARY_VALKEY_PORT"])))):
        second = prepare({"AVATARY_PORT": web_port}, home)
    assert second.values["REDIS_URL"] != first.values["REDIS_URL"]
    assert second.values["LIVEKIT_URL"] == first.values["LIVEKIT_URL"]


def test_a_taken_web_port_gets_a_sentence_that_names_it_and_a_way_out(home: Path, taken_port: int) -> None:
    with pytest.raises(LaunchError, match=rf"Port {taken_port} .* is taken .*AVATARY_PORT=\d+ make run"):
        prepare({"AVATARY_PORT": str(taken_port)}, home)


@pytest.mark.parametrize(
    ("name", "kind"), [("AVATARY_LIVEKIT_PORT", socket.SOCK_STREAM), ("AVATARY_RTC_PORT", socket.SOCK_DGRAM)]
)
def test_a_taken_port_that_somebody_fixed_is_not_replaced_in_silence(
    home: Path, web_port: str, name: str, kind: socket.SocketKind
) -> None:
    with closing(socket.socket(socket.AF_INET, kind)) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LaunchError, match=rf"Port {port} .* is taken .*{name}=\d+ make run"):
            prepare({"AVATARY_PORT": web_port, name: str(port)}, home)


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_web_port_that_is_none_gets_a_sentence(home: Path, port: str) -> None:
    with pytest.raises(LaunchError, match="AVATARY_PORT"):
        prepare({"AVATARY_PORT": port}, home)


def test_another_livekit_server_and_another_redis_are_used_as_given(home: Path, web_port: str) -> None:
    given = {
        "AVATARY_PORT": web_port,
        "LIVEKIT_URL": "wss://media.example",
        "LIVEKIT_API_KEY": "key",
        "LIVEKIT_API_SECRET": "secret",
        "REDIS_URL": "redis://cache.example/3",
    }
    state = prepare(given, home)
    assert not state.own_livekit
    assert not state.own_valkey
    assert given.items() <= state.values.items()


def test_another_livekit_server_without_its_keys_gets_a_sentence(home: Path, web_port: str) -> None:
    with pytest.raises(LaunchError, match="LIVEKIT_API_KEY and LIVEKIT_API_SECRET"):
        prepare({"AVATARY_PORT": web_port, "LIVEKIT_URL": "wss://media.example"}, home)


def test_a_shell_that_read_the_environment_file_does_not_turn_our_servers_into_others(
    home: Path, web_port: str
) -> None:
    first = prepare({"AVATARY_PORT": web_port}, home)
    again = prepare(first.values, home)
    assert again.own_livekit
    assert again.own_valkey
    assert wants_own_livekit(first.values, home)


def test_other_settings_of_the_installation_are_kept_for_manage_py(home: Path, web_port: str) -> None:
    given = {"AVATARY_PORT": web_port, "AVATARY_PUBLIC_URL": "https://avatars.example", "DATABASE_URL": "postgres:///a"}
    prepare(given, home)
    assert given.items() <= read_environment(home).items()


def test_a_children_environment_lacks_livekits_own_configuration_variable(
    home: Path, web_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "LIVEKIT_CONFIG", "port: 1")
    assert "LIVEKIT_CONFIG" not in prepare({"AVATARY_PORT": web_port}, home).child_environment()


def test_a_second_copy_on_the_same_state_folder_is_refused_with_a_sentence(home: Path) -> None:
    with locked(home), pytest.raises(LaunchError, match="already runs"), locked(home):
        pass
    with locked(home):
        pass


def test_standins_get_a_port_and_throw_away_keys_that_are_kept(home: Path, web_port: str) -> None:
    given = {"AVATARY_PORT": web_port, "PROVIDERS": "standin", "TAVUS_API_KEY": "a real key"}
    first, second = prepare(given, home), prepare(given, home)
    assert first.standins
    assert first.values == second.values
    port = first.values["AVATARY_STANDINS_PORT"]
    assert first.values["TAVUS_API_URL"] == f"http://127.0.0.1:{port}/tavus/v2"
    keys = {first.values[name] for name in ("BITHUMAN_API_SECRET", "TAVUS_API_KEY", "BEY_API_KEY")}
    assert len(keys) == 3
    assert "a real key" not in keys, "real accounts are no business of the stand-ins"
    assert mode_of(home / "environment") == 0o600


def test_without_standins_nothing_is_said_of_hosted_avatars(home: Path, web_port: str) -> None:
    prepare({"AVATARY_PORT": web_port, "PROVIDERS": "standin"}, home)
    state = prepare({"AVATARY_PORT": web_port, "TAVUS_API_KEY": "a real key"}, home)
    assert not state.standins
    assert not [name for name in state.values if name.startswith(("TAVUS", "BEY", "BITHUMAN"))]


def test_ids_of_real_accounts_stay_out_of_the_way_of_standins(
    home: Path, web_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVUS_PAL_ID", "p-real")
    given = {"AVATARY_PORT": web_port}
    assert prepare(given, home).child_environment()["TAVUS_PAL_ID"] == "p-real"
    assert "TAVUS_PAL_ID" not in prepare({**given, "PROVIDERS": "standin"}, home).child_environment()


def test_other_providers_than_standins_are_not_chosen_like_this(home: Path, web_port: str) -> None:
    with pytest.raises(LaunchError, match="PROVIDERS=standin"):
        prepare({"AVATARY_PORT": web_port, "PROVIDERS": "tavus"}, home)
