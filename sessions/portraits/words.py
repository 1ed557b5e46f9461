"""What people read about a portrait on its way, and what its clip says."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from sessions.models import Portrait, ProfileVersion

STAGES: Final = {  # as `prepare-portrait` names them
    "reading": _("Reading the picture"),
    "finding the face": _("Finding the face"),
    "checking the face": _("Checking the face"),
    "cutting out": _("Cutting the person out"),
    "placing the face": _("Placing the face"),
    "measuring eyes and lips": _("Measuring eyes and lips"),
    "writing": _("Keeping it"),
    "done": _("Keeping it"),
}
REFUSALS: Final = {  # by its codes
    "not_a_picture": _("This is not a picture that can be read. Choose a JPEG, PNG or WebP file."),
    "too_large": _("This picture is too large. Choose one of at most 20 MB and 40 megapixels."),
    "too_small": _(
        "The face is too small in this picture. Choose one where it is at least 100 pixels high, better 400, or crop closer."
    ),
    "no_face": _("No human face was found. Choose a picture of one person who looks into the camera."),
    "more_than_one": _("More than one face was found. Crop the picture to one person."),
    "profile": _("The face is turned away. Choose a picture of someone who looks straight into the camera."),
    "occluded_mouth": _("The mouth is covered. Choose a picture without a mask or a hand before it."),
}
FALLBACK_TEXT: Final = {
    "en": "Hello! It is good to see you. What would you like to know?",
    "ar": "مرحبًا! سعيدٌ برؤيتك. ماذا تودّ أن تعرف؟",
}


def stage_of(portrait: Portrait) -> str:
    """What is being done to it, in words."""
    return str(STAGES.get(portrait.stage) or _("Waiting for the host"))


def reason_of(portrait: Portrait) -> str:
    """Why it was not taken or not prepared; empty otherwise."""
    return str(REFUSALS.get(portrait.refusal) or portrait.detail)


def clip_text(version: ProfileVersion) -> str:
    """The greeting, or a sentence in the profile's language where there is none."""
    return version.greeting.strip() or FALLBACK_TEXT[version.language]
