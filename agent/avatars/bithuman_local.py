"""bitHuman on this host: the SDK's runtime draws from a model file, the plugin's generator runs it, and we publish it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from livekit.agents.voice.avatar import QueueAudioOutput

from agent.avatars import AvatarLostError, AvatarParts
from agent.avatars.builtin.face_state import Expression
from agent.avatars.runner import PublishingRunner
from protocol.modes import ModeSettings
from protocol.providers import BITHUMAN, VARIABLES, BitHumanSettings, LossCode

NO_SDK: Final = (
    "bitHuman's SDK is not installed on this host, so that its local avatar can't be drawn. Install the package `bithuman` "
    "there, or choose its cloud in the profile."
)


async def sdk_runtime(settings: BitHumanSettings, mode: ModeSettings) -> Any:
    """The SDK's runtime with the mode's settings. Raises `AvatarLostError`."""
    try:
        from bithuman import AsyncBithuman  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise AvatarLostError(LossCode.NOT_SET_UP, NO_SDK) from error
    return await AsyncBithuman.create(model_path=settings.model_path, api_secret=_secret(), **runtime_options(mode))


def runtime_options(mode: ModeSettings) -> dict[str, Any]:
    """What of a mode the runtime takes."""
    return {
        "input_buffer_size": mode.input_buffer_size,
        "output_buffer_size": mode.output_buffer_size,
        "num_threads": mode.num_threads,
        "output_size": mode.provider_size,
    }


class LocalBitHumanAvatar:
    """Published by the agent itself: the plugin's own session, when it is closed, takes the whole agent out of the room."""

    identity = ""

    def __init__(self, parts: AvatarParts, settings: BitHumanSettings) -> None:
        """Raises `AvatarLostError` where the model file or the secret is missing."""
        if not Path(settings.model_path or "").is_file():
            raise AvatarLostError(
                LossCode.NOT_SET_UP,
                f"bitHuman's model {settings.model_path} is not on this host. Put it there, or correct it.",
            )
        if not _secret():
            raise AvatarLostError(
                LossCode.NOT_SET_UP, f"{VARIABLES[BITHUMAN].key} is not set in the agent worker's environment."
            )
        self._parts = parts
        self._settings = settings
        self._runtime: Any = None
        self._drawn: dict[str, Any] = {}  # size and rate of the runtime's pictures
        self._runner: PublishingRunner | None = None
        self._sound: QueueAudioOutput | None = None

    @property
    def sound(self) -> QueueAudioOutput:
        if self._sound is None:
            raise RuntimeError("the avatar is not started")
        return self._sound

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        from livekit.plugins.bithuman.avatar import BithumanGenerator  # seconds to load, and it sets up logging anew

        await connected()
        try:
            async with asyncio.timeout(self._parts.mode.timeout_s):
                await self._start(BithumanGenerator)
        except AvatarLostError:
            raise
        except TimeoutError as error:
            sentence = f"bitHuman's local avatar showed nothing within {self._parts.mode.timeout_s:g} s."
            raise AvatarLostError(LossCode.NO_ANSWER, sentence) from error
        except Exception as error:  # the SDK's own kinds can't be named here: it need not be installed
            raise _loss(error) from error

    async def _start(self, make_generator: Callable[[Any], Any]) -> None:
        self._runtime = await sdk_runtime(self._settings, self._parts.mode)
        generator = make_generator(self._runtime)
        width, height = generator.video_resolution
        self._drawn = {"video_width": width, "video_height": height, "video_fps": generator.video_fps}
        mode = self._parts.mode.model_copy(update=self._drawn)
        rate = generator.audio_sample_rate
        self._sound = QueueAudioOutput(sample_rate=rate, wait_playback_start=True)
        self._runner = PublishingRunner(
            self._parts.room, mode=mode, audio=self._sound, video=generator, audio_sample_rate=rate
        )
        await self._runner.start()
        await self._runner.first_frame()

    async def broken(self) -> AvatarLostError:
        if self._runner is None:
            raise RuntimeError("the avatar is not started")
        return AvatarLostError(LossCode.STOPPED, f"bitHuman's local avatar stopped: {await self._runner.broken()}")

    def show(self, expression: Expression) -> None:
        """The runtime makes its own expressions."""

    def caption(self, text: str) -> None:
        """Burns nothing in."""

    async def switch(self, mode: ModeSettings) -> bool:
        """A runtime keeps what it was made with; codec and bit rate are ours."""
        if self._runner is None or self._settings.starts_anew(self._parts.mode, mode):
            return False
        await self._runner.follow(mode.model_copy(update=self._drawn))
        return True

    def doubt(self) -> None:
        """The runtime's frames go through the job."""

    async def aclose(self) -> None:
        if self._runner is not None:
            await self._runner.withdraw()
            await self._runner.aclose()
        if self._runtime is not None:
            self._runtime.cleanup()


def _secret() -> str:
    return os.environ.get(VARIABLES[BITHUMAN].key, "")


def _loss(error: Exception) -> AvatarLostError:
    kind = type(error).__name__
    said = str(error).replace(_secret(), "…")[:200] if _secret() else str(error)[:200]
    if kind in ("AccountStatusError", "TokenExpiredError"):
        return AvatarLostError(LossCode.UNAUTHORIZED, f"bitHuman refused this host's credentials ({said}).")
    if kind == "ModelNotFoundError":
        return AvatarLostError(LossCode.NOT_SET_UP, f"bitHuman's model could not be loaded ({said}).")
    return AvatarLostError(LossCode.STOPPED, f"bitHuman's local avatar did not start: {kind}: {said}")
