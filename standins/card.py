"""What a stand-in shows: a card in the vendor's colour with a face, a mouth and a meter that move with the sound, and a count."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from livekit import rtc
from numpy.typing import NDArray

WIDTH: Final = 640  # light, beside all else that a laptop runs
HEIGHT: Final = 360
FPS: Final = 25
Picture = NDArray[np.uint8]

_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
_PAPER: Final = (250, 250, 250)
_INK: Final = (40, 32, 28)
_SKIN: Final = (196, 222, 250)
_MOUTH: Final = (60, 40, 120)
_FACE: Final = (WIDTH // 2, 150)
_METER: Final = (584, 40, 604, 260)  # left, top, right, bottom
_NAME: Final = (40, 306)
_KIND: Final = (40, 330)
_COUNT: Final = (470, 330)
_FULL: Final = 6_000.0  # root mean square of a sample that opens the mouth wide


@dataclass(frozen=True)
class Look:
    """`colour` is blue, green, red."""

    title: str
    colour: tuple[int, int, int]


def loudness(sound: NDArray[np.int16]) -> float:
    """0 to 1."""
    if not sound.size:
        return 0.0
    return min(float(np.sqrt(np.mean(sound.astype(np.float32) ** 2))) / _FULL, 1.0)


class Card:
    """Draws one frame after the other, each with the next number."""

    def __init__(self, look: Look) -> None:
        self._number = 0
        self._still = self._background(look)

    def frame(self, level: float) -> rtc.VideoFrame:
        """The next frame, I420; `level` is 0 (silent) to 1."""
        picture = self._still.copy()
        opening = round(3 + 27 * level)
        cv2.ellipse(picture, (_FACE[0], _FACE[1] + 46), (31, opening), 0, 0, 360, _MOUTH, -1, cv2.LINE_AA)
        left, top, right, bottom = _METER
        cv2.rectangle(picture, (left, round(bottom - (bottom - top) * level)), (right, bottom), _PAPER, -1)
        cv2.putText(picture, f"frame {self._number}", _COUNT, _FONT, 0.6, _PAPER, 1, cv2.LINE_AA)
        # a bar that wanders, so that a still face moves too
        place = (self._number * 6) % (WIDTH - 60)
        cv2.rectangle(picture, (place, HEIGHT - 10), (place + 60, HEIGHT), _PAPER, -1)
        self._number += 1
        data = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        return rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, data.tobytes())

    @staticmethod
    def _background(look: Look) -> Picture:
        picture = np.full((HEIGHT, WIDTH, 3), look.colour, np.uint8)
        cv2.ellipse(picture, _FACE, (100, 126), 0, 0, 360, _SKIN, -1, cv2.LINE_AA)
        for side in (-1, 1):
            cv2.circle(picture, (_FACE[0] + side * 38, _FACE[1] - 30), 10, _INK, -1, cv2.LINE_AA)
        cv2.rectangle(picture, _METER[:2], _METER[2:], _INK, -1)
        cv2.putText(picture, look.title, _NAME, _FONT, 0.9, _PAPER, 2, cv2.LINE_AA)
        cv2.putText(picture, "stand-in", _KIND, _FONT, 0.6, _PAPER, 1, cv2.LINE_AA)
        return picture
