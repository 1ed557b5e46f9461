"""RPC calls that a job takes in its room: malformed payloads and callers who may not."""

import json
from typing import Final, TypeVar

from livekit import rtc
from pydantic import BaseModel, ValidationError

INVALID: Final = 1400  # RPC error codes of ours start above LiveKit's own
NOT_ALLOWED: Final = 1403

P = TypeVar("P", bound=BaseModel)


def parsed(payload: type[P], call: rtc.RpcInvocationData) -> P:
    """The call's payload. Raises `rtc.RpcError` that names each field with its problem, for the caller."""
    try:
        return payload.model_validate_json(call.payload)
    except ValidationError as error:
        problems = [{"field": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()]
        raise rtc.RpcError(INVALID, "the payload is malformed", json.dumps(problems)[:1_000]) from None
