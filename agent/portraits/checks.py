"""Is this a face that can be brought to life?"""

from typing import Final

import cv2
import numpy as np

from agent.portraits.models import FaceBox, Mesh, Picture
from agent.portraits.refusals import RefusalCode, RefusedPicture

LEAST_FACE_PX: Final = 90  # from the hairline to the chin
_LEAST_PRESENCE: Final = 0.6
_ANOTHER_FACE: Final = 0.35  # of the largest one's size: smaller ones are bystanders or pictures on a wall
_ANOTHER_SCORE: Final = 0.6
_LEAST_SYMMETRY: Final = 0.5  # the nose's way to the nearer side of the face, of the way to the farther one
_LEAST_LIP_REDNESS: Final = 1.6  # of the skin beside, in units of Lab
_LEAST_PARTING: Final = 0.06  # how much darker the line between the lips is, of the skin beside

_FOREHEAD, _CHIN, _NOSE, _LEFT, _RIGHT = 10, 152, 1, 234, 454


def one_face(faces: list[FaceBox]) -> FaceBox:
    """The only face. Raises `RefusedPicture`."""
    if not faces:
        raise RefusedPicture(RefusalCode.NO_FACE)
    if any(face.size > _ANOTHER_FACE * faces[0].size and face.score > _ANOTHER_SCORE for face in faces[1:]):
        raise RefusedPicture(RefusalCode.MORE_THAN_ONE)
    return faces[0]


def face_height(mesh: Mesh) -> float:
    return float(np.hypot(*(mesh.points[_CHIN] - mesh.points[_FOREHEAD])))


def check_mesh(picture: Picture, mesh: Mesh) -> None:
    """Raises `RefusedPicture` (no_face, too_small, profile, occluded_mouth)."""
    if mesh.presence < _LEAST_PRESENCE:
        raise RefusedPicture(RefusalCode.NO_FACE)
    if face_height(mesh) < LEAST_FACE_PX:
        raise RefusedPicture(RefusalCode.TOO_SMALL)
    points = mesh.points
    across = points[_RIGHT] - points[_LEFT]
    across = across / np.hypot(*across)
    left, right = float((points[_NOSE] - points[_LEFT]) @ across), float((points[_RIGHT] - points[_NOSE]) @ across)
    if min(left, right) < _LEAST_SYMMETRY * max(left, right):
        raise RefusedPicture(RefusalCode.PROFILE)
    if _mouth_is_covered(picture, mesh):
        raise RefusedPicture(RefusalCode.OCCLUDED_MOUTH)


_UPPER_LIP: Final = (39, 37, 0, 267, 269, 13)
_LOWER_LIP: Final = (181, 84, 17, 314, 405, 14)
_CHEEKS: Final = (50, 280, 205, 425)


def _mouth_is_covered(picture: Picture, mesh: Mesh) -> bool:
    """Lips are redder than cheeks, or at least meet in a dark line (or in teeth); a mask, a hand, a cup have neither."""
    height = face_height(mesh)
    scale = 300 / height
    side = max(int(height * 1.2), 8)
    middle = mesh.points[13]
    left, top = max(int(middle[0]) - side, 0), max(int(middle[1]) - side, 0)
    part = picture[top : int(middle[1]) + side, left : int(middle[0]) + side]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(part, None, fx=scale, fy=scale, interpolation=how)
    lab = cv2.GaussianBlur(cv2.cvtColor(scaled, cv2.COLOR_BGR2LAB), (0, 0), 1.2).astype(np.float32)
    points = (mesh.points - (left, top)) * scale

    def at(place: tuple[float, float]) -> np.ndarray:
        x, y = round(float(place[0])), round(float(place[1]))
        return np.asarray(lab[min(max(y, 0), lab.shape[0] - 1), min(max(x, 0), lab.shape[1] - 1)])

    lips = np.mean(
        [
            at((points[outer] + points[13 if group is _UPPER_LIP else 14]) / 2)
            for group in (_UPPER_LIP, _LOWER_LIP)
            for outer in group[:-1]
        ],
        axis=0,
    )
    cheeks = np.mean([at(points[index]) for index in _CHEEKS], axis=0)
    chin = at((points[17] + points[152]) / 2)
    redness = float(lips[1] - max(cheeks[1], chin[1]))
    # Down through the lips: the strongest edge there, beside what the cheek has.
    contrasts = []
    for share in (0.3, 0.5, 0.7):
        x = round(float(points[78, 0] + share * (points[308, 0] - points[78, 0])))
        x = min(max(x, 0), lab.shape[1] - 1)
        top_row, bottom_row = round(float(points[0, 1])), round(float(points[17, 1]))
        column = lab[max(top_row, 0) : max(bottom_row, top_row + 3), x, 0]
        contrasts.append(float(np.ptp(column)) / max(float(cheeks[0]), 40.0))
    return redness < _LEAST_LIP_REDNESS and float(np.median(contrasts)) < _LEAST_PARTING * 2
