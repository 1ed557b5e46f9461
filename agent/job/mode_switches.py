"""Switches of the deployment mode, and of the provider, while the session runs, on the control plane's order.

One at a time. A switch that fails leaves all as it was; one that is too much for the host goes back by itself.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final, Literal, NamedTuple
from uuid import UUID

from livekit import rtc

from agent.avatars import AvatarLostError
from agent.avatars.frames import FrameReporter
from agent.avatars.keeper import FaceKeeper
from agent.avatars.shown import Choice
from agent.job.room_calls import NOT_ALLOWED, parsed
from protocol.control import (
    SWITCH_ATTRIBUTE,
    SWITCH_BACK,
    SWITCH_DONE,
    SWITCH_METHOD,
    SWITCH_SEEN_METHOD,
    VISITOR_PREFIX,
    SwitchOrder,
    SwitchReply,
    SwitchSeenReport,
)
from protocol.events import JobNotice, SwitchFinished, SwitchSeen
from protocol.modes import ModeSettings

logger = logging.getLogger(__name__)

TRIAL_S: Final = 30.0  # how long a new mode is watched
_CHANGE_OVER_S: Final = 30.0  # beyond a provider's own time: for avatars to wait for pauses in what is said
MOST_MISSED_S: Final = 10  # seconds in a row with frames over budget, after which the earlier mode comes back
LATE_ALREADY_S: Final = 3  # seconds in a row before a switch to a lighter mode: what is late after it is not its doing


class _Trial(NamedTuple):
    """A mode that was switched to is watched for a while."""

    switch: UUID
    earlier: ModeSettings
    choice: Choice
    began: float


class ModeSwitches:
    """Takes orders from `attach` on."""

    def __init__(self, avatar: FaceKeeper, frames: FrameReporter, emit: Callable[..., None]) -> None:
        self._avatar = avatar
        self._frames = frames
        self._emit = emit
        self._room: rtc.Room | None = None
        self._switching: asyncio.Task[None] | None = None
        self._trial: _Trial | None = None
        self._is_open = True

    def attach(self, room: rtc.Room) -> None:
        """Serves a connected room, once its avatar shows a picture."""
        self._room = room
        room.local_participant.register_rpc_method(SWITCH_METHOD, self.on_order)
        room.local_participant.register_rpc_method(SWITCH_SEEN_METHOD, self.on_seen)

    async def on_order(self, call: rtc.RpcInvocationData) -> str:
        """RPC of the LiveKit server on the control plane's behalf: nobody in the room may order a switch."""
        if self._is_in_room(call.caller_identity):
            raise rtc.RpcError(NOT_ALLOWED, "only the control plane switches modes")
        return SwitchReply(outcome=self.take(parsed(SwitchOrder, call))).model_dump_json()

    def take(self, order: SwitchOrder) -> Literal["under_way", "busy", "not_ready"]:
        """Begins the switch, and returns the reply's outcome."""
        if not self._is_open or self._room is None:
            return "not_ready"
        if self._switching is not None and not self._switching.done():
            return "busy"
        self._switching = asyncio.create_task(self._switch(order), name="mode-switch")
        return "under_way"

    async def on_seen(self, call: rtc.RpcInvocationData) -> str:
        """RPC from a visitor's page."""
        if not call.caller_identity.startswith(VISITOR_PREFIX):
            raise rtc.RpcError(NOT_ALLOWED, "only visitors report what they saw")
        seen = parsed(SwitchSeenReport, call)
        self._emit(SwitchSeen, switch=seen.switch, identity=call.caller_identity, gap_ms=seen.gap_ms)
        return "{}"

    async def aclose(self) -> None:
        """A switch that is being made is broken off."""
        self._is_open = False
        if self._switching is not None:
            self._switching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._switching

    async def _switch(self, order: SwitchOrder) -> None:
        earlier, choice, began = self.mode, self._avatar.choice, time.monotonic()
        trial, self._trial = self._trial, None
        is_relief = self._frames.missed_s >= LATE_ALREADY_S and order.mode.pixel_rate < earlier.pixel_rate
        following = choice if order.provider is None else Choice(order.provider, order.provider_settings)
        try:
            await self._announce(f"{order.switch}")
            await self._go_on_in(order.mode, following)
        except Exception as error:
            logger.exception("the mode could not be switched")
            self._trial = trial  # the mode that it stays in is watched on
            await self._finished(order.switch, "failed", began, self._sentence(error, began))
        else:
            await self._finished(order.switch, "applied", began)
            if not is_relief:  # whose frames are late all the same are not helped by a heavier mode
                self._trial = _Trial(order.switch, earlier, choice, time.monotonic())

    def on_missed(self, missed_s: int) -> None:
        """Frames have missed their budget for so many seconds in a row."""
        trial = self._trial
        if trial is not None and missed_s >= MOST_MISSED_S and time.monotonic() - trial.began < TRIAL_S + missed_s:
            self._trial = None
            if self._switching is None or self._switching.done():
                self._switching = asyncio.create_task(self._go_back(trial), name="mode-switch-back")

    async def _go_back(self, trial: _Trial) -> None:
        sentence = f"Frames missed their budget of {self.mode.frame_budget_ms:.0f} ms for {MOST_MISSED_S} s."
        began = time.monotonic()
        try:
            await self._announce(f"{trial.switch}{SWITCH_BACK}")
            await self._go_on_in(trial.earlier, trial.choice)
        except Exception as error:
            logger.exception("the earlier mode could not be brought back")
            await self._announce(f"{trial.switch}{SWITCH_DONE}")
            self._emit(JobNotice, sentence=f"{sentence} The earlier mode could not be brought back: {error}"[:500])
            return
        await self._finished(trial.switch, "went_back", began, sentence)

    async def _go_on_in(self, mode: ModeSettings, choice: Choice) -> None:
        limit_s = mode.timeout_s + (_CHANGE_OVER_S if choice != self._avatar.choice or choice.is_hosted else 0.0)
        async with asyncio.timeout(limit_s):
            await self._avatar.switch(mode, choice)
        self._frames.follow(mode.frame_budget_ms)

    @property
    def mode(self) -> ModeSettings:
        """The one that the session is in."""
        return self._avatar.mode

    async def _announce(self, switch: str) -> None:
        """Visitors' pages measure the gap between the code and its end. Their figures are not worth failing for."""
        try:
            if self._room is not None:
                await self._room.local_participant.set_attributes({SWITCH_ATTRIBUTE: switch})
        except Exception:
            logger.warning("a switch could not be announced", exc_info=True)

    async def _finished(self, switch: UUID, outcome: str, began: float, detail: str = "") -> None:
        took_ms = (time.monotonic() - began) * 1000
        await self._announce(f"{switch}{SWITCH_DONE}")
        self._emit(SwitchFinished, switch=switch, outcome=outcome, took_ms=took_ms, detail=detail[:500])

    def _sentence(self, error: Exception, began: float) -> str:
        now = "The still picture stays for now." if self._avatar.is_away else "The session goes on as before."
        if isinstance(error, AvatarLostError):
            return f"{error} {now}"
        if isinstance(error, TimeoutError):
            return f"It was not done within {time.monotonic() - began:.0f} s. {now}"
        return f"{type(error).__name__}: {error}"

    def _is_in_room(self, identity: str) -> bool:
        return identity.startswith(VISITOR_PREFIX) or (
            self._room is not None and identity in self._room.remote_participants
        )
