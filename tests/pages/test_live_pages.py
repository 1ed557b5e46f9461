"""What a live page fetches again does not get into the way of the hand that is at work on it."""

from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from operators.models import Operator
from sessions.models import AvatarSession
from tests.pages.conftest import Browse, page_of
from tests.visitor.conftest import browser

__all__ = ["browser"]

IS_FETCHED_AGAIN = """(id) => new Promise((done) => {
  document.addEventListener("htmx:afterSettle", ({ detail }) => detail.elt.id === id && done());
  document.getElementById(id).dispatchEvent(new Event("changed"));
})"""


def press_while_fetched(page: Page, name: str, part: str) -> None:
    """Press a button, and let go of it only after its part of the page was fetched again."""
    page.get_by_role("button", name=name).first.hover()
    page.mouse.down()
    page.evaluate(IS_FETCHED_AGAIN, part)
    page.mouse.up()


def test_a_button_that_is_pressed_while_its_part_is_fetched_again_does_what_it_says(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/sessions/{full['ready'].code}/")
        press_while_fetched(page, "Stop", "header")
        expect(page.locator("dialog[open]")).to_be_visible()


def test_what_is_focused_and_selected_stays_so_while_its_part_is_fetched_again(
    browser: Browser, browse: Browse, amina: Operator, full: dict[str, AvatarSession], live_server: LiveServer
) -> None:
    with page_of(browser, browse(amina), live_server) as page:
        page.goto(f"{live_server.url}/sessions/{full['ready'].code}/")
        page.locator("#header h1").dblclick()
        page.evaluate(IS_FETCHED_AGAIN, "header")
        assert page.evaluate("getSelection().toString().trim()") == "Maryam"
