"""The database is prepared once for each state of the sources it is made of."""

from pathlib import Path

import pytest

from launch import database
from launch.state import State


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands of manage.py that were run."""
    commands: list[str] = []

    async def manage(command: str, *_: str, **__: object) -> list[str]:
        commands.append(command)
        return []

    monkeypatch.setattr(database, "manage", manage)
    return commands


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    (folder / "sessions" / "demo").mkdir(parents=True)
    (folder / "sessions" / "demo" / "museum.toml").write_text("[museum]")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> State:
    (tmp_path / "db.sqlite3").touch()
    return State(tmp_path, {}, own_livekit=True, own_valkey=True)


async def test_a_prepared_database_is_left_alone_until_its_sources_change(
    prepared: list[str], root: Path, state: State
) -> None:
    await database.prepare_database(state, {}, root)
    await database.prepare_database(state, {}, root)
    assert prepared == ["migrate", "load_demo"]
    (root / "sessions" / "demo" / "museum.toml").write_text("[another]")
    await database.prepare_database(state, {}, root)
    assert prepared == ["migrate", "load_demo"] * 2


async def test_what_python_compiles_beside_the_sources_changes_nothing(
    prepared: list[str], root: Path, state: State
) -> None:
    await database.prepare_database(state, {}, root)
    (root / "sessions" / "demo" / "__pycache__").mkdir()
    (root / "sessions" / "demo" / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"\0")
    await database.prepare_database(state, {}, root)
    assert prepared == ["migrate", "load_demo"]


async def test_a_warning_of_the_checks_is_said_and_a_new_variable_is_looked_at(
    prepared: list[str], root: Path, state: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def warns(*_: str, **__: object) -> list[str]:
        return ["?: (avatary.W002) BITHUMAN_AVATARID is not known here and has no effect."]

    await database.prepare_database(state, {"BITHUMAN_API_SECRET": "s"}, root)
    await database.prepare_database(state, {"BITHUMAN_API_SECRET": "another"}, root)
    assert prepared == ["migrate", "load_demo"]
    monkeypatch.setattr(database, "manage", warns)
    await database.prepare_database(state, {"BITHUMAN_API_SECRET": "s", "BITHUMAN_AVATARID": "A1"}, root)
    assert "avatary.W002" in capsys.readouterr().out
