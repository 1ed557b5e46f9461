"""The ingester: reads the telemetry stream, writes it to the database, tells the live pages.

One ingester is active at a time, by a short lease in Redis, and all use one consumer name. So whatever a dead ingester had read
and not acknowledged is the next one's own pending list, which comes first: a writer's events are never overtaken by later ones.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Event
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError, ResponseError
from redis.lock import Lock
from redis.retry import Retry

from monitoring import standstill
from monitoring.actions.ingest import Entry, Frames, Ingested, ingest
from monitoring.alerts.watch import AlertWatch
from monitoring.live import newest
from monitoring.live.broadcast import ALERTS, Broadcaster, broadcaster
from monitoring.watching.hitches import HitchWatch
from monitoring.watching.usual import Usual
from protocol.streams import EVENTS_STREAM, INGEST_GROUP
from sessions.models import AvatarSession
from sessions.signals import session_changed

logger = logging.getLogger(__name__)

CONSUMER: Final = "ingester"
LEASE_KEY: Final = "avatary:ingester"
LEASE_S: Final = 3.0
BATCH_ENTRIES: Final = 500
BLOCK_MS: Final = 1000
FRAMES_FORGOTTEN_AFTER: Final = timedelta(hours=1)  # of a job that died without a word
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 2.0


def connect(url: str | None = None) -> Redis:
    """A client that waits at most 2 s for an answer and leaves trying again to its caller."""
    return Redis.from_url(
        url or settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0, retry=Retry(NoBackoff(), 0)
    )


class Ingester:
    """Takes batches off the stream. `run` goes on until it is told to stop."""

    def __init__(self, redis: Redis, live: Broadcaster | None = None) -> None:
        self._redis = redis
        self._live = live or broadcaster()
        self._lease = Lock(redis, LEASE_KEY, timeout=LEASE_S, thread_local=False)
        self._has_group = False
        self._pending_first = True
        self._is_active = False
        self._frames: Frames = {}
        self._watch_anew()

    def run(self, stop: Event) -> None:
        """Ingest until `stop` is set; wait out a database or Redis that is away."""
        pause_s = BACKOFF_FIRST_S
        while not stop.is_set():
            try:
                if not self.hold_lease():
                    stop.wait(1.0)
                    continue
                self.watch(self.ingest_once())
                if pause_s != BACKOFF_FIRST_S:
                    logger.warning("ingesting again")
                    pause_s = BACKOFF_FIRST_S
                    standstill.over()
                    self._live.changed(ALERTS)
            except (RedisError, OSError, OperationalError, InterfaceError) as error:
                if pause_s == BACKOFF_FIRST_S:
                    logger.warning("events wait in the stream: %s", error)
                if isinstance(error, OperationalError | InterfaceError):
                    standstill.tell(error)
                self._live.changed(ALERTS)
                close_old_connections()
                self._live.redis_was_away()
                self._alerts.forget()
                stop.wait(pause_s)
                pause_s = min(pause_s * 2, BACKOFF_MAX_S)
        self.release_lease()

    def hold_lease(self) -> bool:
        """True while this ingester is the active one."""
        if self._is_active:
            try:
                self._lease.reacquire()
                return True
            except LockError:
                self._is_active = False
        self._is_active = bool(self._lease.acquire(blocking=False))
        if self._is_active:
            self._alerts.forget()  # whoever held it meanwhile may have raised and cleared some
            self._pending_first = True  # whoever held it meanwhile may have left something unacknowledged
        return self._is_active

    def release_lease(self) -> None:
        self._is_active = False
        try:
            if self._lease.owned():
                self._lease.release()
        except (LockError, RedisError, OSError) as error:
            logger.info("the lease runs out by itself: %s", error)

    def ingest_once(self, block_ms: int = BLOCK_MS) -> Ingested:
        """Take one batch, or wait `block_ms` for one. Raises what Redis and the database raise; the entries then stay."""
        # Until the batch is acknowledged it counts as pending, whatever happens on the way.
        from_pending, self._pending_first = self._pending_first, True
        entries = self._entries("0" if from_pending else ">", None if from_pending else block_ms)
        done = Ingested()
        if entries:
            done = ingest(entries, self._frames)
            self._acknowledge(entries)
            for topic, data in done.messages:
                self._live.sample(topic, data)
            newest.keep(done.messages, done.hosts_seen)
        self._pending_first = from_pending and bool(entries)
        return done

    def watch(self, done: Ingested) -> None:
        """After a batch: raise and clear alerts, keep hitches. Raises what the database raises."""
        # Behind a backlog, time is where we are in it: a host is not silent because we read slowly.
        is_behind = done.events + done.set_aside >= BATCH_ENTRIES
        now = done.last_at if is_behind and done.last_at else timezone.now()
        try:
            self._alerts.observe(done.observed)
            self._hitches.observe(done.observed)
            self._alerts.seen(done.hosts_seen)
            self._frames = {
                code: each for code, each in self._frames.items() if now - each[0] <= FRAMES_FORGOTTEN_AFTER
            }
            self._alerts.tick(now, self._frames)
            for hitch in self._hitches.tick(now):
                session_changed.send(sender=AvatarSession, code=str(hitch.session.code))
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a mistake of ours there must not keep events from being written
            logger.exception("alerts and hitches begin anew")
            self._watch_anew()

    def _watch_anew(self) -> None:
        usual = Usual()
        self._alerts, self._hitches = AlertWatch(usual), HitchWatch(usual)

    def _entries(self, start: str, block_ms: int | None) -> Sequence[Entry]:
        if not self._has_group:
            self._make_group()
        try:
            answer: Any = self._redis.xreadgroup(
                INGEST_GROUP, CONSUMER, {EVENTS_STREAM: start}, count=BATCH_ENTRIES, block=block_ms
            )
        except ResponseError as error:
            if "NOGROUP" in str(error):  # Redis came back without its data
                self._has_group = False
            raise
        if not answer:
            return []
        entries = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
        return [(entry_id.decode(), fields or None) for entry_id, fields in entries]

    def _make_group(self) -> None:
        try:
            self._redis.xgroup_create(EVENTS_STREAM, INGEST_GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
        self._has_group = True

    def _acknowledge(self, entries: Sequence[Entry]) -> None:
        ids = [entry_id for entry_id, _ in entries]
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xack(EVENTS_STREAM, INGEST_GROUP, *ids)
            pipeline.xdel(EVENTS_STREAM, *ids)
            pipeline.execute()
