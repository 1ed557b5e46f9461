"""The test card: a moving gradient, bars, grey steps, a mouth and a meter that move with the sound, size, rate, clock, number.

A receiver sees frames that were lost or came twice by the number, the delay by the clock, and the offset of sound and picture
by the mouth. The number also stands at the bottom in black and white squares, which `number_in` reads from what arrived.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.compose import ComposedFrame
from agent.avatars.builtin.drawing.i420 import Planes, Rect, even_rect, planes_from_bgr, planes_of
from agent.avatars.builtin.face_state import MOUTH_OPENINGS, MOUTH_WIDTHS, FaceState, Mouth
from agent.avatars.test_card.writing import PAPER, Writing
from protocol.modes import ModeSettings

NUMBER_BITS: Final = 16
_COLUMNS: Final = 32  # letters in a line
_STEP: Final = 1 / 160  # of the width: how far the gradient moves from frame to frame
_BLACK: Final = 16
_WHITE: Final = 235
_PANEL: Final = (38, 34, 30)  # blue, green, red
_LIPS: Final = (86, 74, 214)
_INSIDE: Final = (24, 16, 48)
_BARS: Final = (
    (191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0),
)  # fmt: skip
_METER: Final = ((90, 200, 90), (60, 210, 220), (70, 70, 230))
_GREYS: Final = 8


class CardComposer:
    """Draws the card in the size and rate of a mode. Every frame is another one, so that none is kept."""

    def __init__(self, mode: ModeSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._width, self._height, self._fps, self._clock = mode.video_width, mode.video_height, mode.video_fps, clock
        self._number = 0
        self._period = max(self._width // 4 * 4, 8)
        self._step = max(round(self._width * _STEP) * 2, 2)
        self._gradient = self._moving()
        top, bottom = 0.21, 0.67
        side = (bottom - top) / 2 * self._height / self._width
        self._face_rect = self._rect(0.5 - side, top, 0.5 + side, bottom)
        self._meter_rect = self._rect(0.80, top, 0.94, bottom)
        self._line_rect = self._rect(0.06, 0.80, 0.94, 0.88)
        self._number_rect = number_rect(self._width, self._height)
        self._writing = Writing(self._line_rect.width // _COLUMNS, self._line_rect.height)
        self._faces: dict[Mouth, Planes] = {}
        self._meters = [self._meter(level) for level in range(MOUTH_OPENINGS)]
        kind = f"{self._width}x{self._height}  {self._fps} fps  {mode.codec.value} {mode.bitrate_kbps} kbit/s"
        self._still = [
            self._patch(self._rect(0.06, 0.05, 0.94, 0.17), self._bars),
            self._patch(self._rect(0.06, top, 0.20, bottom), self._greys),
            self._line(kind, self._rect(0.06, 0.71, 0.94, 0.79)),
            self._line("", self._line_rect),
        ]

    def compose(self, state: FaceState) -> ComposedFrame:
        """The next frame, with the mouth of `state`."""
        started = time.perf_counter()
        buffer = bytearray(self._width * self._height * 3 // 2)
        planes = planes_of(buffer, self._width, self._height)
        self._lay_gradient(planes)
        for patch, rect in self._still:
            planes.paste(patch, rect)
        planes.paste(self._face(state.mouth), self._face_rect)
        planes.paste(self._meters[state.mouth.opening], self._meter_rect)
        self._write(planes)
        self._number += 1
        return ComposedFrame(buffer, "composed", (time.perf_counter() - started) * 1000)

    def warm_up(self) -> Iterator[None]:
        """Every mouth ahead, so that no frame while speaking draws one."""
        for opening in range(MOUTH_OPENINGS):
            for width in range(MOUTH_WIDTHS):
                self._face(Mouth(opening, width))
                yield

    def lively_fps(self) -> float | None:
        return float(self._fps)

    def close(self) -> None:
        """Nothing is held."""

    # -- what moves ----------------------------------------------------------------------------------------------------

    def _moving(self) -> Planes:
        """Planes as much wider than the frame as the gradient is long: a frame is a window on them."""
        across = np.arange(self._width + self._period)
        down = np.arange(self._height)[:, None]
        luma = 60 + 110 * _wave((across + down) / self._period)
        half_down, half_across = down[::2], across[::2]
        blue = 128 + 44 * (_wave((half_across - half_down) / self._period) - 0.5)
        red = 128 + 36 * (_wave((half_across + 2 * half_down) / self._period + 0.3) - 0.5)
        return Planes(*(np.ascontiguousarray(plane.astype(np.uint8)) for plane in (luma, blue, red)))

    def _lay_gradient(self, planes: Planes) -> None:
        shift = self._number * self._step % self._period
        planes.y[:] = self._gradient.y[:, shift : shift + self._width]
        half = slice(shift // 2, shift // 2 + self._width // 2)
        planes.u[:] = self._gradient.u[:, half]
        planes.v[:] = self._gradient.v[:, half]

    def _write(self, planes: Planes) -> None:
        now = self._clock()
        text = f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} UTC   frame {self._number:06d}"[:_COLUMNS]
        line = self._writing.line(text)
        rect = self._line_rect
        left = rect.left + (rect.width - line.shape[1]) // 2
        planes.y[rect.top : rect.bottom, left : left + line.shape[1]] = line
        bits = (self._number >> np.arange(NUMBER_BITS - 1, -1, -1)) & 1
        cells = np.where(bits, _WHITE, _BLACK).astype(np.uint8)
        place = self._number_rect
        place.of(planes.y)[:] = np.repeat(cells, place.width // NUMBER_BITS)
        for plane in (planes.u, planes.v):
            place.half().of(plane)[:] = 128

    # -- what is drawn once --------------------------------------------------------------------------------------------

    def _rect(self, left: float, top: float, right: float, bottom: float) -> Rect:
        """A region by shares of the frame."""
        width, height = self._width, self._height
        return even_rect(left * width, top * height, right * width, bottom * height, width, height)

    @staticmethod
    def _patch(rect: Rect, draw: Callable[[NDArray[np.uint8]], None]) -> tuple[Planes, Rect]:
        picture = np.full((rect.height, rect.width, 3), _PANEL, np.uint8)
        draw(picture)
        return planes_from_bgr(picture), rect

    def _line(self, text: str, rect: Rect) -> tuple[Planes, Rect]:
        planes, _ = self._patch(rect, lambda picture: None)
        planes.y[:], planes.u[:], planes.v[:] = PAPER, 128, 128
        if text:
            writing = Writing(min(rect.width // max(len(text), 1), self._writing.width), rect.height)
            line = writing.line(text)
            left = (rect.width - line.shape[1]) // 2
            planes.y[:, left : left + line.shape[1]] = line
        return planes, rect

    def _face(self, mouth: Mouth) -> Planes:
        known = self._faces.get(mouth)
        if known is None:
            known, _ = self._patch(self._face_rect, lambda picture: _draw_face(picture, mouth))
            self._faces[mouth] = known
        return known

    def _meter(self, level: int) -> Planes:
        def draw(picture: NDArray[np.uint8]) -> None:
            height, width = picture.shape[:2]
            steps = MOUTH_OPENINGS - 1
            for step in range(steps):
                lit = step < level
                colour = _METER[0 if step < 4 else 1 if step < 6 else 2]
                shade = colour if lit else tuple(part // 5 + 16 for part in colour)
                bottom = height - round(step * height / steps) - max(height // 60, 1)
                top = height - round((step + 1) * height / steps) + max(height // 60, 1)
                picture[top:bottom, width // 12 : width - width // 12] = shade

        return self._patch(self._meter_rect, draw)[0]

    @staticmethod
    def _bars(picture: NDArray[np.uint8]) -> None:
        for number, colour in enumerate(_BARS):
            left, right = (round(edge * picture.shape[1] / len(_BARS)) for edge in (number, number + 1))
            picture[:, left:right] = colour

    @staticmethod
    def _greys(picture: NDArray[np.uint8]) -> None:
        for number in range(_GREYS):
            top, bottom = (round(edge * picture.shape[0] / _GREYS) for edge in (number, number + 1))
            picture[top:bottom] = round(255 * (1 - number / (_GREYS - 1)))


def number_rect(width: int, height: int) -> Rect:
    """Where the number's squares are in a frame of this size."""
    cell = max(width * 9 // 10 // NUMBER_BITS // 2 * 2, 2)
    left = (width - cell * NUMBER_BITS) // 4 * 2
    whole = even_rect(left, 0.91 * height, left + 1, 0.97 * height, width, height)
    return Rect(left, whole.top, left + cell * NUMBER_BITS, whole.bottom)


def number_in(luma: NDArray[np.uint8]) -> int:
    """The number of a frame that arrived, modulo 2 to the power of `NUMBER_BITS`, from its luma (height, width)."""
    place = number_rect(luma.shape[1], luma.shape[0])
    cells = place.of(luma).reshape(place.height, NUMBER_BITS, -1).mean(axis=(0, 2))
    return int((cells > 126) @ (1 << np.arange(NUMBER_BITS - 1, -1, -1)))


def _wave(phase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Up and down once for each whole of `phase`, 0 to 1."""
    return np.asarray(np.abs(phase % 1 * 2 - 1), np.float64)


def _draw_face(picture: NDArray[np.uint8], mouth: Mouth) -> None:
    """A ring with two eyes, and a mouth as open and as wide as `mouth`."""
    side = picture.shape[0]
    middle, line = (picture.shape[1] // 2, side // 2), max(side // 60, 1)
    cv2.line(picture, (0, middle[1]), (picture.shape[1], middle[1]), (70, 66, 62), 1)
    cv2.line(picture, (middle[0], 0), (middle[0], side), (70, 66, 62), 1)
    cv2.circle(picture, middle, round(side * 0.46), (210, 206, 200), line, cv2.LINE_AA)
    for left in (-1, 1):
        eye = middle[0] + left * round(side * 0.15), round(side * 0.37)
        cv2.circle(picture, eye, max(round(side * 0.035), 1), (210, 206, 200), cv2.FILLED, cv2.LINE_AA)
    across = side * (0.10 + 0.035 * mouth.width)
    down = side * 0.2 * mouth.opening / (MOUTH_OPENINGS - 1)
    place = middle[0], round(side * 0.66)
    lips = round(across + line), max(round(down + line), line)
    cv2.ellipse(picture, place, lips, 0, 0, 360, _LIPS, cv2.FILLED, cv2.LINE_AA)
    if mouth.opening:
        cv2.ellipse(picture, place, (round(across), round(down)), 0, 0, 360, _INSIDE, cv2.FILLED, cv2.LINE_AA)
