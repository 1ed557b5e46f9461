"""The real join page and join API, a real LiveKit server and Chromium; only the avatar's job is a stand-in."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from livekit import api
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from launch.browser import find_chromium
from sessions.actions.links import create_link
from sessions.models import AvatarSession, VisitorLink
from tests.services import LIGHT_PAGE, PAGE_LIMIT_MS, LiveKit, livekit
from tests.visitor.agent import StandInAgent

__all__ = ["livekit"]

FLAGS = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream"]
OpenPage = Callable[..., Page]
NewAgent = Callable[[], StandInAgent]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module: it must be gone before another module's asynchronous tests.

    Playwright's blocking interface keeps a loop on this thread, which Django would take for asynchronous code.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@dataclass
class House:
    """A session with a link, as visitors find it."""

    session: AvatarSession
    link: VisitorLink
    url: str
    livekit: LiveKit

    def in_room(self, work: Callable[[api.LiveKitAPI], Coroutine[Any, Any, Any]]) -> None:
        async def call() -> None:
            url = self.livekit.url.replace("ws", "http", 1)
            async with api.LiveKitAPI(url, self.livekit.api_key, self.livekit.api_secret) as livekit_api:
                await work(livekit_api)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, call()).result(60)

    def delete_room(self) -> None:
        self.in_room(lambda livekit_api: livekit_api.room.delete_room(api.DeleteRoomRequest(room=self.session.room)))

    def remove(self, identity: str) -> None:
        who = api.RoomParticipantIdentity(room=self.session.room, identity=identity)
        self.in_room(lambda livekit_api: livekit_api.room.remove_participant(who))


@pytest.fixture
def house(
    transactional_db: None,
    live_server: LiveServer,
    livekit: LiveKit,
    settings: Any,
    start: Callable[..., AvatarSession],
) -> House:
    settings.LIVEKIT_PUBLIC_URL = settings.LIVEKIT_URL = livekit.url
    settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = livekit.api_key, livekit.api_secret
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    allowed = ["'self'", livekit.url, livekit.url.replace("ws", "http", 1)]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy, "connect-src": allowed}}
    session = start()
    link = create_link(session, by="Amina", max_uses=1)
    return House(session, link, f"{live_server.url}/j/{link.token}", livekit)


@pytest.fixture
def agent(house: House) -> Iterator[NewAgent]:
    """Puts a job's stand-in into the room; it leaves at the end."""
    agents: list[StandInAgent] = []

    def agent() -> StandInAgent:
        new = StandInAgent(house.livekit.url, house.livekit.api_key, house.livekit.api_secret, house.session.room)
        agents.append(new)
        return new.__enter__()

    yield agent
    for each in agents:
        each.leave()


@pytest.fixture
def visitor(browser: Browser, house: House) -> Iterator[OpenPage]:
    """Opens the link, with `script` before the page's own; a script error or a breach of the content security policy fails the
    test."""
    contexts = []
    errors: list[str] = []

    def visitor(*, microphone: bool = True, script: str = "", **options: Any) -> Page:
        options = {**LIGHT_PAGE, "permissions": ["microphone"] if microphone else [], **options}
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PAGE_LIMIT_MS)
        context.add_init_script(script)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda entry: errors.append(entry.text) if "Content Security Policy" in entry.text else None)
        page.goto(house.url)
        return page

    yield visitor
    for context in contexts:
        context.close()
    assert errors == []
