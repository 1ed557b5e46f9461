"""From a sample's reading on the host to its painting in an operator's browser, and what the pages cost there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psutil
from playwright.sync_api import Page, sync_playwright

from launch.browser import find_chromium
from tests.services import wait_until
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

Row = tuple[str, str, list[float], float | None, str]
PASSWORD = "only-for-the-benchmark-4711"
SETTLE_S: Final = 10
WINDOW_S: Final = 10
WINDOWS: Final = 6


@contextmanager
def signed_in(stack: Stack) -> Iterator[Page]:
    """A page of a browser of its own, in which an admin is signed in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(stack.manage("sign_in_link").splitlines()[-1])
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.locator("form button[type=submit]").first.click()
        page.wait_for_url(f"{stack.url}/")
        yield page
        browser.close()


def sample_to_painted(stack: Stack, repetitions: int) -> list[Row]:
    """`window.avataryPaint` of the session page holds the last paints, each with its time since the sample was taken."""
    code = stack.start_session("balanced")
    stack.wait_ready(code)
    with signed_in(stack) as page:
        page.goto(f"{stack.url}/sessions/{code}/")
        wait_until(lambda: page.evaluate("window.avataryPaint.length") >= repetitions + 2, "samples painted", 120, 1)
        paints = page.evaluate("window.avataryPaint")[2:]
    stack.stop_session(code)
    return [("sample taken to painted", "ms", [paint["painted_ms"] for paint in paints], 150, "p95")]


def pages_open(stack: Stack, repetitions: int) -> list[Row]:
    """CPU of the browser's renderer while a page is open and visible, with two sessions on air: a minute a page, by 10 s."""
    codes = [stack.start_session("balanced") for _ in range(2)]
    for code in codes:
        stack.wait_ready(code)
    rows: list[Row] = []
    for name, path in (("overview", "/"), ("session", f"/sessions/{codes[0]}/"), ("host", "/hosts/atlas/")):
        with signed_in(stack) as page:
            page.goto(stack.url + path)
            time.sleep(SETTLE_S)
            shares = [renderer_percent(WINDOW_S) for _ in range(WINDOWS)]
        rows.append((f"open {name} page, renderer", "% of a core", shares, 5, "p95"))
    for code in codes:
        stack.stop_session(code)
    return rows


def renderer_percent(window_s: float) -> float:
    """Of one core, of all renderers of our browser, over the next `window_s`."""
    begun, before_s = time.monotonic(), renderer_cpu_s()
    time.sleep(window_s)
    return (renderer_cpu_s() - before_s) / (time.monotonic() - begun) * 100


def renderer_cpu_s() -> float:
    total_s = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has just ended
            if "--type=renderer" in child.cmdline():
                spent = child.cpu_times()
                total_s += spent.user + spent.system
    return total_s
