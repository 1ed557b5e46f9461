"""The still picture with the voice: what visitors have while a provider's avatar is away. It takes next to no CPU.

The picture is a frame of the provider's own avatar where one has been seen, else the profile's built-in face and scene.
"""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from livekit import rtc
from pydantic import ValidationError

from agent.assets import AssetStore
from agent.avatars import AvatarParts
from agent.avatars.builtin.compose import ComposedFrame
from agent.avatars.builtin.face_state import AT_REST, FaceState
from agent.avatars.builtin.own_files import OwnFiles
from agent.avatars.builtin.picture import composer_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.uploaded import portrait_file
from agent.avatars.rendered import RenderedAvatar
from agent.environment import HostEnvironment
from agent.memory import hand_back_freed
from protocol.avatar import BuiltinSettings, TvProgramme
from protocol.jobspec import JobSpec
from protocol.modes import ModeSettings
from protocol.providers import BUILTIN

logger = logging.getLogger(__name__)

_FPS: Final = 10  # of the same picture: for those who come later, and for the sound to be cut by
_IDLE_FPS: Final = 5


def still_mode(mode: ModeSettings) -> ModeSettings:
    """The mode's size, codec and bit rate, and the few pictures a second that a still needs."""
    rates = {"video_fps": min(_FPS, mode.video_fps), "idle_fps": min(_IDLE_FPS, mode.video_fps)}
    return mode.model_copy(update={**rates, "tv_fps": 1, "num_threads": 0, "process_idle_video": True})


class _StillComposer:
    def __init__(self, picture: bytearray) -> None:
        self._picture = picture

    def compose(self, state: FaceState) -> ComposedFrame:
        return ComposedFrame(self._picture, "cached", 0.0)

    def warm_up(self) -> Iterator[None]:
        return iter(())

    def lively_fps(self) -> float | None:
        return None

    def close(self) -> None:
        """Nothing is held."""


class StillAvatar(RenderedAvatar):
    """`picture` is an I420 frame of the mode's size."""

    def __init__(self, parts: AvatarParts, picture: bytearray) -> None:
        super().__init__(parts, lambda _: lambda: _StillComposer(picture))


async def draw_still(spec: JobSpec, mode: ModeSettings) -> bytearray:
    """The built-in face and scene of the profile, or a plain ground where they can't be drawn."""
    try:
        settings = BuiltinSettings.model_validate(_builtin_settings(spec))
        portrait = await _portrait(spec, settings)
        return await asyncio.to_thread(_draw, settings, mode, portrait)
    except (ValidationError, OSError, ValueError, RuntimeError):
        logger.exception("the still picture could not be drawn")
        return _plain(mode)


def fitted(frame: rtc.VideoFrame, mode: ModeSettings) -> bytearray:
    """An I420 frame of any size so that it fills the mode's."""
    planes = np.frombuffer(frame.data, np.uint8).reshape(frame.height * 3 // 2, frame.width)
    picture = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
    width, height = mode.video_width, mode.video_height
    share = max(width / frame.width, height / frame.height)
    size = max(width, round(frame.width * share)), max(height, round(frame.height * share))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    inner = np.ascontiguousarray(large[top : top + height, left : left + width])
    return bytearray(cv2.cvtColor(inner, cv2.COLOR_BGR2YUV_I420).tobytes())


def _builtin_settings(spec: JobSpec) -> object:
    if spec.profile.provider == BUILTIN:
        return spec.profile.provider_settings
    return spec.profile.other_settings.get(BUILTIN, {})


async def _portrait(spec: JobSpec, settings: BuiltinSettings) -> Path | None:
    if settings.portrait is None:
        return None
    store = AssetStore(HostEnvironment.read().home)
    return await portrait_file(spec.portrait, store, logger.warning, stand_in=settings.presenter)


def _draw(settings: BuiltinSettings, mode: ModeSettings, portrait: Path | None) -> bytearray:
    home = HostEnvironment.read().home
    quiet = settings.model_copy(update={"tv": TvProgramme.NONE, "logo": None, "captions_burnt_in": False})
    make = composer_of(
        quiet,
        mode,
        words=Words(),
        warn=logger.warning,
        files=OwnFiles(AssetStore(home), []),
        portrait=lambda: portrait,
        kept_in=home / "cache" / "pictures",
    )
    composer = make()
    try:
        return bytearray(composer.compose(AT_REST).buffer)
    finally:
        composer.close()
        hand_back_freed()


def _plain(mode: ModeSettings) -> bytearray:
    pixels = mode.video_width * mode.video_height
    return bytearray(b"\x30" * pixels + b"\x80" * (pixels // 2))
