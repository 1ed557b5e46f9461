"""What the stand-ins refuse, and in whose words; no LiveKit is needed for that."""

import base64
import io
import json
import socket
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from standins.__main__ import KEY_VARIABLES, main
from standins.behaviour import Behaviour, Kind
from standins.server import StandIns

KEYS = {"bithuman": "bithuman-secret", "tavus": "tavus-key", "bey": "bey-key"}
LIVEKIT = "ws://127.0.0.1:9"
TAVUS = {"pal_id": "pb87e71797da", "properties": {"livekit_ws_url": LIVEKIT, "livekit_room_token": "t"}}
BEY = {"avatar_id": "b9be11b8-89fb-4227-8f86-4a881393cbdb", "url": LIVEKIT, "token": "t", "transport": "livekit"}
ROOM = {"livekit_url": LIVEKIT, "livekit_token": "t", "room_name": "r"}
BITHUMAN = {**ROOM, "mode": "cpu", "agent_id": "A91XMB7113"}
PHOTO = {**ROOM, "mode": "gpu", "model": "expression"}
START = {
    "tavus": ("/tavus/v2/conversations", "x-api-key"),
    "bey": ("/bey/v1/sessions", "x-api-key"),
    "bithuman": ("/bithuman/v1/runtime-tokens/request", "api-secret"),
}
GOOD = {"tavus": TAVUS, "bey": BEY, "bithuman": BITHUMAN}


class Client:
    """Asks stand-ins that run in the test itself."""

    def __init__(self, standins: StandIns, port: int, http: aiohttp.ClientSession) -> None:
        self.standins, self.url, self.http = standins, f"http://127.0.0.1:{port}", http

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
        """Status, JSON, headers."""
        async with self.http.request(method, self.url + path, **options) as answer:
            return answer.status, json.loads(await answer.text()), answer.headers

    async def start(self, vendor: str, body: Any, **options: Any) -> tuple[int, Any, Any]:
        path, header = START[vendor]
        options.setdefault("headers", {header: KEYS[vendor]})
        return await self.ask("POST", path, json=body, **options)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    never = Behaviour(behaviour=Kind.NEVER_JOIN)
    standins = StandIns(KEYS, dict.fromkeys(KEYS, never))
    port = await standins.start(0)
    async with aiohttp.ClientSession() as http:
        yield Client(standins, port, http)
    await standins.aclose()


def jpeg(width: int = 64, height: int = 64) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height)).save(target, "JPEG")
    return target.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("vendor", GOOD)
async def test_a_good_request_is_taken_and_kept(client: Client, vendor: str) -> None:
    status, answer, _ = await client.start(vendor, GOOD[vendor])
    assert status == (201 if vendor == "bey" else 200)
    told = {
        "tavus": answer.get("status") == "active" and answer.get("conversation_id"),
        "bey": answer.get("status") == {"type": "to_start"} and answer.get("id") and "token" not in answer,
        "bithuman": answer.get("avatar_session_started") is True and answer.get("model") == "essence-1",
    }
    assert told[vendor]
    assert len(client.standins.vendors[vendor].conversations) == 1


@pytest.mark.parametrize("vendor", GOOD)
@pytest.mark.parametrize("given", [None, "", "another"])
async def test_without_the_key_nothing_is_told_or_started(client: Client, vendor: str, given: str | None) -> None:
    headers = {} if given is None else {START[vendor][1]: given}
    status, answer, _ = await client.start(vendor, GOOD[vendor], headers=headers)
    assert status == 401
    assert (
        set(answer) == {"tavus": {"message"}, "bey": {"detail"}, "bithuman": {"error", "status", "status_code"}}[vendor]
    )
    assert not client.standins.vendors[vendor].conversations


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


WRONG = [
    ("tavus", without(TAVUS, "pal_id"), 400),
    ("tavus", {**TAVUS, "pal_id": 7}, 400),
    ("tavus", {**TAVUS, "pal_id": "p000"}, 400),
    ("tavus", {**TAVUS, "face_id": "r000"}, 400),
    ("tavus", without(TAVUS, "properties"), 400),
    ("tavus", {**TAVUS, "properties": {"livekit_ws_url": LIVEKIT}}, 400),
    ("tavus", {**TAVUS, "properties": {"livekit_ws_url": "nowhere", "livekit_room_token": "t"}}, 400),
    ("tavus", [TAVUS], 400),
    ("bey", without(BEY, "avatar_id"), 422),
    ("bey", without(BEY, "token"), 422),
    ("bey", {**BEY, "token": ""}, 422),
    ("bey", {**BEY, "url": "nowhere"}, 422),
    ("bey", {**BEY, "transport": "carrier-pigeon"}, 422),
    ("bey", {**BEY, "avatar_id": "nobody"}, 404),
    ("bithuman", without(BITHUMAN, "mode"), 400),
    ("bithuman", without(BITHUMAN, "room_name"), 400),
    ("bithuman", without(BITHUMAN, "livekit_token"), 400),
    ("bithuman", without(BITHUMAN, "agent_id"), 400),
    ("bithuman", {**BITHUMAN, "mode": "tpu"}, 400),
    ("bithuman", {**BITHUMAN, "model": "essense"}, 400),
    ("bithuman", {**BITHUMAN, "agent_id": "A00000000"}, 404),
    ("bithuman", {**BITHUMAN, "model": "essence-2"}, 409),
    ("bithuman", {**PHOTO, "image": "?"}, 400),
    ("bithuman", {**PHOTO, "image": base64.b64encode(b"no picture").decode()}, 415),
    ("bithuman", {**PHOTO, "image": base64.b64encode(jpeg()[:200]).decode()}, 400),
    ("bithuman", {**PHOTO, "image": base64.b64encode(bomb()).decode()}, 400),
    ("bithuman", {**PHOTO, "image": base64.b64encode(bytes(11 * 1024 * 1024)).decode()}, 413),
    ("bithuman", {**PHOTO, "model": "essence", "image": base64.b64encode(jpeg()).decode()}, 400),
]


async def test_wrong_requests_are_refused_and_start_nothing(client: Client) -> None:
    for vendor, body, status in WRONG:
        got, answer, _ = await client.start(vendor, body)
        assert got == status, (vendor, str(body)[:200], answer)
        if vendor == "bithuman":
            assert answer["error"]["httpStatus"] == answer["status_code"] == status
            assert answer["error"]["code"]
        elif vendor == "bey" and status == 422 and isinstance(body, dict):
            assert answer["detail"][0]["loc"][0] == "body"
    assert not any(one.conversations for one in client.standins.vendors.values())


async def test_what_is_no_json_is_refused(client: Client) -> None:
    for vendor, (path, header) in START.items():
        headers = {header: KEYS[vendor]}
        json_type = {"Content-Type": "application/json"}
        assert (await client.ask("POST", path, data=b"{", headers={**headers, **json_type}))[0] == 400
        assert (await client.ask("POST", path, data=b"{}", headers={**headers, "Content-Type": "text/plain"}))[0] == 415
        assert (await client.ask("GET", path + "/nothing/here", headers=headers))[0] == 404
        assert (await client.ask("DELETE", path, headers=headers))[0] == 405


async def test_bithuman_takes_pictures_as_text_and_as_files(client: Client) -> None:
    encoded = base64.b64encode(jpeg()).decode()
    for image in (encoded, f"data:image/jpeg;base64,{encoded}", "https://example.com/face.jpg"):
        assert (await client.start("bithuman", {**PHOTO, "image": image}))[0] == 200
    path, _ = START["bithuman"]
    headers = {"Authorization": f"Bearer {KEYS['bithuman']}"}

    async def send(picture: bytes, **fields: str) -> int:
        form = aiohttp.FormData({**ROOM, "model": "expression", **fields})
        form.add_field("avatar_image", picture, filename="avatar.jpg", content_type="image/jpeg")
        return (await client.ask("POST", path, data=form, headers=headers))[0]

    assert await send(jpeg(), async_mode="false") == 200
    assert await send(jpeg(), async_mode="perhaps") == 400
    assert await send(b"GIF89a") == 415
    assert await send(bomb()) == 400
    for size_mb in (11, 50):
        assert await send(b"\xff\xd8\xff" + bytes(size_mb * 1024 * 1024)) == 413


async def test_bithumans_preflight_tells_key_agent_and_balance(client: Client) -> None:
    secret = {"api-secret": KEYS["bithuman"]}
    assert (await client.ask("POST", "/bithuman/v1/validate", headers=secret))[1] == {"valid": True}
    assert (await client.ask("POST", "/bithuman/v1/validate", headers={"api-secret": "no"}))[1] == {"valid": False}
    assert (await client.ask("GET", "/bithuman/v1/me", headers=secret))[1]["data"]["credit_balance"] > 0
    assert (await client.ask("GET", "/bithuman/v1/agent/A91XMB7113", headers=secret))[1]["data"]["status"] == "ready"
    status, answer, _ = await client.ask("GET", "/bithuman/v1/agent/A0", headers=secret)
    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    client.standins.vendors["bithuman"].behave(Behaviour(behaviour=Kind.PAYMENT))
    assert (await client.ask("GET", "/bithuman/v1/me", headers=secret))[1]["data"]["credit_balance"] == 0
    status, answer, _ = await client.start("bithuman", BITHUMAN)
    assert (status, answer["error"]["code"]) == (402, "INSUFFICIENT_BALANCE")


async def test_the_others_preflight_tells_key_and_ids(client: Client) -> None:
    tavus, bey = {"x-api-key": KEYS["tavus"]}, {"x-api-key": KEYS["bey"]}
    assert (await client.ask("GET", "/tavus/v2/pals/pb87e71797da", headers=tavus))[0] == 200
    assert (await client.ask("GET", "/tavus/v2/faces/r4067604db72", headers=tavus))[1]["status"] == "completed"
    for path in ("pals/p0", "faces/r0", "conversations/c0"):
        assert (await client.ask("GET", f"/tavus/v2/{path}", headers=tavus))[0] == 404
    assert (await client.ask("GET", "/tavus/v2/conversations?limit=no", headers=tavus))[0] == 400
    avatars = (await client.ask("GET", "/bey/v1/avatars", headers=bey))[1]["data"]
    assert BEY["avatar_id"] in {avatar["id"] for avatar in avatars}
    for path in ("/tavus/v2/pals/pb87e71797da", "/tavus/v2/conversations", "/bey/v1/avatars", "/bey/v1/sessions/1"):
        assert (await client.ask("GET", path, headers={"x-api-key": "no"}))[0] == 401


async def test_too_many_requests_are_told_how_long_to_wait(client: Client) -> None:
    for vendor in KEYS:
        client.standins.vendors[vendor].behave(Behaviour(behaviour=Kind.RATE_LIMITED, seconds=9))
        status, _, headers = await client.start(vendor, GOOD[vendor])
        assert (status, headers["Retry-After"]) == (429, "9")


async def test_what_an_avatar_is_to_do_once_is_met_by_a_start_and_by_nothing_else(client: Client) -> None:
    async def behaviour() -> str:
        seen = (await client.ask("GET", "/_standin"))[1]
        return str(seen["tavus"]["behaviour"]["behaviour"])

    client.standins.vendors["tavus"].behave(Behaviour(behaviour=Kind.NEVER_JOIN, times=1))
    await client.ask("GET", "/tavus/v2/conversations", headers={"x-api-key": KEYS["tavus"]})
    assert await behaviour() == "never-join"
    assert (await client.start("tavus", GOOD["tavus"]))[0] == 200
    assert await behaviour() == "normal"


async def test_behaviours_are_set_and_wrong_ones_are_not(client: Client) -> None:
    status, now, _ = await client.ask("POST", "/_standin/tavus/behave", json={"behaviour": "slow", "seconds": 0.5})
    assert (status, now) == (200, {"behaviour": "slow", "seconds": 0.5, "times": None})
    wrongs: list[Any] = [{"behaviour": "nice"}, {"seconds": -1}, {"mood": "bad"}, [], {"behaviour": "401", "times": 0}]
    for wrong in wrongs:
        status, answer, _ = await client.ask("POST", "/_standin/tavus/behave", json=wrong)
        assert status == 422, wrong
        assert answer["detail"]
    seen = (await client.ask("GET", "/_standin"))[1]
    assert {vendor: one["behaviour"]["behaviour"] for vendor, one in seen.items()} == {
        "tavus": "slow", "bey": "never-join", "bithuman": "never-join",
    }  # fmt: skip
    async with client.http.get(f"{client.url}/_standin/heygen") as answer:
        assert answer.status == 404


async def test_what_is_shown_of_requests_and_conversations_holds_no_secret(client: Client) -> None:
    for vendor, body in GOOD.items():
        text = json.dumps(body).replace('"t"', '"the-room-token"')
        await client.start(vendor, json.loads(text))
    mint = {"agent_code": "A91XMB7113", "scope": "livekit-cloud", "room_name": "r", "livekit_url": LIVEKIT}
    headers = {"api-secret": KEYS["bithuman"]}
    token = (await client.ask("POST", "/bithuman/v1/runtime-tokens/mint", json=mint, headers=headers))[1][
        "scoped_token"
    ]
    shown = json.dumps((await client.ask("GET", "/_standin"))[1])
    for secret in ("the-room-token", token, *KEYS.values()):
        assert secret not in shown
    assert "pb87e71797da" in shown


def test_the_program_says_what_it_lacks_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    for variable in KEY_VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert "TAVUS_API_KEY" in said("--port", "0")
    for variable in KEY_VARIABLES.values():
        monkeypatch.setenv(variable, "a-key")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "nothing can listen" in said("--port", str(taken.getsockname()[1]))
    assert "'nice' is no behaviour" in said("--port", "0", "--behave", "tavus=nice")
    assert "'heygen' is no vendor" in said("--port", "0", "--behave", "heygen=401")
