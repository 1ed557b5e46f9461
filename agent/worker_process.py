"""The agent worker seen from outside: start it detached, end it, tell how it is. Imports nothing heavy."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from agent import worker_log
from agent.environment import HostEnvironment
from agent.kernel import is_alive, process_created_at

REPOSITORY: Final = Path(__file__).resolve().parent.parent
POLL_S: Final = 0.02


class WorkerError(RuntimeError):
    """The worker could not be started or ended; the message is for people."""


@dataclass(frozen=True)
class WorkerRecord:
    """`agent-worker.json`. `create_time` (seconds since the epoch) keeps a reused pid from being taken for the worker."""

    pid: int
    create_time: float
    port: int
    registered: bool

    @classmethod
    def of_self(cls, *, port: int, registered: bool) -> "WorkerRecord":
        return cls(os.getpid(), process_created_at(os.getpid()) or 0.0, port, registered)

    @classmethod
    def read(cls, path: Path) -> "WorkerRecord | None":
        """The record, or None where there is none or it is no record."""
        try:
            fields: Any = json.loads(path.read_text())
            return cls(
                int(fields["pid"]),
                float(fields["create_time"]),
                int(fields["port"]),
                bool(fields.get("registered", True)),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @classmethod
    def remove_own(cls, path: Path) -> None:
        """Removes the record if it is this process's."""
        record = cls.read(path)
        if record is not None and record.pid == os.getpid():
            path.unlink(missing_ok=True)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        draft.replace(path)

    @property
    def alive(self) -> bool:
        return is_alive(self.pid, self.create_time)


def running_worker(environment: HostEnvironment) -> WorkerRecord | None:
    """The host's worker, if it lives."""
    record = WorkerRecord.read(environment.worker_file)
    return record if record is not None and record.alive else None


def start_worker(environment: HostEnvironment, timeout_s: float) -> tuple[WorkerRecord, bool]:
    """The registered worker, and whether this call started it. Raises `WorkerError`.

    A worker that does not register in time is left running: it goes on trying.
    """
    environment.home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_s
    with _lock(environment):
        record = running_worker(environment)
        launched = None if record else _launch(environment)
        while record is None:
            record = running_worker(environment)
            if launched is not None and launched.poll() is not None:
                raise WorkerError(f"The agent worker ended at once. {_end_of_log(environment)}")
            _wait(deadline, f"The agent worker did not come up within {timeout_s:g} s; see {environment.worker_log}")
    while not record.registered:
        _wait(
            deadline,
            f"The agent worker (pid {record.pid}) runs but is not registered with LiveKit at {environment.livekit_url} yet; "
            "it keeps trying",
        )
        record = running_worker(environment)
        if record is None:
            raise WorkerError(f"The agent worker ended before it was registered. {_end_of_log(environment)}")
    return record, launched is not None


def stop_worker(environment: HostEnvironment, timeout_s: float) -> int | None:
    """Ends the worker and its jobs; returns its pid, or None when none ran. SIGTERM first, SIGKILL after `timeout_s`."""
    with _lock(environment):
        record = running_worker(environment)
        if record is None:
            environment.worker_file.unlink(missing_ok=True)
            return None
        _end(record, signal.SIGTERM, timeout_s)
        if record.alive:
            _end(record, signal.SIGKILL, 5.0)
        environment.worker_file.unlink(missing_ok=True)
    return record.pid


def _end(record: WorkerRecord, number: signal.Signals, timeout_s: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, number)
    deadline = time.monotonic() + timeout_s
    while record.alive and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _launch(environment: HostEnvironment) -> subprocess.Popen[bytes]:
    environment.worker_log.parent.mkdir(parents=True, exist_ok=True)
    worker_log.rotate(environment.worker_log)
    with environment.worker_log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "agent.worker"],
            cwd=REPOSITORY,
            env=os.environ | {"AVATARY_HOME": str(environment.home), "AVATARY_HOST": environment.host},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@contextlib.contextmanager
def _lock(environment: HostEnvironment) -> Iterator[None]:
    """One start or stop at a time."""
    environment.home.mkdir(parents=True, exist_ok=True)
    with open(environment.home / "agent-worker.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wait(deadline: float, sentence: str) -> None:
    if time.monotonic() > deadline:
        raise WorkerError(sentence)
    time.sleep(POLL_S)


def _end_of_log(environment: HostEnvironment) -> str:
    with contextlib.suppress(OSError):
        lines = environment.worker_log.read_text(errors="replace").strip().splitlines()
        return "Its log ends: " + " | ".join(lines[-3:])
    return f"It left no log at {environment.worker_log}."
