"""What an avatar host learns from its environment."""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class InvalidEnvironment(ValueError):
    """A variable is missing or malformed; the message names it."""


@dataclass(frozen=True)
class HostEnvironment:
    """Settings of this avatar host. `livekit_url` is None where none is configured."""

    home: Path
    host: str
    livekit_url: str | None
    redis_url: str
    livekit_public_url: str | None = None  # what comes from outside uses: visitors, and avatars that a vendor sends
    whisper_model: str | None = None  # a folder, or the name of one in `models/` of the state folder

    @classmethod
    def read(cls) -> "HostEnvironment":
        """Raises `InvalidEnvironment` for a host name that is none."""
        host = os.environ.get("AVATARY_HOST") or default_host_name()
        if not _HOST_NAME.fullmatch(host):
            raise InvalidEnvironment(
                f"AVATARY_HOST is {host!r}: use 1 to 40 of a-z, 0-9 and the hyphen, a hyphen not first"
            )
        return cls(
            home=Path(os.environ.get("AVATARY_HOME") or ".runtime").resolve(),
            host=host,
            livekit_url=os.environ.get("LIVEKIT_URL") or None,
            livekit_public_url=os.environ.get("LIVEKIT_PUBLIC_URL") or os.environ.get("LIVEKIT_URL") or None,
            redis_url=os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0",
            whisper_model=os.environ.get("AVATARY_WHISPER_MODEL") or None,
        )

    @property
    def worker_file(self) -> Path:
        """Who the host's agent worker is: written by the worker, read by the CLI and the sampler."""
        return self.home / "agent-worker.json"

    @property
    def models_socket(self) -> Path:
        """Where the host's shared model process is asked."""
        return self.home / "models.sock"

    @property
    def worker_log(self) -> Path:
        return self.home / "log" / "agent-worker.log"


def default_host_name() -> str:
    """The machine's short name, reduced to a-z, 0-9 and the hyphen."""
    short = socket.gethostname().split(".")[0].lower()
    return re.sub(r"[^a-z0-9-]+", "-", short).strip("-")[:40] or "host"
