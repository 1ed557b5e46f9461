"""The whole product on ports of its own, as `make run` starts it, for tests and benchmarks that use it from outside."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.services import free_port, livekit_binary, wait_until

ROOT = Path(__file__).parent.parent
READY_LIMIT_S = 240
VISITOR_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]


class ApiError(Exception):
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass
class Stack:
    """Started by `start()`, which returns when `/readyz` answers; ended by `stop()`. `home` is its state folder."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    sign_in_url: str = ""
    _process: subprocess.Popen[str] | None = None
    _token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process of the launcher, whose children are all the others but the agent worker."""
        return None if self._process is None else self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AVATARY_", "LIVEKIT_", "DJANGO_")) and name not in ("REDIS_URL", "DATABASE_URL")
        }
        own = {"AVATARY_HOME": str(self.home), "AVATARY_PORT": str(self.port), "AVATARY_HOST": "atlas"}
        return {**inherited, **own, **self.variables}

    @property
    def settings(self) -> dict[str, str]:
        """The lines of the environment file that the processes share."""
        lines = (self.home / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def start(self) -> None:
        (self.home / "bin").mkdir(parents=True, exist_ok=True)
        server = self.home / "bin" / "livekit-server"
        if not server.exists():
            server.symlink_to(livekit_binary())
        log = (self.home / "run.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "launch"],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        process = self._process

        def signed_or_over() -> bool:
            return process.poll() is not None or "Sign in:" in (self.home / "run.log").read_text()

        wait_until(signed_or_over, "the printed sign-in link", READY_LIMIT_S, 0.1)
        printed = (self.home / "run.log").read_text()
        links = re.findall(r"Sign in: (\S+)", printed)
        if process.poll() is not None or not links:
            raise AssertionError(f"the stack did not come up:\n{printed[-4000:]}")
        self.sign_in_url = links[-1]

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        finally:
            if self._process.poll() is None:
                self._process.kill()
            self._process = None

    def manage(self, *arguments: str) -> str:
        """Output of a `manage.py` command."""
        return self._output_of("manage.py", *arguments)

    def agent(self, *arguments: str) -> str:
        """Output of an `agent` command, as Celery would run it on this host."""
        return self._output_of("-m", "agent", *arguments)

    def _output_of(self, *arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self.environment, **self.settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return result.stdout

    def api(self, method: str, path: str, body: Any = None, *, anonymous: bool = False) -> Any:
        """Answer of the REST API, decoded. Raises `ApiError`."""
        if not self._token and not anonymous:
            self._token = self.manage("create_api_token", "tests", "--role", "admin").splitlines()[-1]
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method)
        request.add_header("Content-Type", "application/json")
        if not anonymous:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=30) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else None

    def profile(self, name: str = "Maryam") -> str:
        """Code of a demo profile."""
        return next(str(profile["code"]) for profile in self.api("GET", "profiles") if profile["name"] == name)

    def start_session(self, mode: str = "balanced", **options: Any) -> str:
        """Code of a new session of the museum guide."""
        return str(self.api("POST", "sessions", {"profile": self.profile(), "mode": mode, **options})["code"])

    def session(self, code: str) -> dict[str, Any]:
        return dict(self.api("GET", f"sessions/{code}"))

    def wait_for(
        self,
        code: str,
        condition: Callable[[dict[str, Any]], object],
        what: str,
        limit_s: float = 60,
        every_s: float = 0.2,
    ) -> dict[str, Any]:
        """The session once `condition(session)` is true."""
        deadline = time.monotonic() + limit_s
        while True:
            session = self.session(code)
            if condition(session):
                return session
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come true within {limit_s} s; the session is {session}")
            time.sleep(every_s)

    def wait_ready(self, code: str, limit_s: float = 60) -> dict[str, Any]:
        return self.wait_for(code, lambda session: session["state"] == "ready", "READY", limit_s)

    def wait_until_all_is_read(self, limit_s: float = 600) -> None:
        """Returns when the host has read what its avatars know, which takes a core for a minute or two after the first start."""
        wanted, held = self.home / "understand.wanted", self.home / "understand.lock"

        def over() -> bool:
            if wanted.exists() or not held.exists():
                return False
            locks = Path("/proc/locks").read_text()  # looked at: to try the lock could take it from its owner
            return f":{held.stat().st_ino} " not in locks

        wait_until(over, "all read that avatars know", limit_s, 0.5)

    def stop_session(self, code: str) -> dict[str, Any]:
        self.api("POST", f"sessions/{code}/stop")
        return self.wait_for(code, lambda session: session["state"] == "ended", "the end")

    def new_link(self, code: str, **options: Any) -> dict[str, Any]:
        return dict(self.api("POST", f"sessions/{code}/links", options))
