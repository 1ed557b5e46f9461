"""From the request to the first frame published and to READY, with the agent worker warm and cold."""

import os
import signal
import time

from tests.services import wait_until
from tests.stack import Stack

Row = tuple[str, str, list[float], float | None, str]
FIRST_WORK_S = 120


def warm(stack: Stack, repetitions: int) -> list[Row]:
    wait_until(lambda: understands(stack), "the host's own first work done", FIRST_WORK_S)
    started = [_start_once(stack) for _ in range(repetitions + 1)][1:]  # the first warms caches
    return [
        ("start to first frame published", "ms", [readiness["first_video_ms"] for readiness in started], 800, "p95"),
        ("start to READY", "ms", [readiness["ready_ms"] for readiness in started], 1500, "p95"),
        ("start to job process", "ms", [readiness["process_started_ms"] for readiness in started], None, "p95"),
        ("start to connected", "ms", [readiness["connected_ms"] for readiness in started], None, "p95"),
    ]


def cold(stack: Stack, repetitions: int) -> list[Row]:
    ready: list[float] = []
    for _ in range(repetitions):
        stack.agent("stop")
        ready.append(_start_once(stack)["ready_ms"])
    return [("start to READY, worker cold", "ms", ready, 4000, "p95")]


def losses(stack: Stack, repetitions: int) -> list[Row]:
    """A job that is killed, until its session is started again."""
    noticed_ms: list[float] = []
    for _ in range(repetitions):
        code = stack.start_session("balanced")
        os.kill(stack.wait_ready(code)["job_pid"], signal.SIGKILL)
        killed_at = time.monotonic()
        stack.wait_for(code, lambda session: session["attempt"] == 2, "the loss noticed", every_s=0.02)
        noticed_ms.append(1000 * (time.monotonic() - killed_at))
        stack.wait_ready(code)
        stack.stop_session(code)
    return [("killed job until noticed", "ms", noticed_ms, 3000, "p95")]


def understands(stack: Stack) -> bool:
    """A new host reads what the profiles know, once: tens of seconds of a core that no later start meets."""
    code = stack.start_session("balanced")
    stack.wait_ready(code, FIRST_WORK_S)
    session = stack.wait_for(code, lambda s: any("understood" in step["metadata"] for step in s["steps"]), "knowledge")
    stack.stop_session(code)
    return any(step["metadata"].get("understood") == 1 for step in session["steps"])


def _start_once(stack: Stack) -> dict[str, float]:
    code = stack.start_session("balanced")
    readiness = stack.wait_ready(code)["readiness"]
    wait_until(lambda: stack.session(code)["readiness"]["first_video_ms"] is not None, "a first frame")
    stack.stop_session(code)
    return dict(readiness)
