"""Write a batch of stream entries to the database, once each.

How far a writer's events are taken stands in the same transaction as what they left behind. So an entry may come again, after
a crash between the commit and the acknowledgement or because its writer sent it twice: it is counted and skipped.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from pydantic import ValidationError

from monitoring.ingest.batch import Batch, UnusableEvent
from monitoring.ingest.handlers import handle
from monitoring.ingest.observations import Observation
from monitoring.models import EventSource, SetAsideEvent
from protocol.events import TelemetryEvent, decode_event
from protocol.streams import EVENT_FIELD, MAX_EVENT_BYTES
from sessions.models import AvatarSession
from sessions.signals import session_changed

logger = logging.getLogger(__name__)

KEPT_SET_ASIDE: Final = 1_000
KEPT_PAYLOAD_CHARS: Final = 2_000
UNREADABLE: Final = ""  # `EventSource.name` under which entries of no readable writer are counted

Entry = tuple[str, dict[bytes, bytes] | None]  # stream id, fields; no fields where the stream was trimmed meanwhile
Frames = dict[str, tuple[datetime, dict[str, Any]]]


@dataclass
class Ingested:
    """What a batch came to."""

    events: int = 0
    replayed: int = 0
    set_aside: int = 0
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # samples for the live socket: topic, data
    observed: list[Observation] = field(default_factory=list)
    hosts_seen: dict[str, datetime] = field(default_factory=dict)  # by the clock of Redis
    last_at: datetime | None = None  # when Redis took the last of them

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(
            self.events + other.events,
            self.replayed + other.replayed,
            self.set_aside + other.set_aside,
            self.messages + other.messages,
            self.observed + other.observed,
            self.hosts_seen | other.hosts_seen,
            other.last_at or self.last_at,
        )


@dataclass
class _Read:
    """A stream entry after reading: an event, or the `reason` why there is none or why it can't be used."""

    entry_id: str
    payload: bytes
    event: TelemetryEvent | None = None
    received_at: datetime = datetime.min
    reason: str = ""


def ingest(entries: Sequence[Entry], frames: Frames) -> Ingested:
    """Write a batch in one transaction. `frames` carries each session's last frame figures from batch to batch.

    A batch that can't be written is halved until the event that is to blame stands alone; that one is set aside.
    Raises `OperationalError` or `InterfaceError` where the database is away or locked: ask again for what it did not take.
    """
    return _write_in_parts([_read(entry_id, fields) for entry_id, fields in entries if fields is not None], frames)


def _read(entry_id: str, fields: dict[bytes, bytes]) -> _Read:
    payload = fields.get(EVENT_FIELD.encode(), b"")
    if len(payload) > MAX_EVENT_BYTES:
        return _Read(entry_id, payload, reason=f"{len(payload)} bytes are more than {MAX_EVENT_BYTES}")
    try:
        # When Redis took it: the part of the id before the dash is in milliseconds.
        received_at = datetime.fromtimestamp(int(entry_id.split("-")[0]) / 1000, UTC)
        return _Read(entry_id, payload, decode_event(payload), received_at)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "event"
        return _Read(entry_id, payload, reason=f"{where}: {first['msg']}")
    except (ValueError, OverflowError, OSError) as error:
        return _Read(entry_id, payload, reason=f"its id is no time: {error}")


def _write_in_parts(reads: Sequence[_Read], frames: Frames) -> Ingested:
    """Write all at once, or what can be written of it."""
    try:
        return _write(reads, frames)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(reads) > 1:
            half = len(reads) // 2
            return _write_in_parts(reads[:half], frames) + _write_in_parts(reads[half:], frames)
        read = reads[0]
        if read.event is None:
            raise
        logger.exception("event %s is set aside", read.entry_id)
        if read.reason:
            read.event = None  # it can't even be counted for its writer
        read.reason = read.reason or f"{type(error).__name__}: {error}"
        return _write_in_parts(reads, frames)


def _write(reads: Sequence[_Read], frames: Frames) -> Ingested:
    """One transaction for all of them. A read that has a `reason` is set aside."""
    done = Ingested()
    with transaction.atomic():
        sources = _lock_sources({read.event.source for read in reads if read.event is not None})
        codes = {code for read in reads if (code := getattr(read.event, "session", None)) is not None}
        batch = Batch.for_codes(codes, dict(frames))
        aside: list[_Read] = []
        for read in _in_order(reads):
            if read.event is None:
                aside.append(read)
                continue
            source = sources[read.event.source]
            batch.is_late = read.event.seq <= source.last_seq
            if not source.take(read.event.seq):
                done.replayed += 1
                continue
            source.last_at = read.received_at
            batch.received_at = read.received_at
            if not read.reason:
                try:
                    handle(read.event, batch)
                    done.events += 1
                except UnusableEvent as error:
                    read.reason = str(error)
            if read.reason:
                aside.append(read)
                source.set_aside += 1
        batch.flush()
        _save_sources(sources.values())
        done.set_aside = _set_aside(aside)
        for code in batch.changed:
            transaction.on_commit(lambda code=code: session_changed.send(sender=AvatarSession, code=code))  # type: ignore[misc]
    frames.clear()
    frames.update(batch.frames)
    done.messages, done.observed = batch.messages, batch.observed
    done.hosts_seen = {host: at for host, (_, at) in batch.hosts_seen.items()}
    done.last_at = max((read.received_at for read in reads if read.event is not None), default=None)
    return done


def _in_order(reads: Sequence[_Read]) -> list[_Read]:
    """Each writer's events by their numbers, in the places that its events have."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, read in enumerate(reads):
        if read.event is not None:
            places[read.event.source].append(place)
    ordered = list(reads)
    for own in places.values():
        found = sorted((reads[place] for place in own), key=lambda read: read.event.seq if read.event else 0)
        for place, read in zip(own, found, strict=True):
            ordered[place] = read
    return ordered


def _lock_sources(names: set[str]) -> dict[str, EventSource]:
    rows = EventSource.objects.select_for_update().filter(name__in=names).order_by("name")
    sources = {source.name: source for source in rows}
    if new := names - sources.keys():
        EventSource.objects.bulk_create([EventSource(name=name) for name in sorted(new)], ignore_conflicts=True)
        sources = {source.name: source for source in rows.all()}
    return sources


def _save_sources(sources: Iterable[EventSource]) -> None:
    """In one statement: fifty jobs write in each batch."""
    columns = ("last_seq", "gaps", "replayed", "missed", "set_aside", "last_at")
    EventSource.objects.bulk_create(
        [EventSource(name=each.name, **{column: getattr(each, column) for column in columns}) for each in sources],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=columns,
    )


def _set_aside(reads: Sequence[_Read]) -> int:
    """Keep unusable entries for a look; how many were new. The oldest go when there are too many."""
    if not reads:
        return 0
    known = set(
        SetAsideEvent.objects.filter(entry_id__in=[read.entry_id for read in reads]).values_list("entry_id", flat=True)
    )
    new = [read for read in reads if read.entry_id not in known]
    SetAsideEvent.objects.bulk_create(
        [
            SetAsideEvent(
                entry_id=read.entry_id,
                reason=_storable(read.reason)[:500],
                payload=_storable(read.payload[:KEPT_PAYLOAD_CHARS].decode(errors="replace")),
            )
            for read in new
        ],
        ignore_conflicts=True,
    )
    unreadable = sum(read.event is None for read in new)
    if unreadable:
        EventSource.objects.get_or_create(name=UNREADABLE)
        EventSource.objects.filter(name=UNREADABLE).update(set_aside=F("set_aside") + unreadable)
    newest_first = SetAsideEvent.objects.order_by("-pk").values_list("pk", flat=True)
    for pk in newest_first[KEPT_SET_ASIDE : KEPT_SET_ASIDE + 1]:
        SetAsideEvent.objects.filter(pk__lte=pk).delete()
    logger.warning("%d events were set aside; the last: %s", len(new), new[-1].reason if new else "known")
    return len(new)


def _storable(text: str) -> str:
    """PostgreSQL takes neither NUL nor halves of characters in a text."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
