"""Captions on a real LiveKit server."""

import asyncio
import uuid

from livekit import api, rtc

from agent.conversation.captions import RoomCaptions
from tests.services import LiveKit


async def test_a_room_that_closes_in_the_middle_of_a_sentence_leaves_no_error_behind(livekit: LiveKit) -> None:
    grants = api.VideoGrants(room_join=True, room=f"captions-{uuid.uuid4()}")
    token = api.AccessToken(livekit.api_key, livekit.api_secret).with_identity("avatar").with_grants(grants)
    room = rtc.Room()
    await room.connect(livekit.url, token.to_jwt())
    captions = RoomCaptions(room, lambda _: None)
    await captions.capture_text("The first room shows ")
    await room.disconnect()
    captions.flush()
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == "captions-end"))
    await captions.aclose()
