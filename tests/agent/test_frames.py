"""What frame timings become."""

from dataclasses import dataclass
from typing import Literal

import pytest

from agent.avatars.frames import FrameReporter
from protocol.events import FrameOverrun, FrameStats
from tests.agent.test_steps import Recorder


@dataclass
class Timing:
    kind: Literal["composed", "cached", "repeated"]
    took_ms: float


def report(*timings: Timing) -> Recorder:
    recorder = Recorder()
    frames = FrameReporter(recorder, budget_ms=40)
    for timing in timings:
        frames.on_frame(timing)
    frames.report()
    return recorder


def test_frames_are_counted_by_kind_and_timed() -> None:
    recorder = report(*(Timing("composed", ms) for ms in range(1, 21)), Timing("cached", 0.5), Timing("repeated", 30))
    (stats,) = [fields for event_type, fields in recorder.events if event_type is FrameStats]
    assert (stats["composed"], stats["cached"], stats["repeated"]) == (20, 1, 1)
    assert stats["frame_p50_ms"] == pytest.approx(10, abs=1)
    assert stats["frame_max_ms"] == 20
    assert FrameOverrun not in [event_type for event_type, _ in recorder.events]


def test_frames_over_their_budget_are_one_warning_that_counts_them() -> None:
    recorder = report(Timing("composed", 41), Timing("composed", 90), Timing("composed", 12))
    (overrun,) = [fields for event_type, fields in recorder.events if event_type is FrameOverrun]
    assert overrun == {"took_ms": 90, "budget_ms": 40, "count": 2}


def test_a_frame_that_was_repeated_because_its_successor_was_late_is_an_overrun() -> None:
    recorder = report(Timing("composed", 12), Timing("repeated", 55))
    (overrun,) = [fields for event_type, fields in recorder.events if event_type is FrameOverrun]
    assert overrun == {"took_ms": 55, "budget_ms": 40, "count": 1}


def test_a_second_without_frames_says_nothing() -> None:
    assert report().events == []


def test_only_repeated_frames_have_no_times() -> None:
    ((_, stats),) = report(Timing("repeated", 3)).events
    assert "frame_p50_ms" not in stats
