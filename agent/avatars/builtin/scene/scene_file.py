"""Scenes as data: one folder a scene, `scene.toml` and the pictures that it names.

All places are in pixels of the scene, 1920 by 1080, x to the right and y down.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

SCENES: Final = Path(__file__).parent.parent / "scenes"
WIDTH: Final = 1920
HEIGHT: Final = 1080

_LEAST_SCREEN: Final = 64 * 36  # pixels of a TV's screen below which nothing can be seen on it

X = Annotated[float, Field(ge=0, le=WIDTH)]
Y = Annotated[float, Field(ge=0, le=HEIGHT)]
Corner = tuple[X, Y]


class SceneError(ValueError):
    """A scene that cannot be shown. The message has one line a problem: file, line, what is wrong, what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PresenterPlace(_Part):
    """Where the bottom middle of the presenter's canvas (1920 by 1080 too) stands, and its size."""

    x: Annotated[float, Field(ge=-WIDTH, le=2 * WIDTH)]
    y: Annotated[float, Field(ge=0, le=2 * HEIGHT)]
    scale: Annotated[float, Field(ge=0.2, le=2)]


class TvPlace(_Part):
    """The screen's corners: top left, top right, bottom right, bottom left. Its bezel is drawn in the back."""

    corners: tuple[Corner, Corner, Corner, Corner]

    @field_validator("corners")
    @classmethod
    def _convex(cls, corners: tuple[Corner, Corner, Corner, Corner]) -> tuple[Corner, Corner, Corner, Corner]:
        turns = [
            (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
            for a, b, c in ((corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]) for i in range(4))
        ]
        if min(turns) <= 0:
            raise ValueError(
                "the four corners do not go around a screen clockwise; list top left, top right, bottom right, bottom left"
            )
        if sum(turns) / 4 < _LEAST_SCREEN:
            raise ValueError("the screen is too small for anything to be seen on it; move the corners apart")
        return corners


class Box(_Part):
    left: X
    top: Y
    width: Annotated[float, Field(gt=0, le=WIDTH)]
    height: Annotated[float, Field(gt=0, le=HEIGHT)]


class CaptionBand(Box):
    """Where captions are burnt in: the text stands at the bottom of the band, in the middle."""

    text_height: Annotated[float, Field(ge=20, le=120, description="Height of a letter's em square.")]


class FrontCorner(_Part):
    left: Annotated[int, Field(ge=0, lt=WIDTH)]
    top: Annotated[int, Field(ge=0, lt=HEIGHT)]


class SceneFile(_Part):
    """What `scene.toml` holds. `light` and `tv_light` are added to all that they fall on, the latter while the TV is on."""

    back: str
    front: str | None = None
    front_corner: FrontCorner = FrontCorner(left=0, top=0)
    light: str | None = None
    tv_light: str | None = None
    presenter: PresenterPlace
    tv: TvPlace | None = None
    logo: Box
    captions: CaptionBand


@dataclass(frozen=True)
class Scene:
    """A scene whose file was checked and whose pictures are there."""

    name: str
    file: SceneFile
    back: Path | None
    front: Path | None
    light: Path | None
    tv_light: Path | None


PLAIN: Final = Scene(
    "plain",
    SceneFile(
        back="",
        presenter=PresenterPlace(x=WIDTH / 2, y=HEIGHT, scale=1),
        logo=Box(left=60, top=48, width=240, height=100),
        captions=CaptionBand(left=352, top=840, width=1216, height=200, text_height=46),
    ),
    back=None,
    front=None,
    light=None,
    tv_light=None,
)
"""For a portrait that brings its own background: nothing but places for a logo and captions."""


def scene_names() -> list[str]:
    """Names of the scenes that ship, in alphabetical order."""
    return sorted(path.parent.name for path in SCENES.glob("*/scene.toml"))


@cache
def load_scene(name: str) -> Scene:
    """The scene `name` that ships. Raises `SceneError` where there is none, or it is broken."""
    if name not in scene_names():
        raise SceneError(f"no scene is called {name!r}; choose one of {', '.join(scene_names())}")
    return read_scene(SCENES / name)


def read_scene(folder: Path) -> Scene:
    """The scene in `folder`. Raises `SceneError` with file, line and fix."""
    path = folder / "scene.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SceneError(
            f"{path}: it cannot be read as UTF-8 text ({error}); a scene is a folder with a scene.toml"
        ) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)$", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        what = str(error)[: found.start()].strip() if found else str(error)
        raise SceneError(f"{path}, line {line}: this is not TOML: {what}; write it as `key = value`") from error
    try:
        file = SceneFile.model_validate(tables)
    except ValidationError as error:
        raise SceneError("\n".join(f"{path}, {_explained(text, each)}" for each in error.errors())) from None
    missing = [
        f"{path}, line {_line_of(text, (key,))}: {key}: the picture {name!r} is not in the folder; "
        f"put it there, or name one of: {', '.join(_pictures_in(folder)) or 'none is there'}"
        for key, name in _named_pictures(file)
        if "/" in name or "\\" in name or not (folder / name).is_file()
    ]
    if missing:
        raise SceneError("\n".join(missing))
    paths = {key: folder / name for key, name in _named_pictures(file)}
    return Scene(folder.name, file, paths["back"], paths.get("front"), paths.get("light"), paths.get("tv_light"))


def _named_pictures(file: SceneFile) -> Iterator[tuple[str, str]]:
    for key in ("back", "front", "light", "tv_light"):
        name = getattr(file, key)
        if name is not None:
            yield key, name


def _pictures_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".jpg", ".png", ".webp"})


def _explained(text: str, error: ErrorDetails) -> str:
    """`line N: what is wrong; what to do`."""
    place = tuple(error["loc"])
    keys = [str(part) for part in place if isinstance(part, str)]
    name = ".".join(keys)
    line = _line_of(text, tuple(keys))
    if error["type"] == "missing":
        if len(place) > len(keys):
            return f"line {line}: {name}: a value is missing; give as many as the other scenes do"
        return f"line {line}: {name} is missing; add it"
    if error["type"] == "extra_forbidden":
        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"take it out; known here: {', '.join(known)}"
        return f"line {line}: {name} is unknown; {fix}"
    if error["type"] == "value_error":
        return f"line {line}: {name}: {error['msg'].removeprefix('Value error, ')}"
    return f"line {line}: {name} is {_short(error['input'])}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _known_keys(tables: list[str]) -> list[str]:
    model: Any = SceneFile
    for table in tables:
        kinds = [model.model_fields[table].annotation]
        kinds += getattr(kinds[0], "__args__", [])
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(model.model_fields)


def _short(value: object) -> str:
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}…"


def _line_of(text: str, keys: tuple[str, ...]) -> int:
    """Where a key stands, else its table, else the first line."""
    table, best = "", 1
    wanted_table, wanted_key = ".".join(keys[:-1]), keys[-1] if keys else ""
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[([^\[\]]+)\]", line)
        if head:
            table = head[1].strip()
            if table == ".".join(keys):
                return number
            if table == wanted_table:
                best = number
        elif table == wanted_table and re.match(rf"\s*[\"']?{re.escape(wanted_key)}[\"']?\s*[=.]", line):
            return number
    return best
