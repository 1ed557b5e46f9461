"""Makes the font that captions are burnt in with: `python -m art.fonts_build`. Needs fontTools and an installed node_modules.

IBM Plex Sans Arabic, medium, comes as one web font a script; captions mix scripts in one line and want one file. The
licence reserves the name Plex for the original, so what is joined here has a name of its own.
"""

import shutil
from io import BytesIO
from pathlib import Path
from typing import Final

from fontTools.merge import Merger
from fontTools.ttLib import TTFont

ROOT: Final = Path(__file__).parent.parent
SOURCE: Final = ROOT / "node_modules/@fontsource/ibm-plex-sans-arabic"
TARGET: Final = ROOT / "agent/avatars/builtin/scene/fonts"
SCRIPTS: Final = ("arabic", "latin", "latin-ext")
NAME: Final = "Avatary Captions"


def main() -> None:
    parts = []
    for script in SCRIPTS:
        font = TTFont(SOURCE / "files" / f"ibm-plex-sans-arabic-{script}-500-normal.woff")
        font.flavor = None
        plain = BytesIO()
        font.save(plain)
        plain.seek(0)
        parts.append(plain)
    joined = Merger().merge(parts)
    for record in joined["name"].names:
        if record.nameID in {1, 3, 4, 16}:
            record.string = NAME
        elif record.nameID == 6:
            record.string = NAME.replace(" ", "")
    TARGET.mkdir(parents=True, exist_ok=True)
    joined.save(TARGET / "captions.ttf")
    shutil.copyfile(SOURCE / "LICENSE", TARGET / "OFL.txt")


if __name__ == "__main__":
    main()
