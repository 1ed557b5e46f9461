"""Switches of the mode while a session runs, as a job decides them."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from livekit import rtc

from agent.avatars.frames import FrameReporter
from agent.avatars.shown import Choice
from agent.job.mode_switches import LATE_ALREADY_S, MOST_MISSED_S, ModeSwitches
from protocol.control import SWITCH_ATTRIBUTE, SwitchOrder
from protocol.events import JobNotice, SwitchFinished, SwitchSeen
from protocol.modes import BUILT_IN_MODES, ModeSettings
from tests.agent.conftest import eventually

ONE, TWO = UUID(int=1), UUID(int=2)
BEFORE, AFTER = BUILT_IN_MODES["balanced"], BUILT_IN_MODES["constrained"]


class Face:
    """An avatar that switches when it may."""

    def __init__(self) -> None:
        self.mode = BEFORE
        self.choice = Choice("builtin", {})
        self.modes: list[ModeSettings] = []
        self.error: Exception | None = None
        self.is_away = False
        self.may = asyncio.Event()
        self.may.set()

    async def switch(self, mode: ModeSettings, choice: Choice) -> None:
        await self.may.wait()
        if self.error is not None:
            raise self.error
        self.modes.append(mode)
        self.mode, self.choice = mode, choice


class Room:
    def __init__(self) -> None:
        self.remote_participants = {"bithuman-avatar-agent": None}
        self.attributes: list[dict[str, str]] = []
        self.methods: dict[str, Any] = {}
        self.local_participant = SimpleNamespace(
            register_rpc_method=self.methods.__setitem__, set_attributes=self._set_attributes
        )

    async def _set_attributes(self, attributes: dict[str, str]) -> None:
        self.attributes.append(attributes)


class Job:
    def __init__(self) -> None:
        self.face, self.room = Face(), Room()
        self.events: list[tuple[type[Any], dict[str, Any]]] = []
        self.frames = FrameReporter(
            self.emit, BEFORE.frame_budget_ms, lambda missed_s: self.switches.on_missed(missed_s)
        )
        self.switches = ModeSwitches(cast(Any, self.face), self.frames, self.emit)
        self.switches.attach(cast(Any, self.room))

    def emit(self, kind: type[Any], **fields: Any) -> None:
        self.events.append((kind, fields))

    def of(self, kind: type[Any]) -> list[dict[str, Any]]:
        return [fields for each, fields in self.events if each is kind]

    def order(self, code: UUID = ONE, **fields: Any) -> Any:
        order = SwitchOrder(switch=code, mode_slug="constrained", mode_version=1, mode=AFTER, **fields)
        return self.switches.take(order)

    async def switched(self, outcome: str) -> dict[str, Any]:
        await eventually(lambda: any(f["outcome"] == outcome for f in self.of(SwitchFinished)), outcome)
        return self.of(SwitchFinished)[-1]

    def miss_for(self, seconds: int) -> None:
        for _ in range(seconds):
            for _ in range(10):
                self.frames.on_frame(cast(Any, SimpleNamespace(kind="composed", took_ms=500.0)))
            self.frames.report()


@pytest.fixture
def job() -> Job:
    return Job()


def call(caller: str, payload: str) -> rtc.RpcInvocationData:
    return rtc.RpcInvocationData(request_id="1", caller_identity=caller, payload=payload, response_timeout=5)


async def test_a_switch_is_announced_made_and_told(job: Job) -> None:
    assert job.order() == "under_way"
    await job.switched("applied")
    assert job.room.attributes == [{SWITCH_ATTRIBUTE: str(ONE)}, {SWITCH_ATTRIBUTE: f"{ONE}:done"}]
    assert (job.face.modes, job.switches.mode) == ([AFTER], AFTER)


async def test_of_two_orders_at_once_one_is_told_to_wait(job: Job) -> None:
    job.face.may.clear()
    assert [job.order(ONE), job.order(TWO)] == ["under_way", "busy"]
    job.face.may.set()
    assert (await job.switched("applied"))["switch"] == ONE


async def test_a_switch_that_fails_leaves_the_mode_as_it_was(job: Job) -> None:
    job.face.error = FileNotFoundError("no such picture")
    job.order()
    assert "no such picture" in (await job.switched("failed"))["detail"]
    assert job.switches.mode is BEFORE


async def test_a_lighter_mode_is_not_taken_back_for_frames_that_were_late_before_it(job: Job) -> None:
    job.miss_for(LATE_ALREADY_S)
    job.order()
    await job.switched("applied")
    job.miss_for(2 * MOST_MISSED_S)
    assert job.switches.mode is AFTER
    assert [told["outcome"] for told in job.of(SwitchFinished)] == ["applied"]


async def test_a_mode_that_is_too_much_for_the_host_goes_back_by_itself(job: Job) -> None:
    job.order()
    await job.switched("applied")
    job.miss_for(MOST_MISSED_S - 1)
    assert job.switches.mode is AFTER
    job.miss_for(1)
    assert "67 ms for 10 s" in (await job.switched("went_back"))["detail"]
    assert (job.face.modes, job.switches.mode) == ([AFTER, BEFORE], BEFORE)
    job.miss_for(MOST_MISSED_S)  # not the switch's doing any more
    assert len(job.of(SwitchFinished)) == 2


async def test_it_goes_back_too_where_another_switch_was_tried_meanwhile_and_failed(job: Job) -> None:
    job.order()
    await job.switched("applied")
    job.face.error = FileNotFoundError("no such picture")
    job.order(TWO)
    await job.switched("failed")
    job.face.error = None
    job.miss_for(MOST_MISSED_S)
    assert (await job.switched("went_back"))["switch"] == ONE
    assert job.switches.mode is BEFORE


async def test_one_that_cannot_go_back_is_told_of_and_visitors_stop_measuring(job: Job) -> None:
    job.order()
    await job.switched("applied")
    job.face.error = FileNotFoundError("no such picture")
    job.miss_for(MOST_MISSED_S)
    await eventually(lambda: job.of(JobNotice), "the notice")
    sentence = job.of(JobNotice)[0]["sentence"]
    assert sentence.startswith(
        "Frames missed their budget of 67 ms for 10 s. The earlier mode could not be brought back"
    )
    assert job.switches.mode is AFTER
    assert job.room.attributes[-1] == {SWITCH_ATTRIBUTE: f"{ONE}:done"}


async def test_a_provider_that_is_too_much_for_the_host_goes_back_by_itself(job: Job) -> None:
    job.face.choice = before = Choice("tavus", {"pal_id": "p1"})
    job.order(provider="builtin", provider_settings={"presenter": "omar"})
    await job.switched("applied")
    assert job.face.choice == Choice("builtin", {"presenter": "omar"})
    job.miss_for(MOST_MISSED_S)
    await job.switched("went_back")
    assert job.face.choice == before


async def test_a_hitch_that_passes_brings_nothing_back(job: Job) -> None:
    job.order()
    await job.switched("applied")
    job.miss_for(MOST_MISSED_S - 1)
    job.frames.on_frame(cast(Any, SimpleNamespace(kind="composed", took_ms=1.0)))
    job.frames.report()
    job.miss_for(MOST_MISSED_S - 1)
    assert job.switches.mode is AFTER


@pytest.mark.parametrize("caller", ["visitor-1", "bithuman-avatar-agent"])
async def test_nobody_in_the_room_orders_a_switch(job: Job, caller: str) -> None:
    order = SwitchOrder(switch=ONE, mode_slug="constrained", mode_version=1, mode=AFTER)
    with pytest.raises(rtc.RpcError, match="control plane"):
        await job.switches.on_order(call(caller, order.model_dump_json()))


async def test_a_malformed_order_is_answered_with_its_problems(job: Job) -> None:
    with pytest.raises(rtc.RpcError) as refused:
        await job.switches.on_order(call("", '{"switch": "one"}'))
    assert "mode_slug" in str(refused.value.data)


async def test_what_a_visitor_saw_of_a_switch_is_told(job: Job) -> None:
    await job.switches.on_seen(call("visitor-1", f'{{"switch": "{ONE}", "gap_ms": 120}}'))
    assert job.of(SwitchSeen) == [{"switch": ONE, "identity": "visitor-1", "gap_ms": 120}]


async def test_a_closing_session_switches_no_more(job: Job) -> None:
    await job.switches.aclose()
    assert job.order() == "not_ready"
