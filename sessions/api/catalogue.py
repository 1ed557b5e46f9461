"""Profiles and modes."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import pydantic
from django.core.exceptions import ValidationError
from ninja import File, Router, Schema, Status, UploadedFile
from pydantic import Field, JsonValue

from operators.bearer import ApiRequest
from operators.models import Role
from protocol.jobspec import MAX_GREETING_CHARS, MAX_PERSONA_CHARS, Language
from protocol.modes import ModeSettings
from protocol.scene_files import SceneFile
from protocol.vendors import CheckResult
from sessions import assets
from sessions.access import get_mode_for, get_profile_for, modes_for, profiles_for
from sessions.actions.modes import archive_mode, copy_mode, edit_mode
from sessions.actions.preflights import order_preflight
from sessions.actions.profiles import archive_profile, create_profile, duplicate_profile, edit_profile
from sessions.models import AvatarProfile, DeploymentMode, Portrait, Preflight
from sessions.portraits.upload import name_of
from sessions.providers.pictures import provider_picture_of

router = Router(tags=["profiles and modes"])


class ProfileIn(Schema):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    greeting: Annotated[str, Field(min_length=1, max_length=MAX_GREETING_CHARS)]
    tagline: Annotated[str, Field(max_length=160)] = ""
    persona: Annotated[str, Field(max_length=MAX_PERSONA_CHARS)] = ""
    language: Language = "en"
    voice: Annotated[str, Field(max_length=80)] = "heart"
    provider: str = "builtin"
    provider_settings: dict[str, JsonValue] | None = None  # none: what was set up for the provider before
    fallback: str = (
        ""  # provider that takes over from one that fails for good; empty: the still picture, with the voice
    )
    other_settings: dict[str, dict[str, JsonValue]] = {}  # of providers that are not chosen; what is not named is kept


class WornPortrait(Schema):
    """An uploaded face; `provider_settings.portrait` names it by its code."""

    code: UUID
    name: str


class ProfileOut(Schema):
    code: UUID
    version: int
    name: str
    tagline: str
    persona: str
    greeting: str
    language: str
    voice: str
    provider: str
    provider_settings: dict[str, Any]
    fallback: str
    other_settings: dict[str, dict[str, Any]]
    portrait: WornPortrait | None  # none: a drawn face is worn
    archived: bool

    @classmethod
    def of(cls, profile: AvatarProfile) -> "ProfileOut":
        version = profile.current
        assert version is not None, "a profile is written together with its first version"  # noqa: S101
        fields = {name: getattr(version, name) for name in ProfileIn.model_fields}
        worn = Portrait.objects.filter(code=version.portrait).first() if version.portrait else None
        return cls(
            code=profile.code,
            version=version.number,
            portrait=WornPortrait(code=worn.code, name=worn.name) if worn else None,
            archived=profile.archived_at is not None,
            **fields,
        )


class PreflightOut(Schema):
    """`state`: running, then passed, warned, failed or unanswered; `results` once it is answered."""

    code: UUID
    version: int
    host: str
    state: str
    detail: str
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None
    results: list[CheckResult]

    @classmethod
    def of(cls, preflight: Preflight) -> "PreflightOut":
        names = ("code", "host", "state", "detail", "requested_by", "requested_at", "finished_at", "results")
        return cls(version=preflight.version.number, **{name: getattr(preflight, name) for name in names})


class ModeIn(Schema):
    """What is not named stays as it is."""

    description: Annotated[str, Field(max_length=200)] = ""
    settings: dict[str, JsonValue] = {}


class ModeOut(Schema):
    code: UUID
    slug: str
    version: int
    description: str
    is_built_in: bool
    settings: ModeSettings
    from_environment: dict[str, str]  # by setting: the variable that it comes from
    archived: bool

    @classmethod
    def of(cls, mode: DeploymentMode) -> "ModeOut":
        assert mode.current is not None, "a mode is written together with its first version"  # noqa: S101
        return cls(
            code=mode.code,
            slug=mode.slug,
            version=mode.current.number,
            description=mode.description,
            is_built_in=mode.is_built_in,
            settings=mode.current.settings,
            from_environment=mode.current.from_environment,
            archived=mode.archived_at is not None,
        )


def fields_of(body: ProfileIn) -> dict[str, Any]:
    """What `create_profile` and `edit_profile` take."""
    return {name: value for name, value in body.model_dump().items() if value is not None}


@router.get("profiles", response=list[ProfileOut])
def list_profiles(request: ApiRequest) -> list[ProfileOut]:
    return [ProfileOut.of(profile) for profile in profiles_for(request.auth)]


@router.post("profiles", response={201: ProfileOut})
def add_profile(request: ApiRequest, body: ProfileIn) -> Status[ProfileOut]:
    actor = request.auth
    profiles_for(actor, Role.OPERATOR)
    return Status(201, ProfileOut.of(create_profile(fields_of(body), by=actor.label)))


@router.get("profiles/{uuid:code}", response=ProfileOut)
def get_profile(request: ApiRequest, code: UUID) -> ProfileOut:
    return ProfileOut.of(get_profile_for(request.auth, code))


@router.put("profiles/{uuid:code}", response=ProfileOut)
def change_profile(request: ApiRequest, code: UUID, body: ProfileIn) -> ProfileOut:
    """A new version; sessions that run keep the one that they started with."""
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    edit_profile(profile, fields_of(body), by=actor.label)
    return ProfileOut.of(profile)


@router.post("profiles/{uuid:code}/duplicate", response={201: ProfileOut})
def copy_profile(request: ApiRequest, code: UUID) -> Status[ProfileOut]:
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    return Status(201, ProfileOut.of(duplicate_profile(profile, by=actor.label)))


@router.delete("profiles/{uuid:code}", response={204: None})
def remove_profile(request: ApiRequest, code: UUID) -> Status[None]:
    """Archive: sessions and reports keep their version."""
    archive_profile(get_profile_for(request.auth, code, Role.OPERATOR))
    return Status(204, None)


@router.post("provider-pictures", response={201: SceneFile})
def add_provider_picture(request: ApiRequest, picture: Annotated[UploadedFile, File()]) -> Status[SceneFile]:
    """A JPEG or PNG of one face for bitHuman; what is answered is the `image` of a profile's `provider_settings`."""
    profiles_for(request.auth, Role.OPERATOR)
    return Status(201, SceneFile(name=name_of(picture), sha256=assets.keep(provider_picture_of(picture))))


@router.post("profiles/{uuid:code}/preflight", response={202: PreflightOut})
def check_profile(request: ApiRequest, code: UUID, host: str = "") -> Status[PreflightOut]:
    """Have a host (the usual one, unless another is named) ask the profile's vendors whether it could start now. Starts nothing;
    the answer is there with GET."""
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    return Status(202, PreflightOut.of(order_preflight(profile, by=actor.label, host=host)))


@router.get("profiles/{uuid:code}/preflight", response=list[PreflightOut])
def list_checks(request: ApiRequest, code: UUID) -> list[PreflightOut]:
    """The last checks, the newest first."""
    profile = get_profile_for(request.auth, code)
    return [PreflightOut.of(each) for each in profile.preflights.select_related("version")]


@router.get("modes", response=list[ModeOut])
def list_modes(request: ApiRequest) -> list[ModeOut]:
    return [ModeOut.of(mode) for mode in modes_for(request.auth)]


@router.get("modes/{slug:slug}", response=ModeOut)
def get_mode(request: ApiRequest, slug: str) -> ModeOut:
    return ModeOut.of(get_mode_for(request.auth, slug))


@router.post("modes/{slug:slug}/copy", response={201: ModeOut})
def duplicate_mode(request: ApiRequest, slug: str, name: str = "") -> Status[ModeOut]:
    """A mode of its own, to change; `name` becomes its slug."""
    actor = request.auth
    return Status(201, ModeOut.of(copy_mode(get_mode_for(actor, slug, Role.OPERATOR), by=actor.label, slug=name)))


@router.put("modes/{slug:slug}", response=ModeOut)
def change_mode(request: ApiRequest, slug: str, body: ModeIn) -> ModeOut:
    """A new version of a copied mode. Sessions on air keep theirs until they are switched to the mode again."""
    actor = request.auth
    mode = get_mode_for(actor, slug, Role.OPERATOR)
    known = mode.current.settings.model_dump() if mode.current else {}
    try:
        edit_mode(mode, {**known, **body.settings}, by=actor.label, description=body.description)
    except pydantic.ValidationError as error:
        said = {str(each["loc"][0]) if each["loc"] else "settings": each["msg"] for each in error.errors()}
        raise ValidationError(said) from None
    return ModeOut.of(get_mode_for(actor, slug))


@router.delete("modes/{slug:slug}", response={204: None})
def remove_mode(request: ApiRequest, slug: str) -> Status[None]:
    """Archive a copied mode: sessions and reports keep their version."""
    archive_mode(get_mode_for(request.auth, slug, Role.OPERATOR))
    return Status(204, None)
