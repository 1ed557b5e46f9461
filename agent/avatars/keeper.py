"""Keeps a face before the visitors, whatever becomes of the provider that draws it.

A provider that is lost is replaced at once by the profile's still picture, with the voice going on; it is tried again as
patiently as the mode says, then the profile's fallback takes over, and the provider is put back when it returns. An operator's
change of provider has the next avatar come beside the present one, so that nobody waits for it.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final

from livekit import rtc
from livekit.agents import AgentSession

from agent.avatars import Avatar, AvatarLostError
from agent.avatars.builtin.face_state import Expression
from agent.avatars.frames import FrameTiming
from agent.avatars.shown import Choice, Shown
from protocol.events import AvatarBack, AvatarLost, AvatarTakenOver
from protocol.jobspec import JobSpec
from protocol.modes import ModeSettings
from protocol.providers import HOSTED, STILL, LossCode

logger = logging.getLogger(__name__)

COME_BACK_S: Final = 60.0  # how often a provider that was given up is asked again


class FaceKeeper:
    """The avatar of a job: `choice` is who draws it in `mode`, as long as that can be had."""

    def __init__(
        self,
        room: rtc.Room,
        session: "AgentSession[None]",
        spec: JobSpec,
        *,
        on_frame: Callable[[FrameTiming], None],
        warn: Callable[[str], None],
        emit: Callable[..., None],
    ) -> None:
        self.mode = spec.mode
        self.choice = Choice(spec.profile.provider, spec.profile.provider_settings)
        self._profile = spec.profile
        self._emit = emit
        self._shown = Shown(room, session, spec, on_frame, warn, emit)
        self._loss: AvatarLostError | None = None  # the chosen provider's, while it is away
        self._lost_at = 0.0
        self._untold_ms: float | None = None  # what took over before anybody watched
        self._watching: asyncio.Task[None] | None = None
        self._broke: asyncio.Future[str] | None = None
        self._taking_over: asyncio.Task[float] | None = None

    @property
    def is_away(self) -> bool:
        """Whether the chosen provider is, and something stands in for it."""
        return self._loss is not None

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        """Returns once a face is shown: the provider's, or the still picture where that was lost. Raises what keeps an avatar
        that is rendered here from its start."""
        self._shown.connected = connected
        if self.choice.is_hosted:
            self._shown.draw_still(self.mode)
        try:
            await self._shown.show(await self._shown.started(self.choice, self.mode), self.choice.provider)
        except AvatarLostError as loss:
            self._lose(loss)
            self._untold_ms = await self._shown.show_still()

    async def broken(self) -> str:
        """From READY on: watches over what is shown. Returns why the job can't go on."""
        self._broke = asyncio.get_running_loop().create_future()
        self._watch()
        return await self._broke

    def show(self, expression: Expression) -> None:
        """Look like this from now on."""
        self._shown.express(expression)

    def caption(self, text: str) -> None:
        """What was said so far of what is being said; empty when nothing is."""
        self._shown.caption(text)

    async def switch(self, mode: ModeSettings, choice: Choice | None = None) -> None:
        """Goes on in another mode, by another provider, or both. Raises what keeps it from that; then all is as it was."""
        choice = choice or self.choice
        if choice != self.choice:
            await self._change(choice, mode)
        elif self._loss is not None:
            if self._shown.by != STILL:
                await self._shown.avatar.switch(mode)  # what stands in follows as far as it can without an end
            self.mode = mode  # who is tried again is tried in it
        elif await self._shown.avatar.switch(mode):
            self.mode = mode
        else:
            await self._change(choice, mode)

    def doubt(self) -> None:
        """A visitor sees no new picture."""
        self._shown.doubt()

    def queued(self) -> tuple[int, float] | None:
        """Frames, and milliseconds of sound, that wait for their moment; None where it is rendered elsewhere."""
        return self._shown.queued()

    async def aclose(self) -> None:
        await self._stop_watching()
        await self._shown.aclose()

    # -- a change that was asked for -------------------------------------------------------------------------------------

    async def _change(self, choice: Choice, mode: ModeSettings) -> None:
        await self._stop_watching()
        if choice.is_hosted:
            self._shown.draw_still(mode)
        # of one vendor, an account may have one avatar at a time
        is_in_the_way = choice.is_hosted and self._shown.by == choice.provider
        try:
            if is_in_the_way:
                await self._shown.make_way()
                self._lost_at, self._untold_ms = time.monotonic(), 0.0
            await self._shown.show(await self._started(choice, mode), choice.provider)
        except BaseException as error:
            if is_in_the_way and self._shown.by == STILL:
                self._lose(AvatarLostError(LossCode.STOPPED, f"It was ended for a switch that failed: {error}"[:500]))
            raise
        else:
            self.choice, self.mode, self._untold_ms = choice, mode, None
            if self._loss is not None:
                self._tell_back()
        finally:
            self._watch()

    async def _started(self, choice: Choice, mode: ModeSettings) -> Avatar:
        """A provider's avatar, started. What is shown meanwhile may be lost as at any time: then the still picture takes over."""
        starting = asyncio.create_task(self._shown.started(choice, mode), name="avatar-start")
        watching = asyncio.create_task(self._shown.lost(), name="shown-watch")
        try:
            await asyncio.wait({starting, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done() and self._shown.by in HOSTED:
                if self._loss is None:
                    self._lose(watching.result())
                else:
                    self._report(self._shown.by, watching.result(), 1, None)
                self._tell_taken_over(await self._show_still())
            return await starting
        finally:
            for task in (starting, watching):
                task.cancel()
            await asyncio.gather(starting, watching, return_exceptions=True)

    async def _show_still(self) -> float:
        """Once begun it is done, though who asked for it may be stopped."""
        self._taking_over = asyncio.create_task(self._shown.show_still(), name="take-over")
        return await asyncio.shield(self._taking_over)

    # -- a provider that is lost -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._broke is not None and not self._broke.done():
            self._watching = asyncio.create_task(self._watch_over(), name="face-keeper")
            self._watching.add_done_callback(self._on_watched)

    def _on_watched(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and (error := watching.exception()) is not None:
            logger.error("the watch over the avatar failed", exc_info=error)
            self._break(f"{type(error).__name__}: {error}")

    async def _stop_watching(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if self._taking_over is not None:
            await asyncio.wait({self._taking_over})

    async def _watch_over(self) -> None:
        while True:
            if self._loss is None:
                loss = await self._shown.lost()
                if self._shown.by not in HOSTED:
                    self._break(str(loss))
                    return
                self._lose(loss)
                self._untold_ms = await self._show_still()
            if self._untold_ms is not None:
                self._tell_taken_over(self._untold_ms)
                self._untold_ms = None
            if not await self._bring_back():
                return

    async def _bring_back(self) -> bool:
        """Tries the chosen provider again until it is back. False: what stands in for it is lost, too."""
        tries = 1
        while self._loss is not None:
            pause_s = self._pause_s(self._loss, tries)
            if pause_s is None:
                await self._fall_back()
                pause_s = math.inf if self._loss.is_for_good else COME_BACK_S
            if not await self._wait(pause_s):
                return False
            tries += 1
            try:
                avatar = await self._started(self.choice, self.mode)
            except AvatarLostError as loss:
                self._lose(loss, tries)
                continue
            await self._shown.show(avatar, self.choice.provider)
            self._tell_back()
        return True

    def _pause_s(self, loss: AvatarLostError, tries: int) -> float | None:
        """Before the next try; None where the provider is given up."""
        if loss.is_for_good or tries > self.mode.retries:
            return None
        return max(self.mode.retry_interval_s, loss.retry_after_s or 0.0)

    async def _wait(self, pause_s: float) -> bool:
        """False: what stands in was lost for good meanwhile."""
        due = time.monotonic() + pause_s
        while True:
            lost = asyncio.create_task(self._shown.lost(), name="stand-in-watch")
            try:
                await asyncio.wait({lost}, timeout=None if due == math.inf else max(0.0, due - time.monotonic()))
                if not lost.done():
                    return True
                loss = lost.result()
            finally:
                lost.cancel()
                await asyncio.gather(lost, return_exceptions=True)
            if self._shown.by not in HOSTED:
                self._break(str(loss))
                return False
            self._report(self._shown.by, loss, 1, None)
            self._tell_taken_over(await self._show_still())
            due = min(due, time.monotonic() + COME_BACK_S)

    async def _fall_back(self) -> None:
        """The profile's other provider, once."""
        provider = self._profile.fallback
        if not provider or provider in (self.choice.provider, self._shown.by):
            return
        try:
            settings = self._profile.other_settings.get(provider, {})
            avatar = await self._started(Choice(provider, settings), self.mode)
        except AvatarLostError as loss:
            self._report(provider, loss, 1, None)
        except Exception as error:
            logger.exception("the fallback could not be started")
            self._report(provider, AvatarLostError(LossCode.STOPPED, f"{type(error).__name__}: {error}"), 1, None)
        else:
            await self._shown.show(avatar, provider)
            self._tell_taken_over((time.monotonic() - self._lost_at) * 1000)

    # -- what is told ----------------------------------------------------------------------------------------------------

    def _lose(self, loss: AvatarLostError, tries: int = 1) -> None:
        """The chosen provider is away. Once it is given up, only what is new of it is told."""
        earlier, self._loss = self._loss, loss
        if tries == 1:
            self._lost_at = time.monotonic()
        if tries <= self.mode.retries + 1 or earlier is None or earlier.code != loss.code:
            self._report(self.choice.provider, loss, tries, self._pause_s(loss, tries))

    def _report(self, provider: str, loss: AvatarLostError, tries: int, again_in_s: float | None) -> None:
        logger.warning("%s is lost (%s): %s", provider, loss.code, loss)
        sentence = str(loss)[:500]
        self._emit(AvatarLost, provider=provider, code=loss.code, sentence=sentence, tries=tries, again_in_s=again_in_s)

    def _tell_taken_over(self, took_ms: float) -> None:
        self._emit(AvatarTakenOver, provider=self._shown.by, took_ms=took_ms)

    def _tell_back(self) -> None:
        self._loss = None
        self._emit(AvatarBack, provider=self.choice.provider, away_ms=(time.monotonic() - self._lost_at) * 1000)

    def _break(self, sentence: str) -> None:
        if self._broke is not None and not self._broke.done():
            self._broke.set_result(sentence)
