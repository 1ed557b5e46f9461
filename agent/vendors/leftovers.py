"""Conversations that are over here and may still be open, and billed, at a vendor."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from agent.vendors.api import Reply, Unreachable, VendorApi
from protocol.providers import BEY, BITHUMAN, TAVUS
from protocol.vendors import Conversation, Ended

_PAGE: Final = 100  # of Tavus' list
_MOST_PAGES: Final = 20


def end_conversations(conversations: list[Conversation]) -> list[Ended]:
    """What became of each. Raises nothing: one that can't be asked about may still be open, and says why."""
    apis: dict[str, VendorApi] = {}
    ended = []
    for conversation in conversations:
        try:
            if conversation.provider not in _ENDS:
                ended.append(Ended(is_over=True, detail="There is nothing to end at this provider."))
                continue
            api = apis.setdefault(conversation.provider, VendorApi(conversation.provider))
            if not api.key:
                ended.append(Ended(is_over=False, detail=f"This host has no key for {api.name}."))
                continue
            ended.append(_ENDS[conversation.provider](api, conversation))
        except Unreachable as error:
            ended.append(Ended(is_over=False, detail=str(error)))
    return ended


def _end_at_bithuman(api: VendorApi, conversation: Conversation) -> Ended:
    """Its answer to a start names no session, so that the room finds it."""
    me = api.get("v1", "me")
    account = me.body.get("data")
    user = account.get("user_id") if isinstance(account, dict) else None
    if not me.is_good or not user:
        return _not_told(api, me)
    live = api.get("v2", str(user), "runtime-sessions", query=urlencode({"window": "live"}))
    data = live.body.get("data")
    sessions = data.get("sessions") if isinstance(data, dict) else None
    if not live.is_good or not isinstance(sessions, list):
        return _not_told(api, live)
    ours = [str(each["id"]) for each in sessions if _is_of(each, conversation)]
    for session in ours:
        reply = api.post("v2", str(user), "runtime-sessions", session, "terminate")
        if not reply.is_good and reply.status != 404:
            return _not_told(api, reply)
    return Ended(is_over=True, was_open=bool(ours))


def _is_of(session: Any, conversation: Conversation) -> bool:
    return isinstance(session, dict) and "id" in session and session.get("room_name") == conversation.room


def _end_at_tavus(api: VendorApi, conversation: Conversation) -> Ended:
    """One whose id never came is found by its name, which is its room's."""
    if conversation.id:
        return _end_one_at_tavus(api, conversation.id)
    ours: list[str] = []
    for page in range(1, _MOST_PAGES + 1):
        active = api.get("conversations", query=urlencode({"status": "active", "limit": _PAGE, "page": page}))
        listed = active.body.get("data")
        if not active.is_good or not isinstance(listed, list):
            return _not_told(api, active)
        ours += [
            str(each["conversation_id"])
            for each in listed
            if isinstance(each, dict) and each.get("conversation_name") == conversation.room
        ]
        if not listed:  # a page may hold fewer than were asked for
            break
    ended = [_end_one_at_tavus(api, each) for each in ours]
    return next(
        (one for one in ended if not one.is_over), Ended(is_over=True, was_open=any(one.was_open for one in ended))
    )


def _end_one_at_tavus(api: VendorApi, conversation: str) -> Ended:
    shown = api.get("conversations", conversation)
    if shown.status == 404 or shown.body.get("status") == "ended":
        return Ended(is_over=True)
    if not shown.is_good:
        return _not_told(api, shown)
    reply = api.post("conversations", conversation, "end")
    if reply.is_good or reply.status in (400, 404):  # the latter: it has ended meanwhile
        return Ended(is_over=True, was_open=reply.is_good)
    return _not_told(api, reply)


def _end_at_bey(api: VendorApi, conversation: Conversation) -> Ended:
    """There is no call that ends one: it ends when its room is closed, which has been done."""
    return Ended(is_over=True, detail="Beyond Presence ends by itself once its room is closed.")


def _not_told(api: VendorApi, reply: Reply) -> Ended:
    if reply.status == 401:
        return Ended(is_over=False, detail=f"{api.name} does not take this host’s key.")
    return Ended(is_over=False, detail=f"{api.name} did not end it (HTTP {reply.status}).")


_ENDS: Final[Mapping[str, Callable[[VendorApi, Conversation], Ended]]] = {
    BITHUMAN: _end_at_bithuman,
    TAVUS: _end_at_tavus,
    BEY: _end_at_bey,
}
