"""Whether Beyond Presence could draw a face: key, avatar."""

from agent.vendors.api import VendorApi
from agent.vendors.findings import Findings
from protocol.providers import BeySettings
from protocol.vendors import Check, Outcome


def check_bey(api: VendorApi, settings: BeySettings, found: Findings) -> bool:
    """Returns whether the key was taken. Raises `Unreachable`."""
    reply = api.get("v1", "avatars", query="limit=100")
    if reply.status in (401, 403) or not reply.is_good:
        return found.refused(api, reply)
    found.add(Check.KEY, Outcome.OK, "Beyond Presence takes the key.")
    found.add(Check.QUOTA, Outcome.UNKNOWN, "Beyond Presence does not tell what is left. Look at its dashboard.")
    data = reply.body.get("data")
    listed = [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    avatars = {str(each.get("id")): each for each in listed}
    if (avatar := avatars.get(settings.avatar_id)) is not None:
        status = str(avatar.get("status", "available"))
        good = status == "available"
        sentence = f"The avatar is there: {avatar.get('name') or settings.avatar_id}."
        found.add(
            Check.FACE,
            Outcome.OK if good else Outcome.FAILED,
            sentence if good else f"The avatar is not available at Beyond Presence: {status}.",
        )
    elif reply.body.get("has_more"):
        found.add(Check.FACE, Outcome.UNKNOWN, "The account has more avatars than are looked through; it may be there.")
    else:
        sentence = f"Beyond Presence knows no avatar {settings.avatar_id}. Copy its id from the dashboard."
        found.add(Check.FACE, Outcome.FAILED, sentence)
    return True
