"""Text of one height, each letter drawn once: a line is put together from finished pixels."""

from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.drawing.i420 import Plane

INK: Final = 235
PAPER: Final = 24
_FONT: Final = cv2.FONT_HERSHEY_DUPLEX
_BASELINE: Final = 0.76  # of the line's height
_LETTER: Final = 0.62  # a capital's height, of the line's


class Writing:
    """Letters of one width and height, pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        (across, up), _ = cv2.getTextSize("0", _FONT, 1.0, 1)
        self._scale = min(width * 0.92 / across, height * _LETTER / up)
        self._letters: dict[str, Plane] = {}

    def line(self, text: str) -> Plane:
        """A line (height, letters * width)."""
        return np.concatenate([self._letter(letter) for letter in text], axis=1)

    def _letter(self, letter: str) -> Plane:
        known = self._letters.get(letter)
        if known is None:
            known = np.full((self.height, self.width), PAPER, np.uint8)
            (across, _), _ = cv2.getTextSize(letter, _FONT, self._scale, 1)
            place = max((self.width - across) // 2, 0), round(self.height * _BASELINE)
            cv2.putText(known, letter, place, _FONT, self._scale, INK, 1, cv2.LINE_AA)
            self._letters[letter] = known
        return known
