"""Captions burnt into the picture: drawn once for each change of the text.

Letters are joined and put in order by raqm, which Pillow brings; right-to-left text stands right to left, mixed text too.
"""

import math
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import cv2
import numpy as np

from agent.avatars.builtin.drawing.i420 import Plane, Planes, Rect, even_rect
from agent.avatars.builtin.scene.stage import Overlay, Stage

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT: Final = Path(__file__).parent / "fonts/captions.ttf"
MOST_LINES: Final = 2
_LEAST_TEXT_PX: Final = 14
_LINE: Final = 1.42  # of the text's height
_MARGIN: Final = 0.03  # of the frame's width, where the band is wider than the frame
_BOX: Final = (27, 129, 126)  # Y, U, V
_BOX_OPACITY: Final = 168
_WHITE: Final = (235, 128, 128)
_KEPT_LINES: Final = 4
_KEPT_LENGTHS: Final = 256
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
        # A text grows word by word: all but the end of it has been measured and drawn.
        self._length = lru_cache(_KEPT_LENGTHS)(self._measured)
        self._line = lru_cache(_KEPT_LINES)(self._drawn_line)

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
        size = self._size_px
        padding = round(0.5 * size)
        direction = direction_of(text)
        lines = last_lines(text, lambda line: self._length(line, direction), self._right - self._left - 2 * padding)
        width = max(self._length(line, direction) for line in lines) + 2 * padding
        height = len(lines) * _LINE * size + padding
        middle = (self._left + self._right) / 2
        rect = even_rect(
            middle - width / 2,
            self._bottom - height,
            middle + width / 2,
            self._bottom,
            self._stage.width,
            self._stage.height,
        )
        letters = np.zeros((rect.height, rect.width), np.uint8)
        for number, line in enumerate(lines):
            drawn = self._line(line, direction)
            top = max(round(padding / 2 + number * _LINE * size), 0)
            left = max((rect.width - drawn.shape[1]) // 2, 0)
            place = letters[top : top + drawn.shape[0], left : left + drawn.shape[1]]
            np.maximum(place, drawn[: place.shape[0], : place.shape[1]], out=place)
        return _overlay(letters, _rounded(rect.width, rect.height, 0.35 * size), rect)

    def _measured(self, line: str, direction: Direction) -> float:
        return self._opened_font().getlength(line, direction=direction)

    def _drawn_line(self, line: str, direction: Direction) -> Plane:
        """The letters of a line, with room for what reaches out of it on either side."""
        from PIL import Image, ImageDraw

        room = round(0.25 * self._size_px)
        across = math.ceil(self._length(line, direction)) + 2 * room
        picture = Image.new("L", (across, round(1.5 * _LINE * self._size_px)), 0)
        baseline = (_LINE - 0.36) * self._size_px
        ImageDraw.Draw(picture).text(
            (room, baseline), line, fill=255, font=self._opened_font(), anchor="ls", direction=direction
        )
        return np.asarray(picture)

    def _opened_font(self) -> "FreeTypeFont":
        if self._font is None:
            from PIL import ImageFont

            self._font = ImageFont.truetype(str(FONT), self._size_px, layout_engine=ImageFont.Layout.RAQM)
        return self._font


def _rounded(width: int, height: int, radius: float) -> Plane:
    """How much of the box is there."""
    from PIL import Image, ImageDraw

    box = Image.new("L", (width, height), 0)
    ImageDraw.Draw(box).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=_BOX_OPACITY)
    return np.asarray(box)


def _overlay(letters: Plane, box: Plane, rect: Rect) -> Overlay:
    """White letters on a dark box."""
    box = np.asarray(cv2.multiply(box, cv2.bitwise_not(letters), scale=1 / 255), np.uint8)
    half = rect.width // 2, rect.height // 2
    small_letters, small_box = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (letters, box))
    planes = (
        cv2.addWeighted(shape, dark / 255, light, white / 255, 0)
        for shape, light, dark, white in zip(
            (box, small_box, small_box), (letters, small_letters, small_letters), _BOX, _WHITE, strict=True
        )
    )
    return Overlay(
        Planes(*(np.asarray(plane, np.uint8) for plane in planes)),
        np.asarray(cv2.bitwise_not(cv2.add(box, letters)), np.uint8),
        np.asarray(cv2.bitwise_not(cv2.add(small_box, small_letters)), np.uint8),
        rect,
    )


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
