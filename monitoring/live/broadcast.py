"""What the pages hear at once: samples and "this changed, fetch it again", over the Channels groups.

A topic is `overview`, `alerts`, `session:<code>`, `profile:<code>` or `host:<name>`. Senders never wait: one background thread a
process, the `Broadcaster`, owns the connection. A sample that can't be sent is dropped, a change never is: it goes out as soon
as Redis is back.
"""

import asyncio
import atexit
import logging
import os
import threading
import time
from collections import deque
from typing import Any, Final

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from sessions.signals import profile_changed, session_changed, worker_changed

logger = logging.getLogger(__name__)

OVERVIEW: Final = "overview"
ALERTS: Final = "alerts"
CHANGE_PAUSE_S: Final = 0.1  # two changes of a topic are at least this far apart; the last one is always sent
AWAY_PAUSE_S: Final = 0.5
LISTENERS_BACK_WITHIN_S: Final = 3.0  # after Redis: the layer of a web process tries again once a second
MAX_WAITING_SAMPLES: Final = 500


def session_topic(code: str) -> str:
    return f"session:{code}"


def profile_topic(code: str) -> str:
    return f"profile:{code}"


def host_topic(host: str) -> str:
    return f"host:{host}"


def group_of(topic: str) -> str:
    """The Channels group of a topic (group names may hold no colon)."""
    return topic.replace(":", ".", 1)


class Broadcaster:
    """Sends to the groups from a thread of its own. All methods may be called from any thread and return at once."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._samples: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MAX_WAITING_SAMPLES)
        self._due: dict[str, float] = {}  # topic -> when its change may go out, monotonic
        self._not_before: dict[str, float] = {}  # topic -> earliest moment of its next change
        self._repeat_until = 0.0
        self._thread: threading.Thread | None = None
        self._closing = False

    def sample(self, topic: str, data: dict[str, Any]) -> None:
        """Send a sample to the topic's listeners."""
        with self._wake:
            self._samples.append((topic, {"type": "sample", "topic": topic, "data": data}))
            self._notify()

    def changed(self, topic: str) -> None:
        """Tell the topic's listeners to fetch it again; many calls at once are one message."""
        with self._wake:
            soon = max(time.monotonic(), self._not_before.get(topic, 0.0))
            self._due[topic] = min(soon, self._due.get(topic, soon))
            self._notify()

    def redis_was_away(self) -> None:
        """Changes of the next seconds are sent a second time: listeners may be back later than we are."""
        with self._wake:
            self._repeat_until = time.monotonic() + LISTENERS_BACK_WITHIN_S

    def close(self, limit_s: float = 1.0) -> None:
        """Send what waits, for `limit_s` at most."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(limit_s)

    def _notify(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="broadcaster", daemon=True)
            self._thread.start()
        self._wake.notify()

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        while messages := self._next_messages():
            try:
                loop.run_until_complete(self._send(messages))
                if time.monotonic() < self._repeat_until:
                    self._keep_changes(messages, self._repeat_until)
            except (RedisError, OSError) as error:
                if time.monotonic() > self._repeat_until:
                    logger.warning("live messages wait: %s", error)
                self._keep_changes(messages, time.monotonic())
                self.redis_was_away()
                time.sleep(AWAY_PAUSE_S)
        loop.close()

    def _next_messages(self) -> list[tuple[str, dict[str, Any]]]:
        """Waits for the next messages to send; none at the end."""
        with self._wake:
            while True:
                now = time.monotonic()
                ready = [topic for topic, due in self._due.items() if due <= now or self._closing]
                if self._samples or ready:
                    messages = list(self._samples)
                    self._samples.clear()
                    self._not_before = {topic: at for topic, at in self._not_before.items() if at > now}
                    for topic in ready:
                        del self._due[topic]
                        self._not_before[topic] = now + CHANGE_PAUSE_S
                        messages.append((topic, {"type": "changed", "topic": topic}))
                    return messages
                if self._closing:
                    return []
                self._wake.wait(min(self._due.values()) - now if self._due else None)

    async def _send(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        layer = get_channel_layer()
        for topic, message in messages:
            await layer.group_send(group_of(topic), message)

    def _keep_changes(self, messages: list[tuple[str, dict[str, Any]]], due: float) -> None:
        with self._wake:
            if self._closing:
                self._due.clear()
                return
            for topic, message in messages:
                if message["type"] == "changed":
                    self._due.setdefault(topic, due)


_broadcaster = Broadcaster()


def broadcaster() -> Broadcaster:
    """The process's own."""
    return _broadcaster


def _renew() -> None:
    # A forked child (a Celery worker) inherits the object, not its thread.
    global _broadcaster
    _broadcaster = Broadcaster()


def on_session_changed(sender: object, *, code: str, **_: object) -> None:
    _broadcaster.changed(session_topic(code))
    _broadcaster.changed(OVERVIEW)


def on_worker_changed(sender: object, *, host: str, **_: object) -> None:
    _broadcaster.changed(host_topic(host))
    _broadcaster.changed(OVERVIEW)


def on_profile_changed(sender: object, *, profile: str, **_: object) -> None:
    _broadcaster.changed(profile_topic(profile))


def listen() -> None:
    """Broadcast what the sessions app announces. Called once, when the app is ready."""
    session_changed.connect(on_session_changed, dispatch_uid="monitoring.live.broadcast.session")
    worker_changed.connect(on_worker_changed, dispatch_uid="monitoring.live.broadcast.worker")
    profile_changed.connect(on_profile_changed, dispatch_uid="monitoring.live.broadcast.profile")
    os.register_at_fork(after_in_child=_renew)
    atexit.register(lambda: _broadcaster.close())
