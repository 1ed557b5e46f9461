"""What a job sends, as LiveKit's own statistics tell it: encoder, network, and what waits for its moment."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from livekit import rtc

from protocol.events import MediaStats

logger = logging.getLogger(__name__)

EVERY_S: Final = 10.0
LIMITS: Final = ("", "cpu", "bandwidth", "other")  # by number, as in the SDK's messages

Queued = Callable[[], tuple[int, float] | None]


@dataclass
class _Totals:
    """Counters since the tracks were published."""

    at_s: float
    sent_bytes: int = 0
    frames: int = 0
    encode_s: float = 0.0


class MediaReporter:
    """Emits `MediaStats` of the room's published tracks. `queued`: frames, and milliseconds of sound, that wait."""

    def __init__(self, room: rtc.Room, emit: Callable[..., None], queued: Queued) -> None:
        self._room = room
        self._emit = emit
        self._queued = queued
        self._before: _Totals | None = None

    async def run(self) -> None:
        """Reports until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.report()
            except Exception:  # the SDK raises nothing more particular; figures are not worth a session
                logger.warning("LiveKit's statistics could not be read", exc_info=True)

    async def report(self) -> None:
        """Emits what happened since the last report; nothing where no track is published."""
        stats = []
        for publication in list(self._room.local_participant.track_publications.values()):
            if publication.track is not None:
                stats += [(publication.kind, each) for each in await publication.track.get_stats()]
        if stats:
            self.tell(stats, asyncio.get_running_loop().time())

    def tell(self, stats: list[tuple[Any, Any]], now_s: float) -> None:
        """`stats`: kind of track and what the SDK tells of it."""
        totals, figures = _Totals(now_s), dict[str, Any]()
        for kind, each in stats:
            is_video = kind == rtc.TrackKind.KIND_VIDEO
            match each.WhichOneof("stats"):
                case "outbound_rtp":
                    totals.sent_bytes += each.outbound_rtp.sent.bytes_sent
                    if is_video:
                        video = each.outbound_rtp.outbound
                        totals.frames += video.frames_encoded
                        totals.encode_s += video.total_encode_time
                        figures["limited_by"] = LIMITS[video.quality_limitation_reason]
                case "remote_inbound_rtp" if is_video:
                    remote = each.remote_inbound_rtp
                    figures["lost_percent"] = min(100.0, max(0.0, 100 * remote.remote_inbound.fraction_lost))
                    figures["jitter_ms"] = max(0.0, 1000 * remote.received.jitter)
                    if remote.remote_inbound.round_trip_time_measurements:
                        figures["round_trip_ms"] = 1000 * remote.remote_inbound.round_trip_time
        before, self._before = self._before, totals
        figures |= _rates(before, totals)
        if (queued := self._queued()) is not None:
            figures["queued_frames"], figures["queued_sound_ms"] = queued
        self._emit(MediaStats, **figures)


def _rates(before: _Totals | None, now: _Totals) -> dict[str, float]:
    """Absent at the first reading, and of counters that began anew with another track."""
    rates: dict[str, float] = {}
    if before is None or (passed_s := now.at_s - before.at_s) <= 0:
        return rates
    if (sent := now.sent_bytes - before.sent_bytes) >= 0:
        rates["sent_kbps"] = sent * 8 / 1000 / passed_s
    frames, encode_s = now.frames - before.frames, now.encode_s - before.encode_s
    if frames >= 0:
        rates["encoded_fps"] = frames / passed_s
    if frames > 0 and encode_s >= 0:
        rates["encode_ms"] = 1000 * encode_s / frames
    return rates
