"""The watcher's questions, answered by a real LiveKit server."""

from datetime import timedelta

import pytest
from django.utils import timezone
from livekit import api
from pytest_django.fixtures import Settings

from monitoring.watching.watcher import Watcher
from sessions import livekit as rooms
from sessions.models import AvatarSession, State
from tests.services import LiveKit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def room(livekit: LiveKit, settings: Settings, session: AvatarSession) -> AvatarSession:
    """A session whose room is open, with nobody in it."""
    settings.LIVEKIT_URL = livekit.url
    settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = livekit.api_key, livekit.api_secret
    rooms.call(lambda client: client.room.create_room(api.CreateRoomRequest(name=session.room)))
    return session


def put(session: AvatarSession, **fields: object) -> None:
    AvatarSession.objects.filter(pk=session.pk).update(**fields)


def test_the_room_of_a_session_that_is_over_is_closed(room: AvatarSession) -> None:
    assert room.room in rooms.open_rooms()
    put(room, state=State.ENDED, ended_at=timezone.now())
    Watcher().tick(timezone.now())
    assert room.room not in rooms.open_rooms()


def test_the_room_of_a_live_session_stays_open(room: AvatarSession) -> None:
    Watcher().tick(timezone.now())
    assert room.room in rooms.open_rooms()


def test_a_silent_job_that_is_not_in_its_room_is_lost(room: AvatarSession) -> None:
    now = timezone.now()
    seen_at = now - timedelta(seconds=6)
    job = {"dispatch_id": "d1", "job_pid": 4711, "attempt_at": seen_at, "job_seen_at": seen_at}
    put(room, state=State.READY, ready_at=now, **job)
    Watcher().tick(now)
    room.refresh_from_db()
    assert (room.state, room.attempt) == (State.DEGRADED, 2)
