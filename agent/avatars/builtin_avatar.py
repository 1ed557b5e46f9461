"""The built-in avatar: a presenter in a scene."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from agent.assets import AssetStore
from agent.avatars import AvatarParts
from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.own_files import OwnFiles
from agent.avatars.builtin.picture import composer_of, programme_of
from agent.avatars.builtin.scene.captions import Words
from agent.avatars.builtin.uploaded import portrait_file
from agent.avatars.rendered import RenderedAvatar
from agent.environment import HostEnvironment
from protocol.avatar import BuiltinSettings
from protocol.modes import ModeSettings


class BuiltinAvatar(RenderedAvatar):
    """Captions are burnt in where the profile says so."""

    def __init__(self, parts: AvatarParts) -> None:
        self._settings = BuiltinSettings.model_validate(parts.settings)
        self._words = Words()
        home = HostEnvironment.read().home
        self._store = AssetStore(home)
        self._files = OwnFiles(self._store, parts.spec.scene_files)
        self._portrait: Path | None = None
        self._kept_in = home / "cache" / "pictures"
        super().__init__(parts, self._composer)

    def _composer(self, mode: ModeSettings) -> Callable[[], FrameComposer]:
        return composer_of(
            self._settings,
            mode,
            words=self._words,
            warn=self._parts.warn,
            programme=programme_of(self._settings, self._files),
            files=self._files,
            portrait=lambda: self._portrait,
            kept_in=self._kept_in,
        )

    async def start(self, connected: Callable[[], Awaitable[None]]) -> None:
        self._files.start(first=self._settings.logo)
        if self._settings.portrait is not None:
            self._portrait = await portrait_file(
                self._parts.spec.portrait, self._store, self._parts.warn, stand_in=self._settings.presenter
            )
        await super().start(connected)

    def caption(self, text: str) -> None:
        self._words.text = text
        self._generator.refresh()

    async def aclose(self) -> None:
        await self._files.aclose()
        await super().aclose()
