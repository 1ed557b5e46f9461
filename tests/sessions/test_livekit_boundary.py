"""Our side of the LiveKit API."""

import socket
import time
from typing import Any

import pytest
from livekit import api

from sessions import livekit
from sessions.errors import LiveKitError
from tests.services import LiveKit
from tests.services import livekit as livekit_fixture

livekit_server = livekit_fixture


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_in_time(settings: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.LIVEKIT_URL = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(LiveKitError, match="does not answer") as caught:
            livekit.create_dispatch(agent_name="avatary-atlas", room="r", metadata="", keep_room_s=60, timeout_s=0.3)
    assert caught.value.retryable
    assert time.monotonic() - begun < 60, "not LiveKit's own patience"


def test_without_keys_nobody_is_called(settings: Any) -> None:
    settings.LIVEKIT_API_SECRET = ""
    with pytest.raises(LiveKitError, match="not set") as caught:
        livekit.delete_room("r")
    assert not caught.value.retryable


@pytest.fixture
def real_livekit(livekit_server: LiveKit, settings: Any) -> LiveKit:
    settings.LIVEKIT_URL = livekit_server.url
    settings.LIVEKIT_API_KEY = livekit_server.api_key
    settings.LIVEKIT_API_SECRET = livekit_server.api_secret
    return livekit_server


def test_a_room_is_not_closed_by_livekit_itself_while_its_session_lasts(real_livekit: LiveKit) -> None:
    livekit.create_dispatch(agent_name="avatary-atlas", room="lasting", metadata="one", keep_room_s=4200)
    rooms = livekit.call(lambda client: client.room.list_rooms(api.ListRoomsRequest(names=["lasting"]))).rooms
    assert [(room.empty_timeout, room.departure_timeout) for room in rooms] == [(4200, 4200)]


def test_dispatches_of_a_room_can_be_found_and_taken_back(real_livekit: LiveKit) -> None:
    assert livekit.dispatches_in("nowhere") == {}
    dispatch = livekit.create_dispatch(agent_name="avatary-atlas", room="busy", metadata="one", keep_room_s=60)
    assert livekit.dispatches_in("busy") == {dispatch: "one"}
    livekit.delete_dispatch("busy", dispatch)
    livekit.delete_dispatch("busy", dispatch)
    assert livekit.dispatches_in("busy") == {}
    livekit.delete_room("busy")
    livekit.delete_room("busy")
    assert "busy" not in livekit.open_rooms()
