"""From a sample's reading on the host to its painting in an operator's browser."""

from playwright.sync_api import sync_playwright

from launch.browser import find_chromium
from tests.services import wait_until
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

Row = tuple[str, str, list[float], float | None, str]
PASSWORD = "only-for-the-benchmark-4711"


def sample_to_painted(stack: Stack, repetitions: int) -> list[Row]:
    """`window.avataryPaint` of the session page holds the last paints, each with its time since the sample was taken."""
    code = stack.start_session("balanced")
    stack.wait_ready(code)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        page = browser.new_page()
        page.goto(stack.manage("sign_in_link").splitlines()[-1])
        for field in page.locator("input[type=password]").all():
            field.fill(PASSWORD)
        page.locator("form button[type=submit]").first.click()
        page.goto(f"{stack.url}/sessions/{code}/")
        wait_until(lambda: page.evaluate("window.avataryPaint.length") >= repetitions + 2, "samples painted", 120, 1)
        paints = page.evaluate("window.avataryPaint")[2:]
        browser.close()
    stack.stop_session(code)
    return [("sample taken to painted", "ms", [paint["painted_ms"] for paint in paints], 150, "p95")]
