"""The person in a photograph without what is behind them, by MediaPipe's selfie model (Apache-2.0).

The model ships in the npm package `@mediapipe/selfie_segmentation`, of which only this one file is used. It sees the picture at
256 x 256; a guided filter brings its edge back to where the picture has one (He, Sun, Tang: Guided Image Filtering, 2010).
"""

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.portraits.canvas import bled
from agent.portraits.models import Mesh, Picture
from agent.portraits.picture import Upload

MODEL: Final = (
    Path(__file__).parents[2] / "node_modules" / "@mediapipe" / "selfie_segmentation" / "selfie_segmentation.tflite"
)
_MODEL_SIDE: Final = 256
_WORKING_SIDE: Final = 1024  # of the filter: finer detail is the picture's, not the model's
_MIXED: Final = 0.002  # width of what is half person, half background, of the picture's longer side
_LEAST_FACE: Final = 0.9  # share of the face that must be seen as a person

Plane = NDArray[np.float32]


def without_backdrop(upload: Upload, mesh: Mesh) -> Upload:
    """The person cut out; as it is where it was cut out before, the model is not installed, or it does not see the person."""
    if upload.alpha is not None or not MODEL.is_file():
        return upload
    alpha = _edge_of_picture(upload.colour, _person(upload.colour))
    height, width = alpha.shape
    columns = np.clip(mesh.points[:, 0].round().astype(int), 0, width - 1)
    rows = np.clip(mesh.points[:, 1].round().astype(int), 0, height - 1)
    if float((alpha[rows, columns] > 127).mean()) < _LEAST_FACE:
        return upload
    alpha = _one_piece(alpha, (int(columns.mean()), int(rows.mean())))
    # The picture's edge is a mixture of the person and what was behind them: the person's own colour takes its place.
    inner = cv2.erode(alpha, np.ones((3, 3), np.uint8), iterations=max(round(max(alpha.shape) * _MIXED), 1))
    return Upload(bled(upload.colour, np.asarray(inner, np.uint8)), alpha)


def _person(picture: Picture) -> Plane:
    """How surely each of 256 x 256 parts of the picture belongs to a person, 0 to 1."""
    from ai_edge_litert.interpreter import Interpreter

    model: Any = Interpreter(model_path=str(MODEL), num_threads=1)
    model.allocate_tensors()
    small = cv2.resize(picture, (_MODEL_SIDE, _MODEL_SIDE), interpolation=cv2.INTER_AREA)
    model.set_tensor(model.get_input_details()[0]["index"], small[None, :, :, ::-1].astype(np.float32) / 255)
    model.invoke()
    found = model.get_tensor(model.get_output_details()[0]["index"])
    return np.asarray(found.reshape(_MODEL_SIDE, _MODEL_SIDE), np.float32)


def _edge_of_picture(picture: Picture, person: Plane) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    by = min(_WORKING_SIDE / max(height, width), 1.0)
    size = max(round(width * by), 1), max(round(height * by), 1)
    guide = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32) / 255
    wanted = np.asarray(cv2.resize(person, size, interpolation=cv2.INTER_CUBIC), np.float32)
    radius = max(round(max(size) / _MODEL_SIDE * 2), 2)  # two of the model's pixels
    filtered = np.mean(
        [_guided(np.asarray(guide[..., channel], np.float32), wanted, radius) for channel in range(3)], axis=0
    )
    # Nothing half there away from the edge: what is nearly the person is, what is nearly not is not.
    sharp = np.clip((filtered - 0.45) / 0.45, 0, 1).astype(np.float32)
    whole = cv2.resize(sharp, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole * 255, np.uint8)


def _guided(guide: Plane, wanted: Plane, radius: int, least_variance: float = 4e-4) -> Plane:
    """`wanted`, with its edges where those of `guide` are."""

    def mean(plane: Any) -> Plane:
        return np.asarray(cv2.blur(plane, (2 * radius + 1, 2 * radius + 1)), np.float32)

    guide_mean, wanted_mean = mean(guide), mean(wanted)
    slope = (mean(guide * wanted) - guide_mean * wanted_mean) / (mean(guide * guide) - guide_mean**2 + least_variance)
    offset = wanted_mean - slope * guide_mean
    return mean(slope) * guide + mean(offset)


def _one_piece(alpha: NDArray[np.uint8], inside: tuple[int, int]) -> NDArray[np.uint8]:
    """Only what hangs together with the face: nothing floats beside the person."""
    solid = (alpha > 64).astype(np.uint8)
    _, labels = cv2.connectedComponents(solid)
    mine = (labels == labels[inside[1], inside[0]]).astype(np.uint8)
    return np.asarray(np.where(cv2.dilate(mine, np.ones((3, 3), np.uint8)) > 0, alpha, 0), np.uint8)
