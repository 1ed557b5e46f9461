"""The database and its demo content, brought up to date; skipped where nothing can have changed, for a quick start."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from launch import children
from launch.console import say, stage
from launch.state import INSTALL_VARIABLES, State

# Of variables that the start-up checks look at; one more may be a misspelt one.
VENDORS = ("LIVA_", "BITHUMAN_", "TAVUS_", "BEY_")
# What `migrate` and `load_demo` are made of.
SOURCES = (
    "*/migrations/*.py",
    "*/management/commands/load_demo.py",
    "sessions/demo/*",
    "*/actions/*.py",
    "protocol/*.py",
)


async def prepare_database(state: State, environment: Mapping[str, str], root: Path) -> None:
    """Run `migrate` and `load_demo`, unless our own SQLite file is there and was prepared from the same sources.

    What they print is said: warnings of the start-up checks.
    """
    sqlite = state.home / "db.sqlite3"
    stamp = state.home / "database-prepared"
    fingerprint = _fingerprint(root, state, environment)
    is_own_file = not state.values.get("DATABASE_URL")  # another's database may be emptied or replaced at any time
    if is_own_file and sqlite.exists() and stamp.exists() and stamp.read_text() == fingerprint:
        return
    with stage("Database"):
        stamp.unlink(missing_ok=True)
        # The second one makes the start-up checks too, once the tables are there.
        for command in (["migrate", "--verbosity=0", "--skip-checks"], ["load_demo"]):
            for line in await manage(*command, environment=environment, root=root):
                say(line)
        stamp.write_text(fingerprint)


async def manage(*arguments: str, environment: Mapping[str, str], root: Path) -> list[str]:
    """Run a command of manage.py; returns the last lines that it printed."""
    what = f"manage.py {arguments[0]}"
    return await children.run(what, [sys.executable, "manage.py", *arguments], environment=environment, folder=root)


def _fingerprint(root: Path, state: State, environment: Mapping[str, str]) -> str:
    """Of the sources, of what the environment says about the content, and of which variables are checked."""
    digest = hashlib.sha256()
    says = {name: state.values[name] for name in INSTALL_VARIABLES if name in state.values}
    checked = sorted(name for name in environment if name.startswith(VENDORS))
    digest.update(repr((sorted(says.items()), state.standins, checked)).encode())
    for file in sorted(file for pattern in SOURCES for file in root.glob(pattern) if file.is_file()):
        digest.update(str(file.relative_to(root)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
