"""`python -m agent prepare-portrait`: one picture in, a prepared portrait out."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.avatars.builtin.portrait_file import Portrait, write_portrait
from agent.avatars.builtin.still import still_of
from agent.portraits.backdrop import without_backdrop
from agent.portraits.canvas import OnCanvas, is_cut_off, lay_on_canvas
from agent.portraits.checks import check_mesh, one_face
from agent.portraits.models import FaceModels, Picture
from agent.portraits.picture import Crop, Upload, read_picture
from agent.portraits.places import find_places

_MOST_SIDE: Final = 2600  # what is larger is made smaller first: no frame shows more
_JPEG_QUALITY: Final = 92


@dataclass(frozen=True)
class Prepared:
    """What was written: `face_height_px` in the original picture tells how sharp it will be."""

    sha256: str
    size_bytes: int
    face_height_px: int
    own_background: bool


def prepare_portrait(
    source: Path,
    target: Path,
    *,
    crop: Crop | None = None,
    still: Path | None = None,
    progress: Callable[[str, float], None],
) -> Prepared:
    """Write `target` from the picture `source`, and head and shoulders as pages show them to `still` (JPEG).

    `progress` is told each stage and the share that is done before it.

    Raises `RefusedPicture`, and `ModelsMissingError` where the face models are not installed; then nothing is written.
    """
    progress("reading", 0.0)
    upload, shrunk_by = _shrunk(read_picture(source, crop))
    progress("finding the face", 0.15)
    models = FaceModels()
    looked_at = _on_grey(upload)
    face = one_face(models.faces(looked_at))
    mesh = models.mesh(looked_at, face)
    progress("checking the face", 0.35)
    check_mesh(looked_at, mesh)
    progress("cutting out", 0.4)
    cut_out = without_backdrop(upload, mesh)
    progress("placing the face", 0.55)
    canvas = lay_on_canvas(cut_out, mesh)
    if cut_out is not upload and is_cut_off(cut_out, mesh):  # it keeps the background that hides where it ends
        canvas = lay_on_canvas(upload, mesh)
    progress("measuring eyes and lips", 0.65)
    portrait = _portrait(canvas)
    progress("writing", 0.85)
    if still is not None:
        still.write_bytes(still_of(portrait))
    write_portrait(portrait, target)
    content = target.read_bytes()
    return Prepared(
        hashlib.sha256(content).hexdigest(),
        len(content),
        round(float(np.hypot(*(mesh.points[152] - mesh.points[10]))) * shrunk_by),
        portrait.mask is None,
    )


def _portrait(canvas: OnCanvas) -> Portrait:
    if canvas.mask is None:
        places = find_places(canvas.picture, None, canvas.mesh, (0, 0))
        return Portrait(places, _jpeg(canvas.picture), None)
    left, top, width, height = cv2.boundingRect(canvas.mask)
    left, top = left // 2 * 2, top // 2 * 2
    places = find_places(canvas.picture, canvas.mask, canvas.mesh, (left, top))
    rows, columns = slice(top, top + height + 1), slice(left, left + width + 1)
    packed = cv2.imencode(".png", canvas.mask[rows, columns], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1]
    return Portrait(places, _jpeg(canvas.picture[rows, columns]), packed.tobytes())


def _jpeg(picture: Picture) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _shrunk(upload: Upload) -> tuple[Upload, float]:
    side = max(upload.colour.shape[:2])
    if side <= _MOST_SIDE:
        return upload, 1.0
    by = side / _MOST_SIDE
    size = (round(upload.colour.shape[1] / by), round(upload.colour.shape[0] / by))
    return Upload(_scaled(upload.colour, size), None if upload.alpha is None else _scaled(upload.alpha, size)), by


def _scaled(plane: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def _on_grey(upload: Upload) -> Picture:
    """What the models look at: transparent parts may hold any colour."""
    if upload.alpha is None:
        return upload.colour
    share = (upload.alpha.astype(np.float32) / 255)[..., None]
    return np.asarray(upload.colour * share + 200 * (1 - share), np.uint8)
