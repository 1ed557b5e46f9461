"""A host's newest second as its pages hear it, for a page that opens: what single processes and cores did stands in no row."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from monitoring.live.broadcast import host_topic

KEPT_S: Final = 5
KEY: Final = "monitoring.newest."


def keep(messages: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Of each host's seconds the last, for as long as it tells of now: figures to look at, not worth failing for. Behind a
    backlog nothing does."""
    since = timezone.now() - timedelta(seconds=KEPT_S)
    seconds = {
        KEY + topic: data
        for topic, data in messages
        if topic.startswith(host_topic("")) and datetime.fromisoformat(data["at"]) > since
    }
    with suppress(RedisError, OSError):
        cache.set_many(seconds, KEPT_S)


def newest_of(host: str) -> dict[str, Any]:
    """Nothing where the host was not heard just now."""
    with suppress(RedisError, OSError):
        return cache.get(KEY + host_topic(host)) or {}
    return {}
