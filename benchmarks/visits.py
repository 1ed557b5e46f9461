"""From a visitor's click on Talk to the first frame decoded and the first sound heard, in Chromium."""

from functools import partial
from typing import Any

from playwright.sync_api import sync_playwright

from launch.browser import find_chromium
from tests.stack import VISITOR_BROWSER_FLAGS, Stack

Row = tuple[str, str, list[float], float | None, str]
MILESTONES = {
    "token_ms": ("click to token", None),
    "connected_ms": ("click to connected", None),
    "first_frame_ms": ("click to first frame decoded", 900.0),
    "first_sound_ms": ("click to first sound heard", None),
}


def clicks(stack: Stack, repetitions: int) -> list[Row]:
    code = stack.start_session("balanced")
    stack.wait_ready(code)
    url = stack.new_link(code)["url"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=VISITOR_BROWSER_FLAGS)
        for visit in range(repetitions + 1):
            everybody_heard = partial(_heard_by, visit + 1)
            context = browser.new_context(permissions=["microphone"])
            page = context.new_page()
            page.goto(url, wait_until="networkidle")
            page.get_by_role("button", name="Talk with").click()
            stack.wait_for(code, everybody_heard, "a visitor who heard the greeting")
            context.close()
            stack.wait_for(code, lambda session: all(v["left_at"] for v in session["visits"]), "the visitor's leaving")
        browser.close()
    visits = stack.session(code)["visits"][1:]  # the first warms caches
    stack.stop_session(code)
    return [
        (label, "ms", [visit[name] for visit in visits], target, "median")
        for name, (label, target) in MILESTONES.items()
    ]


def _heard_by(visitors: int, session: dict[str, Any]) -> bool:
    return sum(1 for visit in session["visits"] if visit["first_sound_ms"] is not None) >= visitors
