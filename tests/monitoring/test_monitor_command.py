"""The monitor as a process, on a database and a Valkey of its own."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from protocol.streams import EVENTS_STREAM
from tests.monitoring.conftest import Writer
from tests.services import Valkey, wait_until

pytestmark = pytest.mark.once
ROOT = Path(__file__).parent.parent.parent
Process = subprocess.Popen[bytes]


def environment_of(home: Path, valkey: Valkey) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "avatary.settings",
        "AVATARY_HOME": str(home),
        "DJANGO_SECRET_KEY": "only-for-tests",
        "REDIS_URL": valkey.url,
        "DATABASE_URL": f"sqlite:///{home / 'db.sqlite3'}",
    }


@pytest.fixture(scope="module")
def empty_database(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that is up to date."""
    home = tmp_path_factory.mktemp("migrated")
    migrate = [sys.executable, "manage.py", "migrate", "-v0", "--skip-checks"]
    subprocess.run(migrate, cwd=ROOT, env=environment_of(home, valkey), check=True, timeout=600)
    return home / "db.sqlite3"


@pytest.fixture
def environment(valkey: Valkey, tmp_path: Path, empty_database: Path) -> dict[str, str]:
    """A state folder with a database of its own."""
    shutil.copy(empty_database, tmp_path)
    return environment_of(tmp_path, valkey)


@pytest.fixture
def start_monitor(environment: dict[str, str], redis: Redis) -> Iterator[Callable[[], Process]]:
    started: list[Process] = []

    def start_monitor() -> Process:
        started.append(subprocess.Popen([sys.executable, "manage.py", "monitor"], cwd=ROOT, env=environment))
        return started[-1]

    yield start_monitor
    for process in started:
        process.kill()
        process.wait(5)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[str], int]:
    """One number from the monitor's database."""

    def ask(sql: str) -> int:
        with closing(sqlite3.connect(tmp_path / "db.sqlite3", timeout=10)) as database:
            return int(database.execute(sql).fetchone()[0])

    return ask


def test_it_ingests_and_ends_in_good_order_when_it_is_told_to(
    start_monitor: Callable[[], Process], sampler: Writer, ask: Callable[[str], int]
) -> None:
    monitor = start_monitor()
    sampler.host_sample()
    wait_until(lambda: ask("SELECT count(*) FROM monitoring_hostsample"), "the sample is written")
    monitor.send_signal(signal.SIGTERM)
    assert monitor.wait(60) == 0


def test_killed_in_the_middle_it_loses_nothing_and_doubles_nothing(
    start_monitor: Callable[[], Process], sampler: Writer, redis: Redis, ask: Callable[[str], int]
) -> None:
    first = start_monitor()
    written = 3_000
    for number in range(written):
        sampler.host_sample(load_1m=number)
    wait_until(lambda: ask("SELECT count(*) FROM monitoring_hostsample"), "some are written")
    first.kill()
    first.wait(5)
    start_monitor()
    wait_until(lambda: redis.xlen(EVENTS_STREAM) == 0, "the stream is empty")
    assert ask("SELECT count(*) FROM monitoring_hostsample") == written
    assert ask("SELECT count(DISTINCT load_1m) FROM monitoring_hostsample") == written
    assert ask("SELECT missed FROM monitoring_eventsource") == 0
