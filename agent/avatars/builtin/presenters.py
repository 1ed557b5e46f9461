"""The presenters that ship with Avatary, and how a canvas lies in a frame."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from agent.avatars.builtin.portrait_file import Curve, Places, Portrait, read_portrait

ASSETS: Final = Path(__file__).parent / "assets"
_SCENES: Final = {"omar": "lobby", "presenter": "studio"}
DEFAULT_SCENE: Final = "museum-hall"


class UnknownPresenterError(ValueError):
    """No presenter of that name ships with Avatary; the message names those that do."""


@dataclass(frozen=True)
class Presenter:
    """A portrait, and where the presenter stands if nobody chooses; a portrait that fills the canvas stands nowhere else."""

    portrait: Portrait
    scene: str | None


@dataclass(frozen=True)
class Placement:
    """How a canvas lies in a frame: frame = (canvas - (left, top)) * scale."""

    scale: float
    left: float
    top: float

    def x(self, value: float) -> float:
        return (value - self.left) * self.scale

    def y(self, value: float) -> float:
        return (value - self.top) * self.scale

    def curve(self, points: Curve) -> Curve:
        return tuple((self.x(x), self.y(y)) for x, y in points)


def presenter_names() -> list[str]:
    """Names that `load_presenter` knows, in alphabetical order."""
    return sorted(path.stem for path in ASSETS.glob("*.portrait"))


@cache
def load_presenter(name: str) -> Presenter:
    """The presenter `name`. Raises `UnknownPresenterError` for a name that does not ship."""
    if name not in presenter_names():
        raise UnknownPresenterError(f"no presenter is called {name!r}; choose one of {', '.join(presenter_names())}")
    portrait = read_portrait(ASSETS / f"{name}.portrait")
    return Presenter(portrait, None if portrait.mask is None else _SCENES.get(name, DEFAULT_SCENE))


def uploaded_presenter(path: Path) -> Presenter:
    """An uploaded portrait that was prepared. Raises `BrokenPortraitError`, `FileNotFoundError`."""
    portrait = read_portrait(path)
    return Presenter(portrait, None if portrait.mask is None else DEFAULT_SCENE)


def place(places: Places, width: int, height: int) -> Placement:
    """Fill a frame of `width` x `height` with the canvas, the presenter in the middle, cutting what does not fit."""
    scale = max(width / places.width, height / places.height)
    shown_width, shown_height = width / scale, height / scale
    left = min(max(places.body.pivot[0] - shown_width / 2, 0), places.width - shown_width)
    return Placement(scale, left, (places.height - shown_height) / 2)
