"""Asking vendors beside a session: could an avatar start, and is anything left open. Against the stand-ins, by real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import standins.tavus
from agent.environment import HostEnvironment
from agent.vendors.api import Unreachable, base_of
from agent.vendors.leftovers import end_conversations
from agent.vendors.preflight import preflight
from protocol.vendors import Check, CheckResult, Conversation, Ended, Outcome, PreflightOrder, Target
from standins.behaviour import Behaviour, Kind
from standins.server import StandIns

KEYS = {"bithuman": "bithuman-secret", "tavus": "tavus-key", "bey": "bey-key"}
GOOD: dict[str, dict[str, Any]] = {
    "bithuman": {"avatar_id": "A23WJF0199"},
    "tavus": {"pal_id": "pb87e71797da", "face_id": "r4067604db72"},
    "bey": {"avatar_id": "b9be11b8-89fb-4227-8f86-4a881393cbdb"},
}
LIVEKIT = "ws://127.0.0.1:9"
ENVIRONMENT = HostEnvironment(
    home=Path("/nowhere"), host="atlas", livekit_url=LIVEKIT, livekit_public_url=LIVEKIT, redis_url=""
)


class Vendors:
    """Stand-ins in this process, and the address that a start is posted to."""

    def __init__(self, standins: StandIns, port: int) -> None:
        self.standins, self.url = standins, f"http://127.0.0.1:{port}"

    def behave(self, provider: str, kind: Kind) -> None:
        self.standins.vendors[provider].behave(Behaviour(behaviour=kind))

    async def open_at_tavus(self, name: str = "") -> str:
        transport = {"livekit_ws_url": LIVEKIT, "livekit_room_token": "t"}
        body = {"pal_id": "pb87e71797da", "conversation_name": name, "properties": transport}
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/tavus/v2/conversations", json=body, headers={"x-api-key": "tavus-key"}) as answer,
        ):
            return str((await answer.json())["conversation_id"])

    async def open_at_bithuman(self, room: str) -> None:
        body = {
            "livekit_url": LIVEKIT,
            "livekit_token": "t",
            "room_name": room,
            "mode": "cpu",
            "agent_id": "A91XMB7113",
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                f"{self.url}/bithuman/v1/runtime-tokens/request", json=body, headers={"api-secret": "bithuman-secret"}
            ) as answer,
        ):
            assert answer.status == 200


@pytest.fixture
async def vendors(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vendors]:
    standins = StandIns(KEYS, dict.fromkeys(KEYS, Behaviour(behaviour=Kind.NEVER_JOIN)))
    made = Vendors(standins, await standins.start(0))
    monkeypatch.setenv("BITHUMAN_API_SECRET", KEYS["bithuman"])
    monkeypatch.setenv("TAVUS_API_KEY", KEYS["tavus"])
    monkeypatch.setenv("BEY_API_KEY", KEYS["bey"])
    monkeypatch.setenv("BITHUMAN_API_URL", f"{made.url}/bithuman/v1/runtime-tokens/request")
    monkeypatch.setenv("TAVUS_API_URL", f"{made.url}/tavus/v2")
    monkeypatch.setenv("BEY_API_URL", f"{made.url}/bey")
    yield made
    await standins.aclose()


async def checked(provider: str, **settings: Any) -> dict[Check, CheckResult]:
    order = PreflightOrder(targets=[Target(provider=provider, settings=settings or GOOD[provider])])
    results = await asyncio.to_thread(preflight, order, ENVIRONMENT)
    return {result.check: result for result in results}


@pytest.mark.parametrize("provider", list(GOOD))
async def test_a_profile_that_is_right_is_told_to_be_so_with_the_vendors_latency(
    vendors: Vendors, provider: str
) -> None:
    found = await checked(provider)
    assert list(found) == list(Check)
    assert {found[check].outcome for check in (Check.KEY, Check.REACHABLE, Check.FACE, Check.ROOM)} == {Outcome.OK}
    assert found[Check.QUOTA].outcome == (Outcome.OK if provider == "bithuman" else Outcome.UNKNOWN)
    took_ms = found[Check.REACHABLE].took_ms
    assert took_ms is not None
    assert took_ms > 0


@pytest.mark.parametrize(
    ("provider", "settings"),
    [
        ("bithuman", {"avatar_id": "A00NOBODY0"}),
        ("bithuman", {"avatar_id": "A91XMB7113", "model": "expression-2"}),
        ("tavus", {"pal_id": "pnobody"}),
        ("tavus", {"pal_id": "pb87e71797da", "face_id": "rnobody"}),
        ("bey", {"avatar_id": "00000000-0000-4000-8000-000000000000"}),
        ("bithuman", {"place": "local", "model_path": "/nowhere/guide.imx"}),
        ("tavus", {"face_id": "r4067604db72"}),
    ],
)
async def test_a_face_that_the_vendor_or_the_host_does_not_have_is_named(
    vendors: Vendors, provider: str, settings: dict[str, Any]
) -> None:
    assert (await checked(provider, **settings))[Check.FACE].outcome == Outcome.FAILED


@pytest.mark.parametrize("provider", list(GOOD))
async def test_a_key_that_is_wrong_or_missing_is_said_with_its_variable_and_never_shown(
    vendors: Vendors, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = {"bithuman": "BITHUMAN_API_SECRET", "tavus": "TAVUS_API_KEY", "bey": "BEY_API_KEY"}[provider]
    for value in ("not-this-one", ""):
        monkeypatch.setenv(variable, value)
        found = await checked(provider)
        assert found[Check.KEY].outcome == Outcome.FAILED
        assert variable in found[Check.KEY].sentence
        assert "atlas" in found[Check.KEY].sentence
        assert not any("not-this-one" in result.sentence for result in found.values())


async def test_an_account_without_credit_would_not_start(vendors: Vendors) -> None:
    vendors.behave("bithuman", Kind.PAYMENT)
    assert (await checked("bithuman"))[Check.QUOTA].outcome == Outcome.FAILED


@pytest.mark.parametrize("kind", [Kind.RATE_LIMITED, Kind.BROKEN])
@pytest.mark.parametrize("provider", list(GOOD))
async def test_a_vendor_in_trouble_is_told_from_a_profile_that_is_wrong(
    vendors: Vendors, provider: str, kind: Kind
) -> None:
    vendors.behave(provider, kind)
    assert Outcome.FAILED not in {result.outcome for result in (await checked(provider)).values()}


async def test_a_vendor_that_hangs_up_is_not_reachable(vendors: Vendors) -> None:
    vendors.behave("tavus", Kind.REFUSE)
    found = await checked("tavus")
    assert found[Check.REACHABLE].outcome == Outcome.FAILED
    assert "Tavus can’t be reached" in found[Check.REACHABLE].sentence


async def test_a_vendor_that_is_silent_is_given_up(vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.vendors.api.TIMEOUT_S", 0.2)
    vendors.behave("bey", Kind.SILENT)
    assert "did not answer" in (await checked("bey"))[Check.REACHABLE].sentence


async def test_a_vendors_cloud_cannot_come_into_a_room_on_the_loopback(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    private = iter([True, False])  # LiveKit's address is, the vendor's is not
    monkeypatch.setattr("agent.vendors.preflight._is_private", lambda _: next(private))
    assert (await checked("tavus"))[Check.ROOM].outcome == Outcome.FAILED


async def test_what_is_drawn_here_needs_no_vendor() -> None:
    assert (await checked("builtin", presenter="omar"))[Check.FACE].outcome == Outcome.OK
    assert (await checked("nobody", x=1))[Check.FACE].outcome == Outcome.FAILED


def test_the_address_of_each_api_is_made_of_the_variable_that_names_a_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BITHUMAN_API_URL", "TAVUS_API_URL", "BEY_API_URL"):
        monkeypatch.delenv(name, raising=False)
    assert base_of("bithuman") == "https://api.bithuman.ai"
    assert base_of("tavus") == "https://tavusapi.com/v2"
    assert base_of("bey") == "https://api.bey.dev"
    monkeypatch.setenv("TAVUS_API_URL", "file:///etc/passwd")
    with pytest.raises(Unreachable, match="TAVUS_API_URL"):
        base_of("tavus")


async def test_a_conversation_that_is_open_is_ended_once(vendors: Vendors) -> None:
    left = Conversation(provider="tavus", id=await vendors.open_at_tavus(), room="avatary-1")
    first, again = [(await asyncio.to_thread(end_conversations, [left]))[0] for _ in range(2)]
    assert (first.is_over, first.was_open) == (True, True)
    assert (again.is_over, again.was_open) == (True, False)


async def test_those_of_tavus_whose_id_is_unknown_are_found_by_their_name_and_no_other_is_touched(
    vendors: Vendors,
) -> None:
    ours = [await vendors.open_at_tavus("avatary-1") for _ in range(2)]
    others = [await vendors.open_at_tavus("avatary-2") for _ in range(120)]  # the list has pages
    left = Conversation(provider="tavus", room="avatary-1")
    assert await asyncio.to_thread(end_conversations, [left]) == [Ended(is_over=True, was_open=True)]
    conversations = vendors.standins.vendors["tavus"].conversations
    assert [conversations[each].open for each in ours] == [False, False]
    assert all(conversations[each].open for each in others)
    assert await asyncio.to_thread(end_conversations, [left]) == [Ended(is_over=True)]


async def test_one_on_the_last_page_is_found_though_tavus_makes_its_pages_shorter_than_asked_for(
    vendors: Vendors, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = standins.tavus._number
    monkeypatch.setattr(standins.tavus, "_number", lambda request, name, usual: min(asked(request, name, usual), 10))
    for _ in range(25):
        await vendors.open_at_tavus("avatary-2")
    ours = await vendors.open_at_tavus("avatary-1")
    left = Conversation(provider="tavus", room="avatary-1")
    assert await asyncio.to_thread(end_conversations, [left]) == [Ended(is_over=True, was_open=True)]
    assert not vendors.standins.vendors["tavus"].conversations[ours].open


async def test_bithumans_conversations_are_found_by_their_room_and_no_other_is_touched(vendors: Vendors) -> None:
    await vendors.open_at_bithuman("avatary-1")
    await vendors.open_at_bithuman("avatary-2")
    left = Conversation(provider="bithuman", room="avatary-1")
    ended = (await asyncio.to_thread(end_conversations, [left]))[0]
    assert (ended.is_over, ended.was_open) == (True, True)
    states = {one.details["room_name"]: one.open for one in vendors.standins.vendors["bithuman"].conversations.values()}
    assert states == {"avatary-1": False, "avatary-2": True}


@pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.BROKEN, Kind.REFUSE])
@pytest.mark.parametrize("provider", ["bithuman", "tavus"])
async def test_one_that_could_not_be_ended_is_not_taken_for_over(vendors: Vendors, provider: str, kind: Kind) -> None:
    vendors.behave(provider, kind)
    left = Conversation(provider=provider, id="c123" if provider == "tavus" else "", room="avatary-1")
    ended = (await asyncio.to_thread(end_conversations, [left]))[0]
    assert not ended.is_over
    assert ended.detail
