"""From the points of a face to the places that the drawing works with."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.portrait_file import (
    CANVAS_HEIGHT,
    BodyPlaces,
    Curve,
    EyePlaces,
    MouthPlaces,
    Places,
)
from agent.portraits.checks import face_height
from agent.portraits.edges import dark_line, lash_line, reach_of_eye, refined_iris
from agent.portraits.models import Iris, Mesh, Picture, Points

Mask = NDArray[np.uint8]

_UPPER_OUTER: Final = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_LOWER_OUTER: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_UPPER_INNER: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_INNER: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_EYES: Final = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
)
_BROWS: Final = (((70, 63, 105, 66, 107), (46, 53, 52, 65, 55)), ((336, 296, 334, 293, 300), (285, 295, 282, 283, 276)))
_CREASES: Final = ((159, 27), (386, 257))
_LEFT_SIDE, _RIGHT_SIDE, _JAW_LEFT, _JAW_RIGHT = 234, 454, 58, 288
_FOREHEAD, _CHIN, _NOSE_BASE, _LIP_TOP = 10, 152, 2, 0
_PARTED: Final = 0.05  # of the mouth's width: lips that are further apart show what is behind them

_CORNERS: Final = (0.09, 0.03)  # outer, inner; of the eye's width
_OWN_BACKGROUND_MOTION: Final = 0.55


def find_places(picture: Picture, mask: Mask | None, mesh: Mesh, corner: tuple[int, int]) -> Places:
    """`picture`, `mask` and `mesh` are of the whole canvas; `corner` is where the kept part of it lies."""
    points = mesh.points
    return Places(
        corner=corner,
        eyes=(_eye(picture, points, mesh.irises[0], 0), _eye(picture, points, mesh.irises[1], 1)),
        mouth=_mouth(picture, mesh),
        body=_body(points, mask, face_height(mesh)),
    )


def _eye(picture: Picture, points: Points, iris: Iris, side: int) -> EyePlaces:
    upper, lower = (points[list(edge)].copy() for edge in _EYES[side])
    width = float(upper[-1, 0] - upper[0, 0])
    upper, iris = lash_line(picture, upper), refined_iris(picture, iris)
    # The points of the corners lie a little within what a lid closes over.
    for edge in (upper, lower):
        edge[0, 0] -= _CORNERS[side] * width
        edge[-1, 0] += _CORNERS[1 - side] * width
    lower = reach_of_eye(picture, upper, lower, (iris.x, iris.y))
    upper[[0, -1]] = lower[[0, -1]]
    lid, crease = (float(points[index, 1]) for index in _CREASES[side])
    over, under = (points[list(edge)] for edge in _BROWS[side])
    return EyePlaces(
        upper=_curve(upper),
        lower=_curve(lower),
        iris=(round(iris.x, 1), round(iris.y, 1), round(iris.radius, 1)),
        crease_height=round(min(max(lid - crease, 0.12 * width), 0.22 * width), 1),
        lash_height=round(0.065 * width, 1),
        brow=_curve(np.asarray((over + under) / 2, np.float32)),
    )


def _mouth(picture: Picture, mesh: Mesh) -> MouthPlaces:
    points = mesh.points
    inner_up, inner_low = points[list(_UPPER_INNER)], points[list(_LOWER_INNER)]
    outer_up, outer_low = points[list(_UPPER_OUTER)], points[list(_LOWER_OUTER)]
    if float((inner_low - inner_up)[:, 1].max()) < _PARTED * float(inner_up[-1, 0] - inner_up[0, 0]):
        seam = dark_line(
            picture, np.asarray((inner_up + inner_low) / 2, np.float32), float(outer_low[5, 1] - outer_up[5, 1])
        )
        inner_up = inner_low = seam
    height = face_height(mesh)
    chin = float(points[_CHIN, 1])
    nose = float(points[_NOSE_BASE, 1])
    return MouthPlaces(
        upper_outer=_curve(outer_up),
        upper_inner=_curve(inner_up),
        lower_inner=_curve(inner_low),
        lower_outer=_curve(outer_low),
        nose_y=round(nose + 0.15 * (float(points[_LIP_TOP, 1]) - nose), 1),
        chin_y=round(chin, 1),
        neck_y=round(chin + 0.24 * height, 1),
        jaw_half_width=round(float(points[_JAW_RIGHT, 0] - points[_JAW_LEFT, 0]) / 2, 1),
        teeth=_teeth(picture, mesh),
    )


def _teeth(picture: Picture, mesh: Mesh) -> tuple[float, float, float]:
    """The colour of teeth in this light: near that of the eyes' white."""
    whites = []
    for (upper, lower), iris in zip(_EYES, mesh.irises, strict=True):
        outline = np.concatenate([mesh.points[list(upper)], mesh.points[list(lower)][::-1]])
        inside = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(inside, [outline.round().astype(np.int32)], 255)
        cv2.circle(inside, (round(iris.x), round(iris.y)), round(iris.radius * 1.2), 0, -1)
        whites.append(picture[inside > 0])
    white = np.concatenate(whites).astype(np.float32)
    if len(white) < 20:
        return (196.0, 210.0, 218.0)
    bright = white[white.sum(1) >= np.percentile(white.sum(1), 70)].mean(0)
    level = float(np.clip(bright.mean() * 1.02, 150, 228))
    return (round(0.93 * level, 1), round(0.99 * level, 1), round(1.03 * level, 1))


def _body(points: Points, mask: Mask | None, height: float) -> BodyPlaces:
    chin = float(points[_CHIN, 1])
    middle = float(points[_LEFT_SIDE, 0] + points[_RIGHT_SIDE, 0]) / 2
    face_half = float(points[_RIGHT_SIDE, 0] - points[_LEFT_SIDE, 0]) / 2
    head_half, body_half, bottom = 1.45 * face_half, 3.4 * face_half, float(CANVAS_HEIGHT)
    if mask is not None:
        rows = mask[max(int(points[_FOREHEAD, 1]), 0) : int(chin)]
        seen = np.flatnonzero((rows > 128).mean(axis=0) > 0.3)
        if seen.size:
            head_half = float(min(max(abs(seen[0] - middle), abs(seen[-1] - middle)), 1.9 * face_half))
        _, top, _, down = cv2.boundingRect(mask)
        bottom = float(top + down)
        body = np.flatnonzero((mask[int(min(chin + 0.5 * height, bottom - 2)) :] > 128).any(axis=0))
        if body.size:
            body_half = float(max(abs(body[0] - middle), abs(body[-1] - middle)))
    return BodyPlaces(
        pivot=(round(middle, 1), round(chin + 0.31 * height, 1)),
        head_half_width=round(head_half, 1),
        head_bottom_y=round(chin + 0.05 * height, 1),
        shoulder_y=round(chin + 0.5 * height, 1),
        body_half_width=round(body_half, 1),
        desk_y=round(bottom, 1),
        face_middle=(round(middle, 1), round((chin + float(points[_FOREHEAD, 1])) / 2, 1)),
        face_half_size=(round(1.05 * face_half, 1), round(0.62 * height, 1)),
        motion=1.0 if mask is not None else _OWN_BACKGROUND_MOTION,
    )


def _curve(points: Points) -> Curve:
    ordered: Sequence[NDArray[np.float32]] = sorted(points, key=lambda point: float(point[0]))
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in ordered)
