"""Uploaded portraits: sent with a picture and a consent, looked at while they are prepared, worn, removed."""

from typing import Annotated
from uuid import UUID

from django.core.exceptions import ValidationError
from ninja import File, Form, Router, Schema, Status, UploadedFile

from operators.bearer import ApiRequest
from operators.models import Role
from sessions.access import get_portrait_for, get_profile_for
from sessions.actions import portraits as actions
from sessions.api.catalogue import ProfileOut
from sessions.forms.portraits import PortraitForm
from sessions.models import Portrait
from sessions.portraits.words import reason_of

router = Router(tags=["profiles and modes"])


class PortraitOut(Schema):
    """`status`: waiting, preparing, prepared, refused, failed; from the latter two `reason` says why. `share` is done, 0 to 1.

    `clip` is the state of the film in which it speaks: none, waiting, making, made, failed.
    """

    code: UUID
    name: str
    status: str
    share: float
    reason: str
    refusal: str
    clip: str
    consent_by: str
    face_height_px: int | None
    own_background: bool

    @classmethod
    def of(cls, portrait: Portrait) -> "PortraitOut":
        copied = ("code", "name", "status", "share", "refusal", "consent_by", "face_height_px", "own_background")
        fields = {name: getattr(portrait, name) for name in copied}
        return cls(reason=reason_of(portrait), clip=portrait.clip_status, **fields)


@router.get("profiles/{uuid:code}/portraits", response=list[PortraitOut])
def list_portraits(request: ApiRequest, code: UUID) -> list[PortraitOut]:
    profile = get_profile_for(request.auth, code, Role.OPERATOR)
    return [PortraitOut.of(portrait) for portrait in profile.portraits.all()]


@router.post("profiles/{uuid:code}/portraits", response={201: PortraitOut})
def add_portrait(
    request: ApiRequest,
    code: UUID,
    picture: Annotated[UploadedFile, File()],
    consent: Annotated[bool, Form()],
    name: Annotated[str, Form()] = "",
    crop: Annotated[str, Form()] = "",
) -> Status[PortraitOut]:
    """A picture to be prepared: JPEG, PNG or WebP. `consent`: the person in it agrees to be shown as a talking avatar.

    `crop` is the part that counts: left, top, right and bottom as shares of the picture, with commas between them.
    """
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    form = PortraitForm({"name": name, "crop": crop, "consent": "on" if consent else ""}, {"picture": picture})
    if not form.is_valid():
        raise ValidationError({field: [str(error) for error in errors] for field, errors in form.errors.items()})
    return Status(201, PortraitOut.of(actions.upload_portrait(profile, **form.order(), by=actor.label)))


@router.post("profiles/{uuid:code}/portraits/{uuid:portrait}/use", response=ProfileOut)
def wear_portrait(request: ApiRequest, code: UUID, portrait: UUID) -> ProfileOut:
    """A new version of the profile, which wears it; sessions that run keep the one that they started with."""
    actor = request.auth
    actions.use_portrait(get_portrait_for(actor, code, portrait), by=actor.label)
    return ProfileOut.of(get_profile_for(actor, code))


@router.delete("profiles/{uuid:code}/portraits/{uuid:portrait}", response={204: None})
def remove_portrait(request: ApiRequest, code: UUID, portrait: UUID) -> Status[None]:
    """Its picture and all that was made of it go too. Not while a profile wears it or a session shows it."""
    actions.remove_portrait(get_portrait_for(request.auth, code, portrait))
    return Status(204, None)
