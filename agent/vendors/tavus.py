"""Whether Tavus could draw a face: key, PAL, face."""

from typing import Any

from agent.vendors.api import VendorApi
from agent.vendors.findings import Findings
from protocol.providers import TavusSettings
from protocol.vendors import Check, Outcome


def check_tavus(api: VendorApi, settings: TavusSettings, found: Findings) -> bool:
    """Returns whether the key was taken. Raises `Unreachable`."""
    pal = api.get("pals", settings.pal_id)
    if pal.status in (401, 403):
        return found.refused(api, pal)
    found.add(Check.KEY, Outcome.OK, "Tavus takes the key.")
    found.add(Check.QUOTA, Outcome.UNKNOWN, "Tavus does not tell what is left. Look at its billing page.")
    face = api.get("faces", settings.face_id) if settings.face_id else None
    if not found.is_known(api, pal, f"PAL {settings.pal_id}"):
        return True
    if face is not None and not found.is_known(api, face, f"face {settings.face_id}"):
        return True
    pals = pal.body.get("data")
    first = pals[0] if isinstance(pals, list) and pals and isinstance(pals[0], dict) else {}
    transport = _inner(first, "layers", "transport", "transport_type")
    if transport not in (None, "livekit"):
        sentence = f"The PAL speaks {transport}, not LiveKit: set its transport to livekit, or make another one."
        found.add(Check.FACE, Outcome.FAILED, sentence)
    elif face is not None and face.body.get("status") not in (None, "completed", "ready"):
        found.add(
            Check.FACE, Outcome.FAILED, f"The face is not ready at Tavus: {face.body['status']}. Wait until it is."
        )
    else:
        name = str(face.body.get("face_name")) if face else str(first.get("pal_name") or settings.pal_id)
        found.add(Check.FACE, Outcome.OK, f"The face is there: {name}.")
    return True


def _inner(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
