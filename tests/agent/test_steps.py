"""The workflow analyzer."""

import asyncio
from typing import Any

import pytest

from agent.job.steps import WorkflowAnalyzer, most_memory, slowest
from protocol.events import StepFinished, StepStarted
from protocol.steps import StepKey


class Recorder:
    """Collects what is emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[type, dict[str, Any]]] = []

    def __call__(self, event_type: type, **fields: Any) -> None:
        self.events.append((event_type, fields))

    def started(self) -> list[dict[str, Any]]:
        return [fields for event_type, fields in self.events if event_type is StepStarted]

    def finished(self) -> list[dict[str, Any]]:
        return [fields for event_type, fields in self.events if event_type is StepFinished]


def analyzer(recorder: Recorder, megabytes: list[int] | None = None) -> WorkflowAnalyzer:
    """Memory readings come from `megabytes`, one after the other; the last one stays."""
    readings = list(megabytes or [100])

    def read() -> tuple[int, int]:
        value = readings.pop(0) if len(readings) > 1 else readings[0]
        return value * 1_000_000, value * 500_000

    return WorkflowAnalyzer(recorder, read)


def test_a_step_is_told_when_it_starts_and_when_it_ends() -> None:
    recorder = Recorder()
    steps = analyzer(recorder, [100, 130])
    steps.start_step(StepKey.FACE_RECOGNITION)
    assert recorder.started()[0]["label"] == "Face Recognition"
    assert recorder.started()[0]["rss_before_bytes"] == 100_000_000
    assert not recorder.finished()
    steps.complete_step(matched=True, confidence=0.89)
    finished = recorder.finished()[0]
    assert finished["status"] == "completed"
    assert finished["metadata"] == {"matched": True, "confidence": 0.89}
    assert finished["rss_after_bytes"] == 130_000_000
    assert finished["duration_ms"] >= 0


def test_what_a_step_gains_is_private_memory_where_it_is_known() -> None:
    """As the control plane's reports count it."""
    readings = [(100, None), (150, 60), (160, 61), (400, 62)]
    steps = WorkflowAnalyzer(Recorder(), lambda: readings.pop(0))
    for key in ("resident", "private"):
        steps.start_step(key)
        steps.complete_step()
    assert [step.memory_growth_bytes for step in steps.steps] == [50, 1]


async def test_the_first_step_knows_already_what_private_memory_it_began_with() -> None:
    recorder = Recorder()
    WorkflowAnalyzer(recorder).start_step("first")
    assert recorder.started()[0]["uss_before_bytes"] > 0


def test_a_step_inside_a_step_has_it_as_parent() -> None:
    recorder = Recorder()
    steps = analyzer(recorder)
    with steps.step("outer"), steps.step("inner"):
        pass
    with steps.step("after"):
        pass
    assert [(fields["key"], fields["parent"]) for fields in recorder.started()] == [
        ("outer", None),
        ("inner", 1),
        ("after", None),
    ]


async def test_steps_of_parallel_tasks_keep_apart() -> None:
    recorder = Recorder()
    steps = analyzer(recorder)
    gate = asyncio.Event()

    async def part(name: str) -> None:
        with steps.step(name):
            await gate.wait()
            with steps.step(f"{name}-inner"):
                await asyncio.sleep(0)

    with steps.step("whole"):
        async with asyncio.TaskGroup() as group:
            group.create_task(part("a"))
            group.create_task(part("b"))
            await asyncio.sleep(0)
            gate.set()
    numbers = {fields["key"]: fields["step"] for fields in recorder.started()}
    parents = {fields["key"]: fields["parent"] for fields in recorder.started()}
    assert parents["a"] == parents["b"] == numbers["whole"]
    assert parents["a-inner"] == numbers["a"]
    assert parents["b-inner"] == numbers["b"]
    assert all(fields["status"] == "completed" for fields in recorder.finished())


async def test_a_task_that_outlives_its_step_belongs_to_nothing() -> None:
    recorder = Recorder()
    steps = analyzer(recorder)

    async def later() -> None:
        await over.wait()
        with steps.step("late"):
            pass

    over = asyncio.Event()
    with steps.step("early"):
        task = asyncio.create_task(later())
    over.set()
    await task
    assert recorder.started()[1]["parent"] is None


def test_an_exception_fails_its_step_and_goes_on() -> None:
    recorder = Recorder()
    steps = analyzer(recorder)
    with pytest.raises(OSError, match="no model"), steps.step("loading"):
        raise OSError("no model")
    assert recorder.finished()[0]["status"] == "failed"
    assert recorder.finished()[0]["error"] == "OSError: no model"


def test_completing_without_a_step_is_an_error() -> None:
    with pytest.raises(RuntimeError):
        analyzer(Recorder()).complete_step()


def test_the_report_lists_slowest_and_hungriest_steps_in_order() -> None:
    steps = analyzer(Recorder(), [100, 110, 110, 400, 400, 395, 395, 450])
    for name, duration_ms in (("quick", 5.0), ("long", 900.0), ("shrinking", 70.0), ("middle", 300.0)):
        with steps.step(name):
            pass
        steps.steps[-1].duration_ms = duration_ms
    assert [step.key for step in slowest(steps.steps)] == ["long", "middle", "shrinking"]
    assert [step.key for step in most_memory(steps.steps)] == ["long", "middle", "quick"]
    report = steps.report()
    assert "Steps Completed: 4/4" in report
    assert "[ok] long: 0.90s +145.0MB" in report
    assert report.index("SLOWEST STEPS") < report.index("1. long: 0.90s") < report.index("2. middle: 0.30s")


def test_a_report_without_steps_is_still_a_report() -> None:
    assert "(none)" in analyzer(Recorder()).report()
