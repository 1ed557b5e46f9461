"""The vendors' own LiveKit plugins, unmodified, against their stand-ins on a real LiveKit server."""

import asyncio
import time
from typing import Any

import aiohttp
import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import APIConnectionError, APIStatusError
from PIL import Image

from tests.agent.visitor import Visitor
from tests.standins.conftest import AGENT, VENDORS, AgentRoom, eventually, speak

COLOURS = {"tavus": (90, 70, 150), "bey": (40, 120, 96), "bithuman": (170, 60, 60)}  # red, green, blue
STATUS_ERRORS = (APIStatusError, APIConnectionError)


class Viewer(Visitor):
    """Keeps the corner's colour of each picture and how far the meter went."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.corners: list[tuple[int, ...]] = []
        self.meters: list[float] = []
        self.pictures: set[bytes] = set()

    async def _watch(self, track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.RGB24):
            self.frames += 1
            shown = event.frame
            picture = np.frombuffer(shown.data, np.uint8).reshape(shown.height, shown.width, 3)
            self.corners.append(
                tuple(int(value) for value in picture[: shown.height // 20, : shown.width // 20].mean((0, 1)))
            )
            meter = picture[
                shown.height // 6 : shown.height // 2, round(0.92 * shown.width) : round(0.935 * shown.width)
            ]
            self.meters.append(float((meter > 128).mean()))
            self.pictures.add(picture.tobytes())


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_the_agent_says_comes_back_as_sound_and_a_moving_picture(agent_room: AgentRoom, vendor: str) -> None:
    dana = Viewer(agent_room.livekit, agent_room.room.name)
    await dana.join()
    try:
        avatar = agent_room.avatar(vendor)
        output = await agent_room.start(avatar)
        await avatar.wait_for_join(timeout=60)
        await eventually(lambda: dana.frames > 5, "pictures")
        assert max(dana.meters) < 0.1, "silent"
        await speak(output, 1.0)
        finished = await asyncio.wait_for(output.wait_for_playout(), 60)
        assert finished.playback_position == pytest.approx(1.0, abs=0.05)
        assert not finished.interrupted
        await eventually(lambda: dana.heard_s > 0.8, "sound")
        await eventually(lambda: max(dana.meters) > 0.6, "the meter moves with the sound")
        assert np.allclose(dana.corners[-1], COLOURS[vendor], atol=12)
        assert len(dana.pictures) > 5
        stand_in = dana.room.remote_participants[avatar.avatar_identity]
        codecs = {
            one.mime_type.lower()
            for one in stand_in.track_publications.values()
            if one.kind == rtc.TrackKind.KIND_VIDEO
        }
        assert codecs == {"video/h264"}
    finally:
        await dana.leave()


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_interruption_silences_the_avatar_and_says_how_far_it_came(
    agent_room: AgentRoom, dana: Visitor, vendor: str
) -> None:
    avatar = agent_room.avatar(vendor)
    output = await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    await speak(output, 20.0)
    await eventually(lambda: dana.heard_s > 0.3, "sound")
    output.clear_buffer()
    finished = await asyncio.wait_for(output.wait_for_playout(), 60)
    assert finished.interrupted
    assert 0 < finished.playback_position < 19
    assert (await eventually(lambda: agent_room.conversation(vendor), "its record"))["clears"] == 1
    await speak(output, 0.4)
    again = await asyncio.wait_for(output.wait_for_playout(), 60)
    assert not again.interrupted
    assert again.playback_position == pytest.approx(0.4, abs=0.3)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_no_secret_of_a_vendor_is_told(agent_room: AgentRoom, vendor: str) -> None:
    await agent_room.start(agent_room.avatar(vendor))
    await eventually(lambda: agent_room.conversation(vendor).get("pictures"), "pictures")
    told = str(agent_room.standins.seen(vendor))
    key = "BITHUMAN_API_SECRET" if vendor == "bithuman" else f"{vendor.upper()}_API_KEY"
    assert agent_room.standins.environment[key] not in told
    assert "eyJ" not in told, "a LiveKit token"
    assert agent_room.livekit.url in told


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_refusal_reaches_the_plugin_and_starts_nothing(agent_room: AgentRoom, vendor: str) -> None:
    before = len(agent_room.standins.seen(vendor)["conversations"])
    for status in (401, 402, 403, 429, 500):
        agent_room.standins.behave(vendor, str(status), seconds=7)
        avatar = agent_room.avatar(vendor)
        with pytest.raises(STATUS_ERRORS) as refused:
            await agent_room.start(avatar)
        if isinstance(refused.value, APIStatusError):  # bitHuman's plugin tells no status
            assert refused.value.status_code == status
        assert agent_room.standins.seen(vendor)["requests"][-1]["status"] == status
    assert len(agent_room.standins.seen(vendor)["conversations"]) == before


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendor_that_fails_once_is_tried_again(agent_room: AgentRoom, vendor: str) -> None:
    agent_room.standins.behave(vendor, "500", times=1)
    avatar = agent_room.avatar(vendor, retries=2)
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    assert [one["status"] for one in agent_room.standins.seen(vendor)["requests"]][-2] == 500
    assert agent_room.standins.seen(vendor)["behaviour"]["behaviour"] == "normal"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_vendor_that_closes_the_connection_can_not_be_reached(agent_room: AgentRoom, vendor: str) -> None:
    agent_room.standins.behave(vendor, "refuse")
    with pytest.raises(APIConnectionError):
        await agent_room.start(agent_room.avatar(vendor))


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_silent_vendor_never_answers(agent_room: AgentRoom, vendor: str) -> None:
    agent_room.standins.behave(vendor, "silent")
    before = len(agent_room.standins.seen(vendor)["requests"])
    starting = asyncio.create_task(agent_room.start(agent_room.avatar(vendor)))
    await eventually(lambda: len(agent_room.standins.seen(vendor)["requests"]) > before, "the request")
    done, _ = await asyncio.wait({starting}, timeout=0.3)
    assert not done
    starting.cancel()
    await asyncio.wait({starting})
    assert agent_room.standins.seen(vendor)["requests"][-1]["status"] is None


async def test_a_slow_vendor_answers_after_its_time(agent_room: AgentRoom) -> None:
    agent_room.standins.behave("bey", "slow", seconds=0.6)
    started = time.monotonic()
    await agent_room.start(agent_room.avatar("bey"))
    assert time.monotonic() - started >= 0.6


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_avatar_that_never_joins_is_billed_all_the_same(agent_room: AgentRoom, vendor: str) -> None:
    agent_room.standins.behave(vendor, "never-join")
    avatar = agent_room.avatar(vendor)
    await agent_room.start(avatar)
    with pytest.raises(asyncio.TimeoutError):
        await avatar.wait_for_join(timeout=0.5)
    session = agent_room.standins.seen(vendor)["conversations"][-1]
    assert session["open"]
    assert session["room"] == ""


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_avatar_that_dies_leaves_the_room(agent_room: AgentRoom, dana: Visitor, vendor: str) -> None:
    agent_room.standins.behave(vendor, "join-then-die", seconds=1.0)
    avatar = agent_room.avatar(vendor)
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    await eventually(lambda: avatar.avatar_identity in agent_room.left, "its leaving")
    session = await eventually(lambda: agent_room.conversation(vendor), "its record")
    assert session["note"] == "died"
    assert session["open"] is (vendor == "tavus"), "Tavus bills until it is told"
    assert session["pictures"] > 0


@pytest.mark.parametrize("vendor", ["tavus", "bey"])
async def test_livekit_lets_nobody_in_with_an_expired_token(agent_room: AgentRoom, vendor: str) -> None:
    agent_room.standins.behave(vendor, "expired-token")
    avatar = agent_room.avatar(vendor)
    await agent_room.start(avatar)
    await eventually(
        lambda: "did not let it in" in agent_room.standins.seen(vendor)["conversations"][-1]["note"], "its refusal"
    )
    assert avatar.avatar_identity not in agent_room.room.remote_participants


async def minted(agent_room: AgentRoom, **other: str) -> str:
    """A token of bitHuman for this room."""
    given = agent_room.standins.environment
    mint = {
        "agent_code": AGENT,
        "scope": "livekit-cloud",
        "room_name": agent_room.room.name,
        "livekit_url": agent_room.livekit.url,
    }
    url = f"{agent_room.standins.url}/bithuman/v1/runtime-tokens/mint"
    headers = {"api-secret": given["BITHUMAN_API_SECRET"]}
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url, json={**mint, **other}) as answer:
        assert answer.status == 200
        return str((await answer.json())["scoped_token"])


async def test_bithumans_minted_token_opens_its_room_until_it_expires(agent_room: AgentRoom) -> None:
    token = await minted(agent_room)
    avatar = agent_room.avatar("bithuman", api_secret=token)
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    shown = await eventually(lambda: agent_room.room.remote_participants.get("bithuman-avatar-agent"), "the avatar")
    assert shown.attributes["api_secret"] == token, "which is why it must not be the secret"
    await avatar.aclose()
    agent_room.standins.behave("bithuman", "expired-token")
    with pytest.raises(APIConnectionError):
        await agent_room.start(agent_room.avatar("bithuman", api_secret=token))
    assert agent_room.standins.seen("bithuman")["requests"][-1]["error"] == "The token has expired"
    fresh = agent_room.avatar("bithuman", api_secret=await minted(agent_room), avatar_participant_identity="avatar-2")
    await agent_room.start(fresh)
    await fresh.wait_for_join(timeout=60)


async def test_bithumans_minted_token_opens_no_other_room(agent_room: AgentRoom) -> None:
    token = await minted(agent_room, room_name="elsewhere")
    with pytest.raises(APIConnectionError):
        await agent_room.start(agent_room.avatar("bithuman", api_secret=token))
    assert agent_room.standins.seen("bithuman")["requests"][-1]["status"] == 403


@pytest.mark.parametrize("model", ["expression", "essence"])
async def test_bithuman_takes_forms_and_json(agent_room: AgentRoom, model: str) -> None:
    """The plugin sends expression models to other hosts than bitHuman's own as a form."""
    avatar = agent_room.avatar("bithuman", model=model)
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    asked = agent_room.standins.seen("bithuman")["requests"][-1]
    forms = asked["content_type"] == "application/x-www-form-urlencoded"
    assert forms is (model == "expression")
    assert agent_room.conversation("bithuman")["model"] == model


async def test_bithuman_animates_a_picture(agent_room: AgentRoom) -> None:
    avatar = agent_room.avatar("bithuman", model="expression", avatar_image=Image.new("RGB", (64, 64)))
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    assert agent_room.standins.seen("bithuman")["requests"][-1]["content_type"] == "multipart/form-data"


@pytest.mark.parametrize("vendor", VENDORS)
async def test_the_avatar_stays_when_the_agent_goes_and_leaves_with_the_room(
    agent_room: AgentRoom, dana: Visitor, vendor: str
) -> None:
    avatar = agent_room.avatar(vendor)
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    await agent_room.room.disconnect()
    await eventually(lambda: agent_room.session and dana.agent is not None, "the avatar is still there")
    assert agent_room.conversation(vendor)["state"] == "joined"
    await agent_room.end()
    await eventually(lambda: agent_room.conversation(vendor)["state"] in ("left", "ended"), "its leaving")
    assert agent_room.conversation(vendor)["open"] is (vendor == "tavus")


async def test_tavus_ends_a_conversation_and_the_avatar_leaves(agent_room: AgentRoom) -> None:
    avatar = agent_room.avatar("tavus")
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    url = f"{agent_room.standins.environment['TAVUS_API_URL']}/conversations"
    headers = {"x-api-key": agent_room.standins.tavus_key}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(url, params={"status": "active", "limit": 100}) as answer:
            active = (await answer.json())["data"]
        assert avatar.conversation_id in {one["conversation_id"] for one in active}  # type: ignore[attr-defined]
        one = f"{url}/{avatar.conversation_id}"  # type: ignore[attr-defined]
        async with http.post(f"{one}/end") as answer:
            assert answer.status == 200
        await eventually(lambda: avatar.avatar_identity in agent_room.left, "its leaving")
        async with http.get(one) as answer:
            assert (await answer.json())["status"] == "ended"
        async with http.post(f"{one}/end") as answer:
            assert answer.status == 400


async def test_a_conversation_that_is_ended_at_once_never_has_an_avatar(agent_room: AgentRoom) -> None:
    hasty = agent_room.avatar("tavus", avatar_participant_identity="hasty")
    await agent_room.start(hasty)
    url = f"{agent_room.standins.environment['TAVUS_API_URL']}/conversations/{hasty.conversation_id}/end"  # type: ignore[attr-defined]
    async with (
        aiohttp.ClientSession(headers={"x-api-key": agent_room.standins.tavus_key}) as http,
        http.post(url) as answer,
    ):
        assert answer.status == 200
    second = agent_room.avatar("tavus", avatar_participant_identity="second")
    await agent_room.start(second)
    await second.wait_for_join(timeout=60)
    present = await agent_room.api.room.list_participants(api.ListParticipantsRequest(room=agent_room.room.name))
    assert {one.identity for one in present.participants} & {"hasty", "second"} == {"second"}


async def test_bithuman_lists_live_sessions_and_terminates_one(agent_room: AgentRoom) -> None:
    avatar = agent_room.avatar("bithuman")
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    base = f"{agent_room.standins.url}/bithuman"
    async with aiohttp.ClientSession(headers={"api-secret": agent_room.standins.bithuman_secret}) as http:
        async with http.get(f"{base}/v1/me") as answer:
            user = (await answer.json())["data"]["user_id"]
        async with http.get(f"{base}/v2/{user}/runtime-sessions", params={"window": "live"}) as answer:
            live = (await answer.json())["data"]["sessions"]
        session = next(one for one in live if one["room_name"] == agent_room.room.name)
        async with http.post(f"{base}/v2/{user}/runtime-sessions/{session['id']}/terminate", json={}) as answer:
            assert answer.status == 200
    await eventually(lambda: avatar.avatar_identity in agent_room.left, "its leaving")
    assert not agent_room.conversation("bithuman")["open"]


async def test_two_avatars_of_one_agent_are_interrupted_each_by_itself(agent_room: AgentRoom, dana: Visitor) -> None:
    outputs = {}
    for vendor in ("tavus", "bey"):
        avatar = agent_room.avatar(vendor)
        outputs[vendor] = await agent_room.start(avatar)
        await avatar.wait_for_join(timeout=60)
        agent_room.session.output.audio = None
    await speak(outputs["tavus"], 4.0)
    await eventually(lambda: dana.heard_s > 0.1, "sound")
    outputs["tavus"].clear_buffer()
    await asyncio.wait_for(outputs["tavus"].wait_for_playout(), 60)
    assert agent_room.conversation("tavus")["clears"] == 1
    assert agent_room.conversation("bey")["clears"] == 0


async def test_the_avatar_that_the_agent_removes_is_gone(agent_room: AgentRoom) -> None:
    avatar = agent_room.avatar("bey")
    await agent_room.start(avatar)
    await avatar.wait_for_join(timeout=60)
    await avatar.aclose()
    await eventually(lambda: not agent_room.conversation("bey")["open"], "its end")
    with pytest.raises(api.TwirpError):
        await agent_room.api.room.get_participant(
            api.RoomParticipantIdentity(room=agent_room.room.name, identity=avatar.avatar_identity)
        )
