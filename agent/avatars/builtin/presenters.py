"""The presenters that ship with Avatary: who, in which scene, and where in the picture the face is.

All places are in pixels of the scene, x to the right and y down.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

ASSETS: Final = Path(__file__).parent / "assets"

Point = tuple[float, float]
Curve = tuple[Point, ...]


class UnknownPresenterError(ValueError):
    """No presenter of that name ships with Avatary; the message names those that do."""


@dataclass(frozen=True)
class EyePlaces:
    """Edges of the lids from the outer or inner corner to the other, and the crease that the upper lid unfolds from."""

    upper: Curve
    lower: Curve
    crease_height: float  # from the middle of the upper lid up to the crease
    lash_height: float  # thickness of the lash line


@dataclass(frozen=True)
class MouthPlaces:
    """`line` is where the lips part, corner to corner; the heights are of the face's middle."""

    line: Curve
    nose_y: float
    chin_y: float
    neck_y: float  # below it nothing follows the jaw
    jaw_half_width: float


@dataclass(frozen=True)
class BodyPlaces:
    """Head and chest, for sway and breath. Each falls off softly from full to nothing."""

    pivot: Point  # foot of the neck, about which the head leans
    head_half_width: float
    head_bottom_y: float
    shoulder_y: float  # the head's movement has died down
    body_half_width: float
    desk_y: float  # nothing moves from here down


@dataclass(frozen=True)
class Presenter:
    """`picture` shows the presenter alone, `mask` how opaque each of its pixels is; both lie at `corner` of the scene."""

    name: str
    scene: Path
    picture: Path
    mask: Path
    corner: tuple[int, int]
    width: int
    height: int
    eyes: tuple[EyePlaces, ...]
    mouth: MouthPlaces
    body: BodyPlaces


@dataclass(frozen=True)
class Placement:
    """How a scene fills a frame: frame = (scene - (left, top)) * scale."""

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
    return sorted(path.stem for path in ASSETS.glob("*.toml"))


@cache
def load_presenter(name: str) -> Presenter:
    """The presenter `name`. Raises `UnknownPresenterError` for a name that does not ship."""
    if name not in presenter_names():
        raise UnknownPresenterError(f"no presenter is called {name!r}; choose one of {', '.join(presenter_names())}")
    places: dict[str, Any] = tomllib.loads((ASSETS / f"{name}.toml").read_text(encoding="utf-8"))
    mouth, body = places["mouth"], places["body"]
    return Presenter(
        name=name,
        scene=ASSETS / places["scene"],
        picture=ASSETS / places["picture"],
        mask=ASSETS / places["mask"],
        corner=(places["corner"][0], places["corner"][1]),
        width=places["width"],
        height=places["height"],
        eyes=tuple(
            EyePlaces(_curve(eye["upper"]), _curve(eye["lower"]), eye["crease_height"], eye["lash_height"])
            for eye in places["eyes"]
        ),
        mouth=MouthPlaces(**{**mouth, "line": _curve(mouth["line"])}),
        body=BodyPlaces(**{**body, "pivot": tuple(body["pivot"])}),
    )


def place(presenter: Presenter, width: int, height: int) -> Placement:
    """Fill a frame of `width` x `height` with the scene, the presenter in the middle, cutting what does not fit."""
    scale = max(width / presenter.width, height / presenter.height)
    shown_width, shown_height = width / scale, height / scale
    left = min(max(presenter.body.pivot[0] - shown_width / 2, 0), presenter.width - shown_width)
    return Placement(scale, left, (presenter.height - shown_height) / 2)


def _curve(points: list[list[float]]) -> Curve:
    return tuple((float(x), float(y)) for x, y in points)
