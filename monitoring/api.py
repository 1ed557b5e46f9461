"""REST: the samples of a session."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from monitoring.queries import samples_of
from sessions.access import get_session_for

router = Router(tags=["samples"])


@router.get("sessions/{uuid:code}/samples", response=list[dict[str, Any]])
def list_samples(
    request: HttpRequest, code: UUID, since: datetime | None = None, limit: int = Query(600, ge=1, le=10_000)
) -> list[dict[str, Any]]:
    """Once a second: CPU (of one core), memory, the host's steal, frame times. A missing reading is absent."""
    session = get_session_for(request.auth, code)  # type: ignore[attr-defined]
    return samples_of(session, since=since, limit=limit)
