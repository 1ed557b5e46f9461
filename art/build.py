"""`python -m art.build [NAME ...]`: the presenters drawn here as SVG, rasterised and prepared for the built-in avatar.

Writes `agent/avatars/builtin/assets/NAME.portrait` and the still picture `static/img/presenters/NAME.jpg`. Takes about half a
minute each; run it after a drawing has changed, and commit what it wrote. resvg is the only renderer that keeps soft shading
as drawn.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import resvg_py

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace
from agent.avatars.builtin.face_state import AT_REST
from agent.avatars.builtin.portrait_file import CANVAS_HEIGHT, CANVAS_WIDTH
from agent.avatars.builtin.presenters import ASSETS, load_presenter
from agent.avatars.builtin.scene.scene_file import PLAIN, load_scene
from agent.avatars.builtin.scene.stage import Stage
from agent.portraits.prepare import prepare_portrait

ART: Final = Path(__file__).parent
STILLS: Final = ART.parent / "static" / "img" / "presenters"
_STILL_SIDE: Final = 600


def build(name: str) -> None:
    """Rasterise and prepare `art/NAME.svg`."""
    drawn = resvg_py.svg_to_bytes(svg_path=str(ART / f"{name}.svg"), width=CANVAS_WIDTH, height=CANVAS_HEIGHT)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / f"{name}.png"
        picture.write_bytes(bytes(drawn))
        prepare_portrait(picture, ASSETS / f"{name}.portrait", progress=lambda stage, share: None)
    load_presenter.cache_clear()
    _write_still(name)


def _write_still(name: str) -> None:
    """Head and shoulders, as pages show them."""
    presenter = load_presenter(name)
    places = presenter.portrait.places
    stage = Stage(PLAIN if presenter.scene is None else load_scene(presenter.scene), CANVAS_WIDTH, CANVAS_HEIGHT)
    placement = stage.presenter_place(places)
    face = DrawnFace(presenter.portrait, placement, CANVAS_WIDTH, CANVAS_HEIGHT)
    drawn = FrameComposer(face, stage).compose(AT_REST).buffer
    frame = np.frombuffer(drawn, np.uint8).reshape(CANVAS_HEIGHT * 3 // 2, CANVAS_WIDTH)
    picture = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    body = places.body
    half = min(round(1.75 * body.face_half_size[1]), CANVAS_HEIGHT // 2)
    middle = round(placement.x(body.face_middle[0]))
    top = min(max(round(placement.y(body.face_middle[1])) - half, 0), CANVAS_HEIGHT - 2 * half)
    still = cv2.resize(
        picture[top : top + 2 * half, middle - half : middle + half],
        (_STILL_SIDE, _STILL_SIDE),
        interpolation=cv2.INTER_AREA,
    )
    cv2.imwrite(str(STILLS / f"{name}.jpg"), still, [cv2.IMWRITE_JPEG_QUALITY, 86])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m art.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="presenters to build (default: all)")
    for name in parser.parse_args().names or sorted(path.stem for path in ART.glob("*.svg")):
        build(name)
        print(f"{name}: {(ASSETS / f'{name}.portrait').stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
