"""Whom to greet."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from livekit import rtc

from agent.job.visitors import Visitors
from protocol.events import VisitorJoined, VisitorLeft, VisitProgress, VisitQualitySeen
from tests.agent.test_steps import Recorder


class Room:
    """Visitors of a room in which nothing happens by itself."""

    def __init__(self, already_greeted: tuple[str, ...] = ()) -> None:
        self.recorder = Recorder()
        self.greeted: list[str] = []
        self.emptied = self.stopped = 0
        self.visitors = Visitors(self.recorder, self.greeted.append, self._empty, self._stopped, already_greeted)

    def _empty(self) -> None:
        self.emptied += 1

    def _stopped(self) -> None:
        self.stopped += 1

    async def report(self, identity: str, payload: str | None = None, **milestones_ms: float) -> str:
        text = json.dumps(milestones_ms) if payload is None else payload
        return await self.visitors.on_report(rtc.RpcInvocationData("1", identity, text, 10.0))

    def kinds(self) -> list[Any]:
        return [event_type for event_type, _ in self.recorder.events]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_visitor_is_greeted_at_the_first_report_of_a_frame_and_once() -> None:
    room = Room()
    room.visitors.joined("visitor-dana")
    await room.report("visitor-dana", token_ms=5)
    assert room.greeted == []
    await room.report("visitor-dana", first_frame_ms=500)
    await room.report("visitor-dana", first_frame_ms=500, first_sound_ms=900)
    assert room.greeted == ["visitor-dana"]
    assert room.kinds() == [VisitorJoined, VisitProgress, VisitProgress, VisitProgress]


async def test_nobody_is_greeted_into_a_conversation() -> None:
    room = Room()
    await room.report("visitor-dana", first_frame_ms=500)
    await room.report("visitor-emil", first_frame_ms=500)
    assert room.greeted == ["visitor-dana"]
    room.visitors.left("visitor-dana")
    await room.report("visitor-emil", first_frame_ms=500)
    assert room.greeted == ["visitor-dana", "visitor-emil"]


async def test_a_report_that_overtakes_the_news_of_its_caller_counts_as_joining() -> None:
    room = Room()
    await room.report("visitor-dana", token_ms=1)
    room.visitors.joined("visitor-dana")
    assert room.kinds() == [VisitorJoined, VisitProgress]


async def test_the_room_is_empty_when_the_last_visitor_has_left() -> None:
    room = Room()
    room.visitors.joined("visitor-dana")
    room.visitors.joined("visitor-emil")
    room.visitors.left("visitor-dana")
    assert room.emptied == 0
    room.visitors.left("visitor-emil")
    assert room.emptied == 1


async def test_who_goes_before_being_announced_leaves_the_greeting_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.job.visitors.ANNOUNCED_WITHIN_S", 0.01)
    room = Room()
    await room.report("visitor-dana", first_frame_ms=500)
    await room.report("visitor-emil", first_frame_ms=500)
    room.visitors._announced = {"visitor-emil": object()}
    await until(lambda: room.greeted == ["visitor-dana", "visitor-emil"])
    assert VisitorLeft in room.kinds()
    assert room.emptied == 0


async def test_operators_are_no_visitors() -> None:
    room = Room()
    room.visitors.joined("operator-amina")
    room.visitors.left("operator-amina")
    with pytest.raises(rtc.RpcError, match="only visitors"):
        await room.report("operator-amina", first_frame_ms=5)
    assert room.kinds() == []


@pytest.mark.parametrize(
    "payload", ["", "[]", "{", '{"first_frame_ms": "soon"}', '{"colour": 1}', '{"token_ms": 1e300}']
)
async def test_a_malformed_report_is_refused_and_changes_nothing(payload: str) -> None:
    room = Room()
    with pytest.raises(rtc.RpcError, match="malformed"):
        await room.report("visitor-dana", payload)
    assert room.kinds() == []


def test_leaving_is_told_once() -> None:
    room = Room()
    room.visitors.joined("visitor-dana")
    room.visitors.left("visitor-dana")
    room.visitors.left("visitor-dana")
    assert room.kinds() == [VisitorJoined, VisitorLeft]


async def test_a_page_that_reports_its_quality_all_the_time_is_heard_now_and_then() -> None:
    room = Room()
    for _ in range(3):
        await room.report("visitor-dana", json.dumps({"quality": {"fps": 24.5, "freezes": 1, "av_offset_ms": -12}}))
    assert room.kinds() == [VisitorJoined, VisitQualitySeen]
    assert room.recorder.events[-1][1]["quality"].av_offset_ms == -12
    assert room.greeted == []
    room.visitors.aclose()


async def test_a_picture_that_stands_still_is_looked_after_but_not_all_the_time() -> None:
    room = Room()
    for _ in range(3):
        await room.report("visitor-dana", '{"picture_stopped": true}')
    assert room.stopped == 1
    assert room.kinds() == [VisitorJoined]
