"""A slide deck on the TV: pictures one after the other, with a short fade between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.i420 import Planes, planes_from_bgr
from agent.avatars.builtin.scene.programme import Canvas, ProgrammeError, Timed, Warn, fitted, mixed, on_canvas

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS: Final = 16_000_000
KINDS: Final = (".jpg", ".jpeg", ".png", ".webp")
_FADE_S: Final = 0.6


@dataclass(frozen=True)
class Slides:
    """Pictures in their order, each for `seconds_each`. They are read again on every round: memory holds two.

    `names` are what their owner calls them, where that is not the files' own.
    """

    paths: tuple[Path, ...]
    seconds_each: float
    names: tuple[str, ...] = ()

    @classmethod
    def in_folder(cls, folder: Path, seconds_each: float) -> "Slides":
        """The pictures of a folder, by name."""
        return cls(tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS)), seconds_each)

    def pictures(self, canvas: Canvas, fps: float, warn: Warn) -> Iterator[Timed]:
        names = dict(zip(self.paths, self.names, strict=False))
        bad: dict[Path, str] = {}
        shown: Planes | None = None
        current: Path | None = None
        at_s = 0.0
        while True:
            for path in self.paths:
                if path in bad or path == current:
                    continue
                try:
                    picture = read_slide(path, canvas, names.get(path, path.name))
                except ProgrammeError as error:
                    bad[path] = str(error)
                    warn(str(error))
                    continue
                if shown is not None:
                    steps = max(round(_FADE_S * fps), 1)
                    for step in range(1, steps):
                        yield Timed(mixed(shown, picture, step / steps), at_s + step / fps)
                    at_s += steps / fps
                yield Timed(picture, at_s)
                shown, current = picture, path
                at_s += self.seconds_each
            good = [path for path in self.paths if path not in bad]
            if not good:
                raise ProgrammeError(
                    "; ".join(bad.values()) or "there is no picture among the slides; add some as JPEG, PNG or WebP"
                )
            if len(good) == 1:
                return


def read_slide(path: Path, canvas: Canvas, name: str = "") -> Planes:
    """A picture as the screen takes it. Raises `ProgrammeError`."""
    from PIL import Image, ImageOps

    name = name or path.name
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as picture:
            picture.draft("RGB", canvas)  # a JPEG is read at a fraction of its size
            if picture.width * picture.height > MOST_PIXELS:
                raise ProgrammeError(
                    f"{name}: the picture is {picture.width} by {picture.height}, which is too large to read; "
                    f"export it smaller, {MOST_PIXELS // 1_000_000} million pixels at most"
                )
            upright = ImageOps.exif_transpose(picture)
            return _planes(upright, canvas)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ProgrammeError(f"{name}: the picture cannot be read ({error}); export it as JPEG or PNG") from None


def _planes(picture: "Image", canvas: Canvas) -> Planes:
    size = fitted(*picture.size, canvas)
    if picture.mode in {"RGBA", "LA", "P", "PA"}:
        from PIL import Image

        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        picture = opaque
    pixels = np.asarray(picture.convert("RGB"))[..., ::-1]
    how = cv2.INTER_AREA if size[0] < picture.width else cv2.INTER_CUBIC
    scaled = np.asarray(cv2.resize(np.ascontiguousarray(pixels), size, interpolation=how), np.uint8)
    return on_canvas(planes_from_bgr(scaled), canvas)
