"""A hosted avatar whose picture a visitor misses: lost where none comes to the job either."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc

from agent.avatars import AvatarParts, hosted
from agent.avatars.bey import BeyAvatar
from protocol.providers import LossCode
from tests.standins.conftest import AVATAR

Doubted = tuple[BeyAvatar, SimpleNamespace]


@pytest.fixture
async def doubted(monkeypatch: pytest.MonkeyPatch) -> Doubted:
    """An avatar in a room, and its video."""
    monkeypatch.setenv("BEY_API_KEY", "key")
    monkeypatch.setattr(hosted, "_PICTURE_WITHIN_S", 0.05)
    room = SimpleNamespace(isconnected=lambda: True)
    avatar = BeyAvatar(cast(Any, AvatarParts)(room, None, "bey", {"avatar_id": AVATAR}, None, None, None, None))
    video = SimpleNamespace(kind=rtc.TrackKind.KIND_VIDEO, muted=False)
    room.remote_participants = {avatar.identity: SimpleNamespace(track_publications={"TR_1": video})}
    return avatar, video


async def _no_picture(_: object) -> None:
    await asyncio.Event().wait()


async def _a_picture(_: object) -> None:
    """Came at once."""


async def test_it_is_lost_with_its_code_where_no_picture_comes(
    doubted: Doubted, monkeypatch: pytest.MonkeyPatch
) -> None:
    avatar, _ = doubted
    monkeypatch.setattr(BeyAvatar, "_frame_of", lambda *_: _no_picture(None))
    avatar.doubt()
    loss = await asyncio.wait_for(avatar.broken(), 60)
    assert loss.code == LossCode.STOPPED
    assert "its picture stopped" in str(loss)


@pytest.mark.parametrize("why_not", ["a picture comes", "it is muted", "it has gone already"])
async def test_it_is_not_lost_where(doubted: Doubted, monkeypatch: pytest.MonkeyPatch, why_not: str) -> None:
    avatar, video = doubted
    comes = why_not == "a picture comes"
    monkeypatch.setattr(BeyAvatar, "_frame_of", lambda *_: _a_picture(None) if comes else _no_picture(None))
    video.muted = why_not == "it is muted"
    if why_not == "it has gone already":
        cast(Any, avatar._parts.room).remote_participants = {}
    avatar.doubt()
    assert avatar._doubting is not None
    await asyncio.wait_for(avatar._doubting, 60)
    assert not avatar._gone.done()
