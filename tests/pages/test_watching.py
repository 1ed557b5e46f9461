"""An operator looks on in a real browser, on a real LiveKit server: the avatar's picture, and nobody else's."""

import numpy as np
import pytest
from livekit import api
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from operators.models import Operator
from tests.pages.conftest import Browse, page_of
from tests.visitor.agent import StandInAgent
from tests.visitor.conftest import House, NewAgent, agent, browser, house, livekit

__all__ = ["agent", "browser", "house", "livekit"]
pytestmark = pytest.mark.once


class Guest(StandInAgent):
    """A participant of the room who is no agent, and publishes a picture of their own."""

    def __init__(self, house: House) -> None:
        server = house.livekit
        picture = np.full((240, 320, 4), 200, np.uint8)
        super().__init__(server.url, server.api_key, server.api_secret, house.session.room, picture)
        self.identity = "visitor-who-shows-something"
        grants = api.VideoGrants(room_join=True, room=house.session.room)
        token = api.AccessToken(server.api_key, server.api_secret).with_identity(self.identity)
        self._token = token.with_grants(grants).to_jwt()


def test_a_visitors_video_never_takes_the_place_of_the_avatars(
    browser: Browser, browse: Browse, basil: Operator, house: House, agent: NewAgent, live_server: LiveServer
) -> None:
    with Guest(house) as guest, page_of(browser, browse(basil), live_server) as page:
        guest.publish()
        page.goto(f"{live_server.url}/sessions/{house.session.code}/")
        page.locator("[data-watch-start]").click()
        expect(page.locator("[data-watch-says]")).to_contain_text("No picture yet")
        avatar = agent()
        avatar.publish()
        expect(page.locator("[data-watch-size]")).to_have_text("320 × 180")
        guest.leave()
        expect(page.locator("[data-watch-tag]")).to_be_visible()
        avatar.leave()
        expect(page.locator("[data-watch-says]")).to_contain_text("The picture stopped")
