"""The stand-ins of the hosted avatars as a server of a test. Fixture: `standins` (session-scoped; import it in a conftest)."""

import contextlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.services import Server

ROOT = Path(__file__).parent.parent


@dataclass
class StandInServer(Server):
    """`python -m standins`. Its `environment` is what an agent host gets to find it."""

    start_limit_s: float = 60.0  # LiveKit's agents are two seconds of a free core
    bithuman_secret: str = "bithuman-secret-for-tests"
    tavus_key: str = "tavus-key-for-tests"
    bey_key: str = "bey-key-for-tests"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "BITHUMAN_API_SECRET": self.bithuman_secret,
            "BITHUMAN_API_URL": f"{self.url}/bithuman/v1/runtime-tokens/request",
            "TAVUS_API_KEY": self.tavus_key,
            "TAVUS_API_URL": f"{self.url}/tavus/v2",
            "BEY_API_KEY": self.bey_key,
            "BEY_API_URL": f"{self.url}/bey",
        }

    def is_up(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            return bool(urllib.request.urlopen(f"{self.url}/_standin", timeout=0.5).status == 200)
        return False

    def command(self) -> list[str]:
        variables = {"PYTHONPATH": str(ROOT), **self.environment}
        given = [f"{name}={value}" for name, value in variables.items()]
        return ["env", *given, sys.executable, "-m", "standins", "--port", str(self.port)]

    def behave(self, vendor: str, behaviour: str = "normal", **options: float) -> None:
        """Until the next call, or for so many requests (`times`)."""
        body = json.dumps({"behaviour": behaviour, **options}).encode()
        urllib.request.urlopen(f"{self.url}/_standin/{vendor}/behave", body, timeout=5).close()

    def seen(self, vendor: str) -> dict[str, Any]:
        """Its behaviour, requests and conversations."""
        with urllib.request.urlopen(f"{self.url}/_standin/{vendor}", timeout=5) as answer:
            return dict(json.load(answer))

    def conversation(self, vendor: str, room: str) -> dict[str, Any]:
        """The latest one whose avatar is or was in the room; empty where there is none."""
        return next((one for one in reversed(self.seen(vendor)["conversations"]) if one["room"] == room), {})


@pytest.fixture(scope="session")
def standins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandInServer]:
    """Stand-ins for the whole test run; who makes one behave otherwise has it behave normally again."""
    server = StandInServer(tmp_path_factory.mktemp("standins"))
    server.start()
    yield server
    server.stop()
