"""What a live page fetches again does not get into the way of the hand that is at work on it."""

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

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
