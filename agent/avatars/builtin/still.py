"""Head and shoulders of a portrait, as pages show them: a still of the picture that visitors meet."""

from typing import Final

import cv2
import numpy as np

from agent.avatars.builtin.compose import FrameComposer
from agent.avatars.builtin.drawing.face import DrawnFace
from agent.avatars.builtin.face_state import AT_REST
from agent.avatars.builtin.portrait_file import CANVAS_HEIGHT, CANVAS_WIDTH, Portrait
from agent.avatars.builtin.presenters import DEFAULT_SCENE
from agent.avatars.builtin.scene.scene_file import PLAIN, load_scene
from agent.avatars.builtin.scene.stage import Stage

_SIDE: Final = 600
_JPEG_QUALITY: Final = 86


def still_of(portrait: Portrait, scene: str | None = None) -> bytes:
    """A square JPEG. `scene` is where the person stands; a portrait that fills the canvas stands nowhere."""
    places = portrait.places
    stands = PLAIN if portrait.mask is None else load_scene(scene or DEFAULT_SCENE)
    stage = Stage(stands, CANVAS_WIDTH, CANVAS_HEIGHT)
    placement = stage.presenter_place(places)
    face = DrawnFace(portrait, placement, CANVAS_WIDTH, CANVAS_HEIGHT)
    drawn = FrameComposer(face, stage).compose(AT_REST).buffer
    frame = np.frombuffer(drawn, np.uint8).reshape(CANVAS_HEIGHT * 3 // 2, CANVAS_WIDTH)
    picture = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
    body = places.body
    half = min(round(1.75 * body.face_half_size[1]), CANVAS_HEIGHT // 2)
    middle = min(max(round(placement.x(body.face_middle[0])), half), CANVAS_WIDTH - half)
    top = min(max(round(placement.y(body.face_middle[1])) - half, 0), CANVAS_HEIGHT - 2 * half)
    still = cv2.resize(
        picture[top : top + 2 * half, middle - half : middle + half], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA
    )
    return cv2.imencode(".jpg", still, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()
