"""What a live page fetches again does not get into the way of the hand that is at work on it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from monitoring.models import HostSample, MediaSample, VisitSample
from operators.models import Operator
from sessions.models import AvatarSession
from tests.pages.conftest import Browse, page_of
from tests.visitor.conftest import browser

__all__ = ["browser"]
pytestmark = pytest.mark.once

IS_FETCHED_AGAIN = """(id) => new Promise((done) => {
  document.addEventListener("htmx:afterSettle", ({ detail }) => detail.elt.id === id && done());
  document.getElementById(id).dispatchEvent(new Event("changed"));
})"""

TELLS = """(detail) => document.dispatchEvent(new CustomEvent("sample", { detail }))"""


def test_a_button_that_is_pressed_while_its_part_is_fetched_again_does_what_it_says(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/sessions/{full['ready'].code}/")
        page.get_by_role("button", name="Stop").first.hover()
        page.mouse.down()
        page.evaluate(IS_FETCHED_AGAIN, "header")
        page.mouse.up()
        expect(page.locator("dialog[open]")).to_be_visible()


def test_what_is_focused_and_selected_stays_so_while_its_part_is_fetched_again(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/sessions/{full['ready'].code}/")
        stop = page.get_by_role("button", name="Stop").first
        stop.focus()
        page.evaluate(IS_FETCHED_AGAIN, "header")
        expect(stop).to_be_focused()
        page.locator("#header h1").dblclick()
        page.evaluate(IS_FETCHED_AGAIN, "header")
        assert page.evaluate("getSelection().toString().trim()") == "Maryam"


def test_a_hosts_page_speaks_only_of_the_pressure_that_its_kernel_accounts_for(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    HostSample.objects.update(cpu_pressure_percent=4.2, memory_pressure_percent=0)
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/hosts/atlas/")
        expect(page.locator("[data-pressure]").filter(visible=True)).to_have_text(["CPU 4.2 %", "memory 0.0 %"])
        HostSample.objects.update(cpu_pressure_percent=None, memory_pressure_percent=None)
        page.reload()
        expect(page.locator("[data-chart='cpu'] .uplot")).to_be_visible()
        expect(page.locator("[data-pressures]")).to_be_hidden()


def test_how_sound_and_picture_travel_stands_below_the_charts_and_follows_what_comes(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    ready, now = full["ready"], timezone.now()
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/sessions/{ready.code}/")
        expect(page.locator(".uplot").first).to_be_visible()
        expect(page.locator("[data-sent], [data-received]").filter(visible=True)).to_have_count(0)
        MediaSample.objects.create(
            session=ready, at=now, encoded_fps=24.2, sent_kbps=780, encode_ms=4, queued_frames=1, queued_sound_ms=80,
            lost_percent=0, limited_by="cpu",
        )  # fmt: skip
        for ago, identity, fps, freezes in (
            (60, "gone", 5, 1),
            (12, "dana", 12, 2),
            (9, "emil", 25, 0),
            (2, "dana", 24, 0),
        ):
            VisitSample.objects.create(
                session=ready, at=now - timedelta(seconds=ago), identity=identity, fps=fps, freezes=freezes,
                freeze_ms=freezes * 200, jitter_ms=3, lost_percent=0.1,
            )  # fmt: skip
        page.reload()
        sent, received = page.locator("[data-sent]"), page.locator("[data-received]")
        expect(sent).to_contain_text("24 fps 780 kbit/s encoder 4 ms frames waiting 1 sound waiting 80 ms lost 0.0 %")
        expect(sent).to_contain_text("held back by the CPU")
        expect(received).to_contain_text("24 fps freezes 3, together 600 ms jitter 3 ms lost 0.1 %")
        later = (now + timedelta(seconds=10)).isoformat()
        for data in (
            {"at": later, "media": {"encoded_fps": 25, "limited_by": ""}},
            {"at": later, "visit": {"identity": "emil", "fps": 20, "freezes": 1}},
        ):
            page.evaluate(TELLS, {"topic": f"session:{ready.code}", "data": data})
        expect(sent).to_contain_text("25 fps – kbit/s")
        expect(sent).not_to_contain_text("held back")
        expect(received).to_contain_text("20 fps freezes 4,")
