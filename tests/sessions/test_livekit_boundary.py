"""Our side of the LiveKit API."""

import socket
import time
from typing import Any

import pytest

from sessions import livekit
from sessions.errors import LiveKitError


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up_in_time(settings: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings.LIVEKIT_URL = f"ws://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(LiveKitError, match="does not answer") as caught:
            livekit.create_dispatch(agent_name="avatary-atlas", room="r", metadata="", timeout_s=0.3)
    assert caught.value.retryable
    assert time.monotonic() - begun < 5


def test_without_keys_nobody_is_called(settings: Any) -> None:
    settings.LIVEKIT_API_SECRET = ""
    with pytest.raises(LiveKitError, match="not set") as caught:
        livekit.delete_room("r")
    assert not caught.value.retryable
