"""The whole product in real processes, and a real browser for an operator and for visitors."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from launch.browser import find_chromium
from tests.services import LIGHT_PAGE, PAGE_LIMIT_MS, wait_until
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

ADMIN_PASSWORD = "only-for-these-tests-4711"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack") / "home"
    (home / "cache").mkdir(parents=True)
    stack = Stack(home, {"PROVIDERS": "standin"})
    with (home / "understand.lock").open("w") as program, (home / "cache/vectors.lock").open("w") as vectors:
        # Nobody is asked anything here: reading all that the guide knows, which takes a core for a minute, is left out.
        for lock in (program, vectors):
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one module: its event loop must be gone when asynchronous tests of other modules run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def admin_state(stack: Stack, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The admin signs in by the printed link and sets a password; returns the browser's kept cookies."""
    context = browser.new_context()
    context.set_default_timeout(PAGE_LIMIT_MS)
    page = context.new_page()
    page.goto(stack.manage("sign_in_link").splitlines()[-1])
    for field in page.locator("input[type=password]").all():
        field.fill(ADMIN_PASSWORD)
    page.locator("form button[type=submit]").first.click()
    page.wait_for_url(f"{stack.url}/")
    state = tmp_path_factory.mktemp("browser") / "admin.json"
    context.storage_state(path=state)
    context.close()
    return state


@pytest.fixture
def operator_page(browser: Browser, admin_state: Path) -> Iterator[Page]:
    """A page of somebody who is signed in; a message in its console that is an error fails the test."""
    context = browser.new_context(storage_state=admin_state, reduced_motion="reduce")
    context.set_default_timeout(PAGE_LIMIT_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def visitor_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Opens pages of visitors, each in a browser of its own with a microphone that hums."""
    contexts = []

    def open_page() -> Page:
        contexts.append(browser.new_context(permissions=["microphone"], **LIGHT_PAGE))
        contexts[-1].set_default_timeout(PAGE_LIMIT_MS)
        return contexts[-1].new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def session_code(stack: Stack) -> Iterator[str]:
    """A READY session, stopped afterwards."""
    code = stack.start_session("constrained")
    stack.wait_ready(code)
    yield code
    stack.stop_session(code)


def process_of(stack: Stack, *words: str, but_not: int = 0) -> psutil.Process:
    """The launcher's child whose command line has all the words, once there is one; its pid is not `but_not`."""

    def find() -> psutil.Process | None:
        for child in psutil.Process(stack.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
                if child.pid != but_not and all(word in " ".join(child.cmdline()) for word in words):
                    return child
        return None

    wait_until(find, f"a process with {words}", every_s=0.1)
    found = find()
    assert found is not None
    return found
