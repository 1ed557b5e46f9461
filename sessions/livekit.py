"""The boundary to the LiveKit server: its API in the few calls that we make, synchronous, with time limits.

Every function raises `LiveKitError` where the server refuses or does not answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

import aiohttp
from django.conf import settings
from django.utils.translation import gettext as _
from livekit import api
from livekit.protocol.room import PerformRpcRequest, PerformRpcResponse

from sessions.errors import LiveKitError

T = TypeVar("T")

CALL_TIMEOUT_S: Final = 5.0
ON_BEHALF_ATTRIBUTE: Final = "lk.publish_on_behalf"  # of a participant who is the face of another
VISITOR_TOKEN_TTL: Final = timedelta(minutes=2)  # LiveKit renews the token of whoever is connected


def call(action: Callable[[api.LiveKitAPI], Awaitable[T]], timeout_s: float = CALL_TIMEOUT_S) -> T:
    """Run one API call to its end."""

    if not (settings.LIVEKIT_API_KEY and settings.LIVEKIT_API_SECRET):
        raise LiveKitError(_("LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set."), retryable=False)

    async def run() -> T:
        # The client hands every request `timeout=None`, which undoes the limit of its session: the limit is ours.
        async with (
            asyncio.timeout(timeout_s),
            # Tries are ours to count, and a dispatch that was repeated unseen would start two jobs.
            api.LiveKitAPI(
                settings.LIVEKIT_URL, settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET, failover=False
            ) as client,
        ):
            return await action(client)

    try:
        return asyncio.run(run())
    except api.TwirpError as error:
        raise LiveKitError(
            _("The media server refused: %(reason)s.") % {"reason": error.message},
            retryable=error.code == "unavailable",
        ) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise LiveKitError(_("The media server does not answer."), retryable=True) from error


def create_dispatch(
    *, agent_name: str, room: str, metadata: str, keep_room_s: int, timeout_s: float = CALL_TIMEOUT_S
) -> str:
    """Ask the agent `agent_name` to come to `room`; the dispatch's id. The room is made where there is none.

    LiveKit closes a room without visitors after 20 s or 5 minutes by itself, agent or not: ours stays `keep_room_s`.
    """
    opening = api.CreateRoomRequest(name=room, empty_timeout=keep_room_s, departure_timeout=keep_room_s)
    request = api.CreateAgentDispatchRequest(agent_name=agent_name, room=room, metadata=metadata)

    async def open_and_dispatch(client: api.LiveKitAPI) -> str:
        await client.room.create_room(opening)
        return str((await client.agent_dispatch.create_dispatch(request)).id)

    return call(open_and_dispatch, timeout_s)


def dispatches_in(room: str) -> dict[str, str]:
    """Dispatches of a room to agents by name: id -> metadata."""

    async def list_them(client: api.LiveKitAPI) -> dict[str, str]:
        # Of a room that is not there the server says only that nobody answers.
        if not (await client.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms:
            return {}
        # A room that is made by itself also has a dispatch for agents without a name.
        found = await client.agent_dispatch.list_dispatch(room)
        return {dispatch.id: dispatch.metadata for dispatch in found if dispatch.agent_name}

    return call(list_them)


def delete_dispatch(room: str, dispatch_id: str) -> None:
    """Take a dispatch back. One that is not there is fine."""
    call(lambda client: _unless_missing(client.agent_dispatch.delete_dispatch(dispatch_id, room)))


def delete_room(room: str) -> None:
    """Close a room: everybody in it, job included, is sent out. A room that is not there is fine."""
    call(lambda client: _unless_missing(client.room.delete_room(api.DeleteRoomRequest(room=room))))


def remove_participant(room: str, identity: str) -> None:
    """Send one participant out. One who is not there is fine."""
    request = api.RoomParticipantIdentity(room=room, identity=identity)
    call(lambda client: _unless_missing(client.room.remove_participant(request)))


def agent_is_in(room: str) -> bool:
    """True where an agent participant is in the room."""
    request = api.ListParticipantsRequest(room=room)
    response = call(lambda client: _unless_missing(client.room.list_participants(request)))
    return response is not None and any(
        participant.kind == api.ParticipantInfo.Kind.AGENT for participant in response.participants
    )


def call_agent(room: str, method: str, payload: str) -> str:
    """An RPC call to the job in the room; its answer. Raises `LiveKitError` also where there is none, or it refuses."""

    async def find_and_call(client: api.LiveKitAPI) -> str:
        present = (await client.room.list_participants(api.ListParticipantsRequest(room=room))).participants
        agents = [
            participant
            for participant in present
            if participant.kind == api.ParticipantInfo.Kind.AGENT and ON_BEHALF_ATTRIBUTE not in participant.attributes
        ]
        if not agents:
            raise LiveKitError(_("The avatar's process is not in its room."), retryable=True)
        request = PerformRpcRequest(
            room=room,
            destination_identity=max(agents, key=lambda agent: agent.joined_at_ms).identity,
            method=method,
            payload=payload,
            response_timeout_ms=int(CALL_TIMEOUT_S * 1000),
        )
        service = client.room  # its Python client has no method for this call yet
        headers = service._auth_header(api.VideoGrants(room_admin=True, room=room))
        answer = await service._client.request("RoomService", "PerformRpc", request, headers, PerformRpcResponse)
        return str(answer.payload)

    return call(find_and_call)


def participant_identities(room: str) -> set[str]:
    """Who is in the room now."""
    request = api.ListParticipantsRequest(room=room)
    response = call(lambda client: _unless_missing(client.room.list_participants(request)))
    return set() if response is None else {participant.identity for participant in response.participants}


def open_rooms() -> set[str]:
    """Names of all rooms that are open now."""
    response = call(lambda client: client.room.list_rooms(api.ListRoomsRequest()))
    return {room.name for room in response.rooms}


def is_reachable() -> bool:
    """One cheap call; raises `LiveKitError` where it fails."""
    call(lambda client: client.room.list_rooms(api.ListRoomsRequest(names=["avatary-health"])), 2.0)
    return True


def visitor_token(room: str, identity: str, name: str) -> str:
    """Join token of a visitor: this room, microphone only."""
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_subscribe=True,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_publish_data=True,
        can_update_own_metadata=False,
    )
    return _token(identity, name, grants)


def watcher_token(room: str, identity: str) -> str:
    """Join token of an operator who looks on: hidden, receives only."""
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_subscribe=True,
        can_publish=False,
        can_publish_data=False,
        hidden=True,
    )
    return _token(identity, "", grants)


def _token(identity: str, name: str, grants: api.VideoGrants) -> str:
    return (
        api.AccessToken(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
        .with_identity(identity)
        .with_name(name)
        .with_grants(grants)
        .with_ttl(VISITOR_TOKEN_TTL)
        .to_jwt()
    )


async def _unless_missing(response: Awaitable[Any]) -> Any:
    try:
        return await response
    except api.TwirpError as error:
        if error.code == "not_found":
            return None
        raise
