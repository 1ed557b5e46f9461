"""Pictures for portraits: a person, and what is none. Made of the drawn presenters, which the face models take for people."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.presenters import load_presenter

Picture = NDArray[np.uint8]


def canvas_of(name: str) -> tuple[Picture, NDArray[np.uint8]]:
    """A presenter as drawn: colour (1080, 1920, 3) and alpha."""
    portrait = load_presenter(name).portrait
    assert portrait.mask is not None
    left, top = portrait.places.corner
    colour, alpha = np.full((1080, 1920, 3), 190, np.uint8), np.zeros((1080, 1920), np.uint8)
    figure = cv2.imdecode(np.frombuffer(portrait.figure, np.uint8), cv2.IMREAD_COLOR)
    mask = cv2.imdecode(np.frombuffer(portrait.mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert figure is not None
    assert mask is not None
    height, width = min(mask.shape[0], 1080 - top), min(mask.shape[1], 1920 - left)
    colour[top : top + height, left : left + width] = figure[:height, :width]
    alpha[top : top + height, left : left + width] = mask[:height, :width]
    return colour, alpha


def photograph() -> Picture:
    """A person before a plain wall, 960 x 540."""
    colour, alpha = canvas_of("daniel")
    share = (alpha / 255)[..., None]
    return cv2.resize(
        np.asarray(colour * share + 190 * (1 - share), np.uint8), (960, 540), interpolation=cv2.INTER_AREA
    ).astype(np.uint8)


def kept(picture: Picture, path: Path) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


def masked(picture: Picture) -> Picture:
    places = load_presenter("daniel").portrait.places.mouth
    covered = picture.copy()
    middle = (places.upper_inner[0][0] + places.upper_inner[-1][0]) / 4
    cv2.ellipse(
        covered, (round(middle), round(places.upper_inner[0][1] / 2) + 6), (70, 48), 0, 0, 360, (205, 190, 170), -1
    )
    return covered


def turned(picture: Picture) -> Picture:
    """One side of the face far narrower than the other, as seen from aside."""
    middle = load_presenter("daniel").portrait.places.body.face_middle[0] / 2
    x, y = np.meshgrid(np.arange(960, dtype=np.float32), np.arange(540, dtype=np.float32))
    source = np.where(x < middle, middle - (middle - x) * 2.6, middle + (x - middle) * 0.8)
    return np.asarray(
        cv2.remap(picture, source.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def cat(picture: Picture) -> Picture:
    """Two ears, two slit eyes, a nose and whiskers, drawn."""
    drawing = np.full_like(picture, 200)
    cv2.fillPoly(drawing, [np.array([[330, 200], [370, 70], [450, 160]])], (60, 110, 160))
    cv2.fillPoly(drawing, [np.array([[630, 200], [590, 70], [510, 160]])], (60, 110, 160))
    cv2.circle(drawing, (480, 290), 170, (80, 140, 190), -1)
    for x in (415, 545):
        cv2.ellipse(drawing, (x, 260), (32, 24), 0, 0, 360, (90, 220, 190), -1)
        cv2.ellipse(drawing, (x, 260), (6, 22), 0, 0, 360, (10, 10, 10), -1)
    cv2.fillPoly(drawing, [np.array([[462, 325], [498, 325], [480, 345]])], (120, 120, 220))
    for side in (-1, 1):
        for dy in (-12, 0, 12):
            cv2.line(drawing, (480 + side * 40, 350 + dy), (480 + side * 180, 345 + 3 * dy), (240, 240, 240), 2)
    return drawing


def as_file(picture: Picture, kind: str = ".jpg") -> bytes:
    """The content of a picture's file."""
    return cv2.imencode(kind, picture)[1].tobytes()
