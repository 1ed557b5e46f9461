"""Rasterises the scenes: `python -m art.scenes_build` writes each scene's pictures beside its `scene.toml`, and what the
operator chooses it by. Takes half a minute; run after a change to `art/scenes/*.svg` and keep what it writes.

A scene's drawing has the groups `back`, `tv-frame`, `tv-light`, `emission` and `front`. The groups of light are on black:
they are added to what they fall on. The TV's own light does not fall on its screen.
"""

import re
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parent.parent
DRAWINGS: Final = Path(__file__).parent / "scenes"
SCENES: Final = ROOT / "agent/avatars/builtin/scenes"
CHOICES: Final = ROOT / "static/img/scenes"
WIDTH: Final = 1920
CHOICE_SIZE: Final = (480, 270)

Picture = NDArray[np.uint8]


def main() -> None:
    CHOICES.mkdir(parents=True, exist_ok=True)
    for drawing in sorted(DRAWINGS.glob("*.svg")):
        build(drawing.stem, drawing.read_text(encoding="utf-8"))


def build(name: str, svg: str) -> None:
    folder = SCENES / name
    folder.mkdir(parents=True, exist_ok=True)
    back = raster(svg, "back", "tv-frame")[..., :3]
    light = raster(svg, "emission", background="#000000")[..., :3]
    tv_light = raster(svg, "tv-light", background="#000000")[..., :3].copy()
    cv2.fillConvexPoly(tv_light, np.round(corners(svg)).astype(np.int32), (0, 0, 0), cv2.LINE_AA)
    front = raster(svg, "front")
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray((front[..., 3] > 0).astype(np.uint8)))
    write(folder / "back.jpg", back, cv2.IMWRITE_JPEG_QUALITY, 91)
    write(folder / "light.jpg", light, cv2.IMWRITE_JPEG_QUALITY, 88)
    write(folder / "tv-light.jpg", tv_light, cv2.IMWRITE_JPEG_QUALITY, 88)
    write(folder / "front.webp", front[top : top + height, left : left + width], cv2.IMWRITE_WEBP_QUALITY, 92)
    lit = cv2.add(back, light)
    opacity = front[..., 3:].astype(np.float32) / 255
    whole = lit * (1 - opacity) + front[..., :3] * opacity
    choice = cv2.resize(whole, CHOICE_SIZE, interpolation=cv2.INTER_AREA)
    write(CHOICES / f"{name}.jpg", np.clip(choice, 0, 255).astype(np.uint8), cv2.IMWRITE_JPEG_QUALITY, 84)
    print(f"{name}: front at {left}, {top}; TV {corners(svg).tolist()}")


def raster(svg: str, *groups: str, background: str | None = None) -> Picture:
    """Some groups of a drawing (1080, 1920, 4): blue, green, red, opacity."""
    head = svg[: svg.index("<g id=")]
    chosen = "".join(group_of(svg, group) for group in groups)
    png = resvg_py.svg_to_bytes(svg_string=f"{head}{chosen}</svg>", width=WIDTH, background=background)
    picture = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError(f"the groups {groups} could not be drawn")
    return np.asarray(picture, np.uint8)


def group_of(svg: str, group: str) -> str:
    """The element `<g id="group">` with what is in it; groups of the top level follow each other."""
    start = svg.index(f'<g id="{group}">')
    end = re.compile(r'<g id="(?:back|tv-frame|tv-light|emission|front)">|</svg>').search(svg, start + 1)
    if end is None:
        raise ValueError(f"the drawing does not end after the group {group}")
    return svg[start : end.start()]


def corners(svg: str) -> NDArray[np.float64]:
    """The TV's screen (4, 2): top left, top right, bottom right, bottom left."""
    found = re.search(r'data-quad="([^"]+)"', svg)
    if found is None:
        raise ValueError("the drawing has no element with data-quad")
    return np.array([[float(value) for value in point.split(",")] for point in found[1].split()])


def write(path: Path, picture: Picture, *how: int) -> None:
    if not cv2.imwrite(str(path), picture, how):
        raise OSError(f"{path} could not be written")


if __name__ == "__main__":
    main()
