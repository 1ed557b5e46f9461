"""Telemetry out of a process: a bounded outbox and one background writer to the Redis stream.

An event gets its `seq` when it leaves the outbox for the first time: a source counts without gaps even when samples had to
be dropped, and a batch that is sent again (Redis went away in the middle) carries the same numbers.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel
from redis.asyncio import Redis
from redis.exceptions import RedisError

from protocol.events import FrameOverrun, FrameStats, HostSample, MediaStats, VisitQualitySeen, encode_event
from protocol.streams import EVENT_FIELD, EVENTS_STREAM, MAX_EVENT_BYTES, STREAM_MAX_ENTRIES

logger = logging.getLogger(__name__)

SAMPLES: Final = (
    FrameStats,
    FrameOverrun,
    HostSample,
    MediaStats,
    VisitQualitySeen,
)  # the first to go when the outbox is full
BATCH_EVENTS: Final = 200
RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 2.0
REDIS_TIMEOUT_S: Final = 2.0


class Outbox:
    """Events in order, at most `capacity`. When it is full the oldest sample goes; without samples, the oldest event."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._events: deque[Any] = deque()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Any) -> None:
        self._events.append(event)
        if len(self._events) > self._capacity:
            self._drop_one()

    def take(self, count: int) -> list[Any]:
        return [self._events.popleft() for _ in range(min(count, len(self._events)))]

    def _drop_one(self) -> None:
        self.dropped += 1
        for index, event in enumerate(self._events):
            if isinstance(event, SAMPLES):
                del self._events[index]
                return
        self._events.popleft()


class Telemetry:
    """One source's events on their way to Redis. `emit` is for the event loop's thread and never waits.

    `common` are fields of every event of this source (a job's `session` and `attempt`). Call `start` once, `aclose` at the end.
    """

    def __init__(
        self, source: str, redis_url: str, *, common: Mapping[str, Any] | None = None, capacity: int = 5_000
    ) -> None:
        self.source = source
        self._common = dict(common or {})
        self._outbox = Outbox(capacity)
        self._seq = 0
        self._in_flight: list[bytes] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._redis = Redis.from_url(redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._writer: asyncio.Task[None] | None = None

    @property
    def dropped(self) -> int:
        """Events that were never sent because the outbox was full."""
        return self._outbox.dropped

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="telemetry-writer")

    def emit(self, event_type: type[BaseModel], **fields: Any) -> None:
        """Queues an event, stamped now. Raises `pydantic.ValidationError` for fields that the event does not have."""
        event = event_type(source=self.source, seq=1, at=datetime.now(UTC), **self._common, **fields)
        self._outbox.put(event)
        self._idle.clear()
        self._wake.set()

    async def aclose(self, limit_s: float = 2.0) -> None:
        """Sends what is left, for `limit_s` at most, and lets go of Redis."""
        if self._writer is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), limit_s)
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        lost = self.dropped + len(self._in_flight) + len(self._outbox)
        if lost:
            logger.warning("%d telemetry events of %s were not sent", lost, self.source)
        await self._redis.aclose()

    async def _write(self) -> None:
        pause_s = RETRY_FIRST_S
        while True:
            await self._wake.wait()
            if not self._in_flight:
                self._in_flight = self._next_batch()
            if not self._in_flight:
                self._wake.clear()
                self._idle.set()
                continue
            try:
                await self._send(self._in_flight)
            except (RedisError, OSError, TimeoutError) as error:
                if pause_s == RETRY_FIRST_S:
                    logger.warning("Redis is away (%s): telemetry of %s waits", error, self.source)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_MAX_S)
                continue
            self._in_flight = []
            pause_s = RETRY_FIRST_S

    def _next_batch(self) -> list[bytes]:
        batch = []
        for event in self._outbox.take(BATCH_EVENTS):
            payload = encode_event(event.model_copy(update={"seq": self._seq + 1}))
            if len(payload) > MAX_EVENT_BYTES:
                self._outbox.dropped += 1
                logger.error("a %s of %d bytes is too large for the stream", type(event).__name__, len(payload))
                continue
            self._seq += 1
            batch.append(payload)
        return batch

    async def _send(self, batch: list[bytes]) -> None:
        # All or nothing: were one refused (memory, loading) and a later one taken, a retry would bring them out of order.
        async with self._redis.pipeline(transaction=True) as pipeline:
            for payload in batch:
                pipeline.xadd(EVENTS_STREAM, {EVENT_FIELD: payload}, maxlen=STREAM_MAX_ENTRIES, approximate=True)
            await pipeline.execute()
