"""Where telemetry travels: one Redis stream, read by one consumer group."""

from typing import Final

EVENTS_STREAM: Final = "avatary:events"
INGEST_GROUP: Final = "ingester"
EVENT_FIELD: Final = "event"  # an entry has this one field: the event as JSON
MAX_EVENT_BYTES: Final = 64 * 1024
STREAM_MAX_ENTRIES: Final = 200_000  # approximate cap, so that a dead ingester can't fill the memory
