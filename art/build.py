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

import resvg_py

from agent.avatars.builtin.portrait_file import CANVAS_HEIGHT, CANVAS_WIDTH
from agent.avatars.builtin.presenters import ASSETS, load_presenter
from agent.avatars.builtin.still import still_of
from agent.portraits.prepare import prepare_portrait

ART: Final = Path(__file__).parent
STILLS: Final = ART.parent / "static" / "img" / "presenters"


def build(name: str) -> None:
    """Rasterise and prepare `art/NAME.svg`."""
    drawn = resvg_py.svg_to_bytes(svg_path=str(ART / f"{name}.svg"), width=CANVAS_WIDTH, height=CANVAS_HEIGHT)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / f"{name}.png"
        picture.write_bytes(bytes(drawn))
        prepare_portrait(picture, ASSETS / f"{name}.portrait", progress=lambda stage, share: None)
    load_presenter.cache_clear()
    presenter = load_presenter(name)
    (STILLS / f"{name}.jpg").write_bytes(still_of(presenter.portrait, presenter.scene))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m art.build", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="presenters to build (default: all)")
    for name in parser.parse_args().names or sorted(path.stem for path in ART.glob("*.svg")):
        build(name)
        print(f"{name}: {(ASSETS / f'{name}.portrait').stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
