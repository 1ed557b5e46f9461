"""The live socket: who may listen, what they hear, and how soon."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.test import Client
from redis import Redis

from monitoring.ingest.ingester import Ingester
from monitoring.live import consumers
from monitoring.live.broadcast import Broadcaster
from monitoring.live.routing import websocket_urlpatterns
from operators.models import Operator, Role
from protocol import events
from protocol.control import VisitQuality
from sessions.models import AvatarSession
from tests.monitoring.conftest import Writer
from tests.services import Valkey

pytestmark = pytest.mark.django_db(transaction=True)

CHANGED = {"type": "changed", "topic": "overview"}
SESSION = "session:2b0d7b3d-3f14-4f2b-9d9c-0f4d5a0c1e2f"


class Page:
    """A page that listens to topics as somebody."""

    def __init__(self, user: Any, topics: str) -> None:
        self._socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), f"/ws/live/?topics={topics}")
        self._socket.scope["user"] = user

    async def open(self) -> "Page":
        connected, _ = await self._socket.connect()
        assert connected
        assert (await self.hear())["type"] == "listening"
        return self

    async def refusal(self) -> int:
        await self._socket.connect()
        closed: dict[str, Any] = await self._socket.receive_output(5)
        assert closed["type"] == "websocket.close"
        return int(closed["code"])

    async def hear(self, limit_s: float = 30) -> Any:
        return await self._socket.receive_json_from(limit_s)

    async def hears_nothing(self) -> bool:
        return bool(await self._socket.receive_nothing(0.3))

    async def close(self) -> None:
        await self._socket.disconnect()


@pytest.fixture(autouse=True)
async def _close_connections() -> AsyncIterator[None]:
    """Django's thread for database work outlives the test; its connection must not."""
    yield
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def listen(redis: Redis) -> AsyncIterator[Callable[..., Any]]:
    pages: list[Page] = []

    async def listen(user: Any, topics: str) -> Page:
        pages.append(await Page(user, topics).open())
        return pages[-1]

    yield listen
    for page in pages:
        await page.close()


async def test_nobody_listens_without_signing_in(redis: Redis) -> None:
    assert await Page(AnonymousUser(), "overview").refusal() == 4401


async def test_somebody_whose_account_is_closed_may_not_listen(redis: Redis, basil: Operator) -> None:
    basil.is_active = False
    assert await Page(basil, "overview").refusal() == 4403


@pytest.mark.parametrize(
    "topics", ["", "everything", "session:1", "host:UPPER", "overview,session:", "overview," * 50 + "overview"]
)
async def test_topics_that_are_not_known_are_refused(redis: Redis, basil: Operator, topics: str) -> None:
    assert await Page(basil, topics).refusal() == 4400


def socket_of(client: Client) -> WebsocketCommunicator:
    """The socket that a browser's page opens, with its cookies."""
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return WebsocketCommunicator(
        AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
        "/ws/live/?topics=overview",
        headers=[(b"cookie", cookies.encode())],
    )


async def test_the_cookie_of_the_pages_signs_the_socket_in(redis: Redis, as_amina: Client) -> None:
    socket = socket_of(as_amina)
    await socket.connect()
    assert (await socket.receive_json_from(5))["type"] == "listening"
    await socket.disconnect()


def sign_out(amina: Operator, client: Client) -> None:
    client.post("/sign-out/")


def close_account(amina: Operator, client: Client) -> None:
    Operator.objects.filter(pk=amina.pk).update(is_active=False)


def change_password(amina: Operator, client: Client) -> None:
    amina.set_password("another-long-one")
    amina.save()


@pytest.mark.parametrize("change", [sign_out, close_account, change_password])
async def test_somebody_who_is_signed_out_hears_nothing_more(
    redis: Redis, as_amina: Client, amina: Operator, change: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_EVERY_S", 0.05)
    socket = socket_of(as_amina)
    await socket.connect()
    assert (await socket.receive_json_from(5))["type"] == "listening"
    assert await socket.receive_nothing(0.3), "who is signed in stays"
    await sync_to_async(change)(amina, as_amina)
    assert await socket.receive_output(5) == {"type": "websocket.close", "code": 4401}


async def test_somebody_who_loses_the_role_hears_nothing_more(
    redis: Redis, as_amina: Client, amina: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "CHECK_EVERY_S", 0.05)
    socket = socket_of(as_amina)
    await socket.connect()
    assert (await socket.receive_json_from(5))["type"] == "listening"
    monkeypatch.setattr(Role, "covers", lambda own, other: False)
    assert await socket.receive_output(5) == {"type": "websocket.close", "code": 4403}


async def test_a_viewer_hears_samples_and_changes_of_their_topics_alone(
    listen: Callable[..., Any], basil: Operator, live: Broadcaster
) -> None:
    page = await listen(basil, f"overview,{SESSION}")
    live.sample("host:atlas", {"steal_percent": 1})
    live.sample(SESSION, {"cpu_percent": 38.5})
    assert await page.hear() == {"type": "sample", "topic": SESSION, "data": {"cpu_percent": 38.5}}
    live.changed("overview")
    assert await page.hear() == {"type": "changed", "topic": "overview"}
    assert await page.hears_nothing()


async def test_many_changes_at_once_are_few_messages_and_the_last_is_never_lost(
    listen: Callable[..., Any], basil: Operator, live: Broadcaster
) -> None:
    page = await listen(basil, "overview")
    for _ in range(100):
        live.changed("overview")
    heard = [await page.hear()]
    while not await page.hears_nothing():
        heard.append(await page.hear())
    assert heard in ([CHANGED], [CHANGED] * 2)
    live.changed("overview")
    assert await page.hear() == CHANGED
    assert await page.hears_nothing()


async def test_a_change_reaches_a_page_through_a_restart_of_redis(
    listen: Callable[..., Any], basil: Operator, live: Broadcaster, valkey: Valkey
) -> None:
    page = await listen(basil, "overview")
    live.changed("overview")
    assert await page.hear() == CHANGED
    valkey.stop()
    live.changed("overview")
    valkey.start()
    assert await page.hear(15) == CHANGED


async def test_a_hosts_second_reaches_every_page_that_shows_it(
    listen: Callable[..., Any], basil: Operator, ingester: Ingester, job: Writer, sampler: Writer, on_air: AvatarSession
) -> None:
    code = str(on_air.code)
    overview, session, host = [await listen(basil, topic) for topic in ("overview", f"session:{code}", "host:atlas")]
    job.write(events.JobProcessStarted, host="atlas", pid=4711, job_id="j1")
    job.write(events.FrameStats, composed=20, cached=5, repeated=0, frame_p95_ms=12.5, budget_ms=40)
    sample = sampler.host_sample(4711, 4712)
    await sync_to_async(ingester.ingest_once)(10)
    await sync_to_async(ingester.ingest_once)(10)

    data = await first_sample(session)
    at = sample.at.isoformat(timespec="milliseconds")
    assert data == {
        "at": at,
        "cpu_percent": 38.5,
        "rss_bytes": 200,
        "pss_bytes": 150,
        "uss_bytes": 118,
        "fps": 25,
        "composed": 20,
        "cached": 5,
        "repeated": 0,
        "frame_p95_ms": 12.5,
        "budget_ms": 40,
        "steal_percent": 0.4,
    }
    data = await first_sample(host)
    assert (data["at"], data["steal_percent"], data["agent_pss_bytes"]) == (at, 0.4, 343)
    data = await first_sample(overview)
    assert data["host"]["host"] == "atlas"
    assert data["sessions"] == [{"code": code, "cpu_percent": 38.5}]


async def test_what_the_job_sends_and_browsers_receive_reaches_the_sessions_page(
    listen: Callable[..., Any], basil: Operator, ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    page = await listen(basil, f"session:{on_air.code}")
    job.write(events.MediaStats, encoded_fps=24.2, encode_ms=4, sent_kbps=780, limited_by="cpu", queued_frames=1)
    job.write(events.VisitQualitySeen, identity="visitor-dana", quality=VisitQuality(fps=25, freezes=2, freeze_ms=410))
    await sync_to_async(ingester.ingest_once)(10)
    await sync_to_async(ingester.ingest_once)(10)
    sent = (await first_sample(page))["media"]
    assert (sent["encoded_fps"], sent["limited_by"], sent["queued_frames"], sent["lost_percent"]) == (
        24.2,
        "cpu",
        1,
        None,
    )
    received = (await first_sample(page))["visit"]
    assert (received["identity"], received["fps"], received["freezes"]) == ("visitor-dana", 25, 2)


async def test_a_step_that_begins_tells_the_sessions_page_to_fetch(
    listen: Callable[..., Any], basil: Operator, ingester: Ingester, job: Writer, on_air: AvatarSession
) -> None:
    topic = f"session:{on_air.code}"
    page = await listen(basil, topic)
    job.write(events.StepStarted, step=1, key="k", label="Connection Initialization")
    await sync_to_async(ingester.ingest_once)(10)
    await sync_to_async(ingester.ingest_once)(10)
    assert await page.hear() == {"type": "changed", "topic": topic}


async def first_sample(page: Page) -> Any:
    while (message := await page.hear())["type"] != "sample":
        pass
    return message["data"]
