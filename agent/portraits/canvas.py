"""The picture laid onto the canvas: the face upright, in the middle, and as large as a visitor wants to see it."""

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.portrait_file import CANVAS_HEIGHT, CANVAS_WIDTH
from agent.portraits.checks import face_height
from agent.portraits.models import Iris, Mesh, Picture
from agent.portraits.picture import Upload

_FACE_HEIGHT: Final = 0.40  # of the canvas's height
_LARGEST_FACE: Final = 0.56
_FACE_MIDDLE_Y: Final = 0.43  # of the canvas's height
_LOWEST_FACE_Y: Final = 0.5  # a head without shoulders would lie on the desk
_LEAST_ROLL: Final = 0.015  # radians; less is left as it is
_EDGE: Final = 2  # pixels of the picture
_HIDDEN_FROM_Y: Final = 900  # of the canvas: from here down scenes have a desk in front
_MOST_CUT_ROWS: Final = 12
_FOREHEAD, _CHIN, _LEFT, _RIGHT = 10, 152, 33, 263


class OnCanvas(NamedTuple):
    """All of the canvas's size. `mask` is None where the picture brings its own background."""

    picture: Picture
    mask: NDArray[np.uint8] | None
    mesh: Mesh


def lay_on_canvas(upload: Upload, mesh: Mesh) -> OnCanvas:
    """Turned, scaled and moved; what a picture without transparency does not cover is made up from its edges."""
    height, width = upload.colour.shape[:2]
    if upload.alpha is not None and (width, height) == (CANVAS_WIDTH, CANVAS_HEIGHT):  # drawn for it
        return OnCanvas(bled(upload.colour, upload.alpha), upload.alpha, mesh)
    move = _move(upload, mesh)
    scale = float(np.hypot(move[0, 0], move[0, 1]))
    colour = upload.colour
    if upload.alpha is not None:
        colour = bled(colour, upload.alpha)
    if scale < 0.6:  # an affine map does not average
        colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), 0.4 / scale), np.uint8)
    size = (CANVAS_WIDTH, CANVAS_HEIGHT)
    how = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    picture = np.asarray(cv2.warpAffine(colour, move, size, flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    placed = _moved(mesh, move, scale)
    if upload.alpha is not None:
        mask = cv2.warpAffine(upload.alpha, move, size, flags=cv2.INTER_LINEAR)
        return OnCanvas(picture, np.asarray(mask, np.uint8), placed)
    covered = cv2.warpAffine(np.full((height, width), 255, np.uint8), move, size, flags=cv2.INTER_LINEAR)
    return OnCanvas(_extended(picture, np.asarray(covered, np.uint8)), None, placed)


def is_cut_off(upload: Upload, mesh: Mesh) -> bool:
    """Whether a cut-out figure ends too early to stand in a scene: at a side of its picture, above its head, or at the neck."""
    if upload.alpha is None:
        return False
    move = _move(upload, mesh)
    face = (mesh.points[_FOREHEAD] + mesh.points[_CHIN]) / 2
    if float(move[1, :2] @ face + move[1, 2]) > _LOWEST_FACE_Y * CANVAS_HEIGHT:
        return True
    edge = np.zeros_like(upload.alpha)
    for line in (np.s_[:, :_EDGE], np.s_[:, -_EDGE:], np.s_[:_EDGE]):
        edge[line] = upload.alpha[line]
    seen = cv2.warpAffine(edge, move, (CANVAS_WIDTH, CANVAS_HEIGHT), flags=cv2.INTER_NEAREST)
    return int((seen[:_HIDDEN_FROM_Y] > 127).any(axis=1).sum()) > _MOST_CUT_ROWS


def _move(upload: Upload, mesh: Mesh) -> NDArray[np.float64]:
    """The map (2, 3) from the picture's pixels to the canvas's."""
    height, width = upload.colour.shape[:2]
    across = mesh.points[_RIGHT] - mesh.points[_LEFT]
    roll = float(np.arctan2(across[1], across[0]))
    roll = 0.0 if abs(roll) < _LEAST_ROLL else roll
    tall = face_height(mesh)
    scale = _FACE_HEIGHT * CANVAS_HEIGHT / tall
    if upload.alpha is None:  # cover the canvas where that does not make the face too large
        cover = max(CANVAS_WIDTH / width, CANVAS_HEIGHT / height)
        scale = max(scale, min(cover * 1.02, _LARGEST_FACE * CANVAS_HEIGHT / tall))
    cos, sin = np.cos(-roll) * scale, np.sin(-roll) * scale
    turn = np.array([[cos, -sin], [sin, cos]])
    face = (mesh.points[_FOREHEAD] + mesh.points[_CHIN]) / 2
    target = np.array([CANVAS_WIDTH / 2, _FACE_MIDDLE_Y * CANVAS_HEIGHT])
    move = np.hstack([turn, (target - turn @ face)[:, None]])
    middle = np.array([width / 2, height / 2])
    placed = turn @ middle + move[:, 2]
    half = np.array([width, height]) * scale / 2
    if upload.alpha is None:
        if 2 * half[0] >= CANVAS_WIDTH:
            move[0, 2] += _needed(placed[0], half[0], CANVAS_WIDTH)
        if 2 * half[1] >= CANVAS_HEIGHT:
            move[1, 2] += _needed(placed[1], half[1], CANVAS_HEIGHT)
    else:  # a body that ends must not end above the canvas's edge
        rows = np.flatnonzero((upload.alpha > 128).any(axis=1))
        lowest = float(turn[1, 1] * (rows[-1] + 1 if rows.size else height) + turn[1, 0] * middle[0] + move[1, 2])
        move[1, 2] += max(CANVAS_HEIGHT - lowest, 0.0)
    return move


def _needed(middle: float, half: float, size: int) -> float:
    """The way that a picture about `middle` has to go so that it covers 0 to `size`."""
    return float(max(size - middle - half, 0.0) - max(middle - half, 0.0))


def _moved(mesh: Mesh, move: NDArray[np.float64], scale: float) -> Mesh:
    points = (mesh.points @ move[:, :2].T + move[:, 2]).astype(np.float32)
    irises = []
    for iris in mesh.irises:
        x, y = move[:, :2] @ (iris.x, iris.y) + move[:, 2]
        irises.append(Iris(float(x), float(y), iris.radius * scale))
    return Mesh(points, (mesh.depth * scale).astype(np.float32), mesh.presence, (irises[0], irises[1]))


def bled(colour: Picture, alpha: NDArray[np.uint8]) -> Picture:
    """Colour carried out over the edge, so that packing it brings in nothing dark."""
    height, width = alpha.shape
    solid = (alpha > 200).astype(np.uint8)
    filled = np.zeros(colour.shape, np.uint8)
    for shrink in (64, 16, 4):  # coarse colours reach far, finer ones lie over them near the edge
        size = (max(width // shrink, 1), max(height // shrink, 1))
        share = cv2.resize(solid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        small = cv2.resize((colour * solid[..., None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        share, small = cv2.GaussianBlur(share, (0, 0), 1.5), cv2.GaussianBlur(small, (0, 0), 1.5)
        spread = cv2.resize(np.clip(small / np.maximum(share, 1e-3)[..., None], 0, 255), (width, height))
        known = cv2.resize(np.clip(share * 20, 0, 1), (width, height))[..., None]
        filled = np.asarray(filled * (1 - known) + spread * known, np.uint8)
    return np.asarray(np.where(solid[..., None], colour, filled), np.uint8)


def _extended(picture: Picture, covered: NDArray[np.uint8]) -> Picture:
    """What the picture does not reach, in its edges' colours out of focus."""
    if covered.min() > 250:
        return picture
    inside = cv2.erode(covered, np.ones((3, 3), np.uint8), borderValue=255)
    soft = cv2.GaussianBlur(cv2.erode(inside, np.ones((41, 41), np.uint8), borderValue=255), (0, 0), 14)
    share = (soft.astype(np.float32) / 255)[..., None]
    small = cv2.resize(picture, (CANVAS_WIDTH // 8, CANVAS_HEIGHT // 8), interpolation=cv2.INTER_AREA)
    blurred = cv2.resize(cv2.GaussianBlur(small, (0, 0), 7), (CANVAS_WIDTH, CANVAS_HEIGHT))
    return np.asarray(picture * share + blurred * (1 - share), np.uint8)
