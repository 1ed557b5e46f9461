"""A host's newest second as its pages hear it, for a page that opens: what single processes and cores did stands in no row."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from monitoring.live.broadcast import host_topic

KEPT_S: Final = 5
KEY: Final = "monitoring.newest."


def keep(messages: Iterable[tuple[str, dict[str, Any]]], heard: Mapping[str, datetime]) -> None:
    """Of each host's seconds the last, for as long as it tells of now: figures to look at, not worth failing for. Behind a
    backlog nothing does. `heard`: when each host was, by the stream's clock; its own may be off."""
    since = timezone.now() - timedelta(seconds=KEPT_S)
    fresh = {host_topic(host) for host, at in heard.items() if at > since}
    seconds = {KEY + topic: data for topic, data in messages if topic in fresh}
    with suppress(RedisError, OSError):
        cache.set_many(seconds, KEPT_S)


def newest_of(host: str) -> dict[str, Any]:
    """Nothing where the host was not heard just now."""
    with suppress(RedisError, OSError):
        return cache.get(KEY + host_topic(host)) or {}
    return {}
