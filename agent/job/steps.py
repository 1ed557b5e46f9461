"""The workflow analyzer: which step of a job's start took how long, and how much memory it took.

Steps nest, and steps of parallel tasks keep apart: the step around the current code is a context variable, so a task that is
started inside a step has that step as its parent.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from agent.memory import OwnMemory
from protocol.events import StepFinished, StepStarted
from protocol.steps import STEP_LABELS

logger = logging.getLogger(__name__)

MAX_ERROR_CHARS = 2_000

_current: ContextVar["Step | None"] = ContextVar("avatary_step", default=None)


@dataclass(eq=False)
class Step:
    """One step. Durations in milliseconds on the monotonic clock, memory in bytes (None: not readable)."""

    number: int
    key: str
    label: str
    parent: "Step | None"
    started: float
    rss_before_bytes: int | None
    uss_before_bytes: int | None
    status: Literal["running", "completed", "failed"] = "running"
    duration_ms: float | None = None
    rss_after_bytes: int | None = None
    uss_after_bytes: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    def note(self, **metadata: Any) -> None:
        """Adds metadata that goes out when the step finishes."""
        self.metadata.update(metadata)

    @property
    def memory_growth_bytes(self) -> int | None:
        """Private memory where it was measured, else resident: what the control plane's reports go by too."""
        if self.uss_before_bytes is not None and self.uss_after_bytes is not None:
            return self.uss_after_bytes - self.uss_before_bytes
        if self.rss_before_bytes is not None and self.rss_after_bytes is not None:
            return self.rss_after_bytes - self.rss_before_bytes
        return None


class WorkflowAnalyzer:
    """Tracks the steps of one job; each start and finish goes to `emit` at once."""

    def __init__(
        self, emit: Callable[..., None], read_memory: Callable[[], tuple[int | None, int | None]] | None = None
    ) -> None:
        self._emit = emit
        self._read_memory = read_memory or OwnMemory().read
        self._began = time.monotonic()
        self.steps: list[Step] = []

    def start_step(self, key: str, label: str | None = None) -> Step:
        """Begins a step inside the current one. `label` defaults to the key's name in `STEP_LABELS`."""
        rss_bytes, uss_bytes = self._read_memory()
        step = Step(
            number=len(self.steps) + 1,
            key=str(key),
            label=label or STEP_LABELS.get(key, str(key)),
            parent=_running(_current.get()),
            started=time.monotonic(),
            rss_before_bytes=rss_bytes,
            uss_before_bytes=uss_bytes,
        )
        self.steps.append(step)
        _current.set(step)
        self._emit(
            StepStarted,
            step=step.number,
            parent=step.parent.number if step.parent else None,
            key=step.key,
            label=step.label,
            rss_before_bytes=rss_bytes,
            uss_before_bytes=uss_bytes,
        )
        return step

    def complete_step(self, **metadata: Any) -> None:
        """Ends the current step well. Raises RuntimeError when none runs here."""
        self._running_step().note(**metadata)
        self._finish("completed")

    def fail(self, error: str, **metadata: Any) -> None:
        """Ends the current step with the reason why it failed. Raises RuntimeError when none runs here."""
        step = self._running_step()
        step.note(**metadata)
        step.error = error[:MAX_ERROR_CHARS] or "unknown"
        self._finish("failed")

    @contextmanager
    def step(self, key: str, label: str | None = None) -> Iterator[Step]:
        """A step for the length of a block; an exception fails it and goes on."""
        step = self.start_step(key, label)
        try:
            yield step
        except asyncio.CancelledError:
            self.fail("cancelled")
            raise
        except Exception as error:
            self.fail(f"{type(error).__name__}: {error}")
            raise
        else:
            self.complete_step()

    def report(self) -> str:
        """All steps, the slowest (slowest first) and those that took most memory (most first), as text."""
        finished = [step for step in self.steps if step.duration_ms is not None]
        lines = ["=" * 80, "WORKFLOW PERFORMANCE REPORT", "=" * 80]
        lines.append(f"Total Duration: {time.monotonic() - self._began:.2f}s")
        rss_bytes, _ = self._read_memory()
        if rss_bytes is not None:
            lines.append(f"Total Memory: {_megabytes(rss_bytes)}")
        completed = sum(step.status == "completed" for step in self.steps)
        lines.append(f"Steps Completed: {completed}/{len(self.steps)}")
        lines += _section("ALL STEPS", [_line(step) for step in self.steps])
        lines += _section("SLOWEST STEPS", [f"{s.label}: {_seconds(s)}" for s in slowest(finished)])
        lines += _section("MEMORY INTENSIVE STEPS", [f"{s.label}: {_growth(s)}" for s in most_memory(finished)])
        return "\n".join(lines)

    def print_report(self) -> None:
        """Writes the report to the log."""
        logger.info("\n%s", self.report())

    def _running_step(self) -> Step:
        step = _current.get()
        if step is None or step.status != "running":
            raise RuntimeError("no step is running here")
        return step

    def _finish(self, status: Literal["completed", "failed"]) -> None:
        step = self._running_step()
        step.duration_ms = (time.monotonic() - step.started) * 1000
        step.status = status
        step.rss_after_bytes, step.uss_after_bytes = self._read_memory()
        _current.set(step.parent)
        self._emit(
            StepFinished,
            step=step.number,
            status=status,
            duration_ms=step.duration_ms,
            rss_after_bytes=step.rss_after_bytes,
            uss_after_bytes=step.uss_after_bytes,
            metadata=step.metadata,
            error=step.error,
        )


def _running(step: Step | None) -> Step | None:
    """The step itself or the nearest one around it that still runs: tasks may outlive the step they were started in."""
    while step is not None and step.status != "running":
        step = step.parent
    return step


def slowest(steps: list[Step], count: int = 3) -> list[Step]:
    """The finished steps with the longest durations, longest first."""
    return sorted((s for s in steps if s.duration_ms is not None), key=lambda s: -(s.duration_ms or 0))[:count]


def most_memory(steps: list[Step], count: int = 3) -> list[Step]:
    """The finished steps that grew the process most, most first; steps that did not grow it are left out."""
    grown = [step for step in steps if (step.memory_growth_bytes or 0) > 0]
    return sorted(grown, key=lambda step: -(step.memory_growth_bytes or 0))[:count]


def _section(title: str, entries: list[str]) -> list[str]:
    numbered = [f"{number}. {entry}" for number, entry in enumerate(entries, 1)] or ["(none)"]
    return ["-" * 80, f"{title}:", "-" * 80, *numbered]


def _line(step: Step) -> str:
    mark = {"completed": "ok", "failed": "FAILED", "running": "running"}[step.status]
    return f"[{mark}] {step.label}: {_seconds(step)} {_growth(step)}".rstrip()


def _seconds(step: Step) -> str:
    return "..." if step.duration_ms is None else f"{step.duration_ms / 1000:.2f}s"


def _growth(step: Step) -> str:
    growth = step.memory_growth_bytes
    return "" if growth is None else f"{growth / 1e6:+.1f}MB"


def _megabytes(count_bytes: int) -> str:
    return f"{count_bytes / 1e6:.1f}MB"
