"""Visitors of a job's room: who is there, what their pages report, and whom to greet."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping

from livekit import rtc

from agent.job.room_calls import NOT_ALLOWED, parsed
from protocol.control import VISIT_PROGRESS_METHOD, VISITOR_PREFIX, VisitQuality, VisitReport, VisitReportReply
from protocol.events import VisitorJoined, VisitorLeft, VisitProgress, VisitQualitySeen

logger = logging.getLogger(__name__)

QUALITY_EVERY_S = 5.0
STOPPED_EVERY_S = 2.0
ANNOUNCED_WITHIN_S = 4.0  # the server tells of a participant who publishes nothing up to three seconds late


class Visitors:
    """Reports visitors to telemetry, and calls `greet(identity)` for one who sees the avatar and is to be greeted.

    A visitor is greeted once, at the first report of a decoded frame, unless somebody who was greeted is in the room:
    then a conversation is under way. `on_empty()` is called when the last visitor has left, `on_stopped()` when one of them sees
    no new picture any more.
    """

    def __init__(
        self,
        emit: Callable[..., None],
        greet: Callable[[str], None],
        on_empty: Callable[[], None],
        on_stopped: Callable[[], None],
        already_greeted: Iterable[str] = (),
    ) -> None:
        self._emit = emit
        self._greet = greet
        self._on_empty = on_empty
        self._on_stopped = on_stopped
        self._stopped_at_s = -STOPPED_EVERY_S
        self._greeted = set(already_greeted)
        self._present: set[str] = set()
        self._announced: Mapping[str, object] = {}
        self._checks: dict[str, asyncio.TimerHandle] = {}
        self._ungreeted: set[str] = set()
        self._quality_at_s: dict[str, float] = {}

    def attach(self, room: rtc.Room) -> None:
        """Follows a connected room, beginning with those who are there already."""
        self._announced = room.remote_participants
        room.local_participant.register_rpc_method(VISIT_PROGRESS_METHOD, self.on_report)
        room.on("participant_connected", lambda participant: self.joined(participant.identity))
        room.on("participant_disconnected", lambda participant: self.left(participant.identity))
        for identity in list(room.remote_participants):
            self.joined(identity)

    def joined(self, identity: str) -> None:
        if not identity.startswith(VISITOR_PREFIX) or identity in self._present:
            return
        self._present.add(identity)
        self._emit(VisitorJoined, identity=identity)

    def left(self, identity: str) -> None:
        if identity in self._present:
            self._present.discard(identity)
            self._quality_at_s.pop(identity, None)
            self._emit(VisitorLeft, identity=identity)
            if not self._present:
                self._on_empty()

    async def on_report(self, call: rtc.RpcInvocationData) -> str:
        """RPC from a visitor's page; payload `VisitReport`, answer `VisitReportReply`, both JSON."""
        identity = call.caller_identity
        if not identity.startswith(VISITOR_PREFIX):
            raise rtc.RpcError(NOT_ALLOWED, "only visitors report their visit")
        report = parsed(VisitReport, call)
        self.joined(identity)  # a call can overtake the news that its caller has come
        if identity not in self._announced and identity not in self._checks:
            self._checks[identity] = asyncio.get_running_loop().call_later(ANNOUNCED_WITHIN_S, self._check, identity)
        if report.quality is not None:
            self._tell_quality(identity, report.quality)
        if report.picture_stopped:
            self._tell_stopped()
        milestones = report.model_dump(exclude_none=True, exclude={"quality", "picture_stopped"})
        if milestones:
            self._emit(VisitProgress, identity=identity, **milestones)
        if report.first_frame_ms is not None:
            self._consider_greeting(identity)
        return VisitReportReply().model_dump_json()

    def _tell_quality(self, identity: str, quality: VisitQuality) -> None:
        """A page that reports more often than it should is heard as often as it should."""
        now_s = time.monotonic()
        if now_s - self._quality_at_s.get(identity, -QUALITY_EVERY_S) < QUALITY_EVERY_S:
            return
        self._quality_at_s[identity] = now_s
        self._emit(VisitQualitySeen, identity=identity, quality=quality)

    def _tell_stopped(self) -> None:
        """A page can't make the job look at the picture all the time."""
        now_s = time.monotonic()
        if now_s - self._stopped_at_s >= STOPPED_EVERY_S:
            self._stopped_at_s = now_s
            self._on_stopped()

    def aclose(self) -> None:
        for check in self._checks.values():
            check.cancel()

    def _check(self, identity: str) -> None:
        """Of a visitor who goes before the server has announced them, it announces neither coming nor going."""
        del self._checks[identity]
        if identity in self._announced:
            return
        self.left(identity)
        for waiting in sorted(self._ungreeted & self._present):
            self._consider_greeting(waiting)

    def _consider_greeting(self, identity: str) -> None:
        if identity in self._greeted:
            return
        if self._greeted & self._present:
            self._ungreeted.add(identity)
            return
        self._ungreeted.discard(identity)
        self._greeted.add(identity)
        self._greet(identity)
