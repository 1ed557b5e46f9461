"""Why a picture can't become a portrait: a code for programs, a sentence for people."""

from enum import StrEnum
from typing import Final


class RefusalCode(StrEnum):
    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    NO_FACE = "no_face"
    MORE_THAN_ONE = "more_than_one"
    PROFILE = "profile"
    OCCLUDED_MOUTH = "occluded_mouth"


SENTENCES: Final = {
    RefusalCode.NOT_A_PICTURE: "This is not a picture that can be read. Choose a JPEG, PNG or WebP file.",
    RefusalCode.TOO_LARGE: "This picture is too large. Choose one of at most 20 MB and 40 megapixels.",
    RefusalCode.TOO_SMALL: "The face is too small in this picture. Choose one where it is at least 100 pixels high, "
    "better 400, or crop closer.",
    RefusalCode.NO_FACE: "No human face was found. Choose a picture of one person who looks into the camera.",
    RefusalCode.MORE_THAN_ONE: "More than one face was found. Crop the picture to one person.",
    RefusalCode.PROFILE: "The face is turned away. Choose a picture of someone who looks straight into the camera.",
    RefusalCode.OCCLUDED_MOUTH: "The mouth is covered. Choose a picture without a mask or a hand before it.",
}


class RefusedPicture(ValueError):
    """The picture can't become a portrait; nothing was kept."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(SENTENCES[code])
        self.code = code
