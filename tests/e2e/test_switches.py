"""What modes and providers are for: the operator of a talking avatar goes from one to the next, and sees what visitors saw."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.switching.switches import SETTLES_WITHIN
from protocol.modes import BUILT_IN_MODES
from protocol.providers import BEY, BITHUMAN, HOSTED, TAVUS
from tests.e2e.test_main_path import talk
from tests.services import wait_until
from tests.stack import Stack

OpenPage = Callable[[], Page]
TOUR = [
    *(("mode", mode) for mode in ("ultra-low-latency", "stable", "constrained", "exhibition", "balanced")),
    *(("provider", provider) for provider in (TAVUS, BEY, BITHUMAN, "builtin")),
]
LONG_GREETING = "I have a great deal to say about this hall, and about all that was ever found here. " * 23


@pytest.fixture
def talking(stack: Stack, visitor_page: OpenPage) -> Iterator[str]:
    """Code of a session whose avatar talks to a visitor, and that every vendor could go on with."""
    vendors = {one["provider"]: one["provider_settings"] for one in stack.api("GET", "profiles")}
    guide = {
        "name": "Harbour guide",
        "greeting": LONG_GREETING,
        "other_settings": {provider: vendors[provider] for provider in HOSTED},
    }
    profile = stack.api("POST", "profiles", guide)["code"]
    code = stack.start_session("balanced", profile=profile)
    stack.wait_ready(code)
    talk(visitor_page(), stack.new_link(code)["url"])
    stack.wait_for(code, lambda s: s["readiness"]["first_audio_ms"] is not None, "the greeting heard")
    settled = sampled_at(stack, code) + SETTLES_WITHIN
    wait_until(lambda: sampled_at(stack, code) > settled, "a figure before the first switch")
    yield code
    stack.stop_session(code)


def sampled_at(stack: Stack, code: str) -> datetime:
    return datetime.fromisoformat(stack.api("GET", f"sessions/{code}/samples")[-1]["at"])


def last_switch(stack: Stack, code: str) -> dict[str, Any]:
    return dict(stack.api("GET", f"sessions/{code}/report")["switches"][-1])


def test_an_operator_takes_a_talking_avatar_through_all_modes_and_providers_and_back(
    stack: Stack, operator_page: Page, talking: str
) -> None:
    assert {to for kind, to in TOUR if kind == "mode"} == set(BUILT_IN_MODES)
    page = operator_page
    for kind, to in TOUR:
        page.goto(f"{stack.url}/sessions/{talking}/switch")
        page.locator(f"input[name={kind}][value={to}]").check(force=True)
        page.get_by_role("button", name=re.compile("^Switch to")).click()
        expect(page.get_by_role("heading", name=re.compile("^Switched to"))).to_be_visible()
        expect(page.get_by_text("Visitors saw the picture hold for")).to_be_visible()
        wait_until(lambda: last_switch(stack, talking)["after"]["seconds"] > 0, f"a figure after the switch to {to}")
    stack.stop_session(talking)
    page.goto(f"{stack.url}/reports/{talking}/")
    rows = page.locator(".av-switch-row").all_inner_texts()
    assert len(rows) == len(TOUR)
    for row, (_, to) in zip(rows, TOUR, strict=True):
        assert "Applied, gap" in row, to
        assert re.search(r"CPU of one core\s+\d.*→\s+\d", row), row
