"""Captions burnt into the picture: drawn once for each change of the text.

Letters are joined and put in order by raqm, which Pillow brings; right-to-left text stands right to left, mixed text too.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from agent.avatars.builtin.drawing.i420 import even_rect
from agent.avatars.builtin.scene.stage import Overlay, Stage

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT: Final = Path(__file__).parent / "fonts/captions.ttf"
MOST_LINES: Final = 2
_LEAST_TEXT_PX: Final = 14
_LINE: Final = 1.42  # of the text's height
_MARGIN: Final = 0.03  # of the frame's width, where the band is wider than the frame
_BOX: Final = (10, 14, 16, 168)  # red, green, blue, opacity
_UNSEEN: Final = frozenset({"So", "Sk", "Co", "Cn", "Cs", "Cc"})  # emoji and what no caption font has

Direction = Literal["ltr", "rtl"]


class Caption(NamedTuple):
    text: str
    overlay: Overlay


class Words:
    """What stands under the picture: all that was said so far of what is being said. An empty text takes the caption away.

    Written by the event loop, read by the thread that composes.
    """

    text = ""


class BurntCaptions:
    """The last lines of `words`, drawn."""

    def __init__(self, stage: Stage, words: Words) -> None:
        band, place = stage.scene.file.captions, stage.place
        self._stage = stage
        self._size_px = max(round(band.text_height * place.scale), _LEAST_TEXT_PX)
        margin = _MARGIN * stage.width
        self._left = max(place.x(band.left), margin)
        self._right = min(place.x(band.left + band.width), stage.width - margin)
        self._bottom = min(place.y(band.top + band.height), stage.height)
        self._words = words
        self._said = ""
        self._drawn: Caption | None = None
        self._font: FreeTypeFont | None = None

    def shown(self) -> Caption | None:
        """The caption of this moment."""
        said = self._words.text
        if said != self._said:
            self._said = said
            text = seen(said)
            if not text:
                self._drawn = None
            elif self._drawn is None or self._drawn.text != text:
                self._drawn = Caption(text, self._draw(text))
        return self._drawn

    def _draw(self, text: str) -> Overlay:
        from PIL import Image, ImageDraw, ImageFont

        if self._font is None:
            self._font = ImageFont.truetype(str(FONT), self._size_px, layout_engine=ImageFont.Layout.RAQM)
        font, size = self._font, self._size_px
        padding = round(0.5 * size)
        direction = direction_of(text)
        lines = last_lines(
            text, lambda line: font.getlength(line, direction=direction), self._right - self._left - 2 * padding
        )
        widths = [font.getlength(line, direction=direction) for line in lines]
        width, height = max(widths) + 2 * padding, len(lines) * _LINE * size + padding
        middle = (self._left + self._right) / 2
        rect = even_rect(
            middle - width / 2,
            self._bottom - height,
            middle + width / 2,
            self._bottom,
            self._stage.width,
            self._stage.height,
        )
        picture = Image.new("RGBA", (rect.width, rect.height), (*_BOX[:3], 0))
        pen = ImageDraw.Draw(picture)
        pen.rounded_rectangle((0, 0, rect.width - 1, rect.height - 1), 0.35 * size, fill=_BOX)
        text_layer = Image.new("L", picture.size, 0)
        pen = ImageDraw.Draw(text_layer)
        for number, (line, across) in enumerate(zip(lines, widths, strict=True)):
            baseline = padding / 2 + (number + 1.0) * _LINE * size - 0.36 * size
            pen.text(((rect.width - across) / 2, baseline), line, fill=255, font=font, anchor="ls", direction=direction)
        picture.paste((255, 255, 255, 255), mask=text_layer)
        return Overlay.of(np.ascontiguousarray(np.asarray(picture)[..., [2, 1, 0, 3]]), rect)


def seen(text: str) -> str:
    """What of a text a caption shows: no emoji, no control characters, single spaces."""
    kept = "".join(" " if letter in "\n\t\r" else letter for letter in text if letter in "\n\t\r" or _is_seen(letter))
    return " ".join(kept.split())


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter) not in _UNSEEN and not 0xFE00 <= ord(letter) <= 0xFE0F


def direction_of(text: str) -> Direction:
    """By the first letter that has a direction."""
    for letter in text:
        kind = unicodedata.bidirectional(letter)
        if kind in {"R", "AL"}:
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


def last_lines(text: str, length: Callable[[str], float], most: float, count: int = MOST_LINES) -> list[str]:
    """The page of at most `count` lines that the text has come to: pages fill up and turn, lines do not scroll."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and length(longer) <= most:
            lines[-1] = longer
            continue
        while length(word) > most and len(word) > 1:  # a word that is longer than a line is cut
            keep = max(int(len(word) * most / length(word)), 1)
            lines.append(word[:keep])
            word = word[keep:]
        lines.append(word)
    return lines[(len(lines) - 1) // count * count :]
