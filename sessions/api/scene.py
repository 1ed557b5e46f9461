"""A scene's own files: announced, sent in pieces, looked at; then a profile's `provider_settings` name them."""

from typing import Annotated, Literal
from uuid import UUID

from ninja import Router, Schema, Status
from pydantic import Field

from operators.bearer import ApiRequest
from operators.models import Role
from protocol.scene_files import PIECE_BYTES
from sessions.access import get_profile_for, get_upload_for
from sessions.actions.scene import announce_upload, order_check, receive_piece, remove_upload
from sessions.models import SceneUpload

router = Router(tags=["profiles and modes"])


class SceneFileIn(Schema):
    """A file that is about to come. `deck`: a PDF, of which each page becomes a slide."""

    kind: Literal["film", "slide", "logo", "deck"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    size_bytes: Annotated[int, Field(ge=0, le=2**62)]


class SlideOut(Schema):
    """A slide as `provider_settings` name it."""

    name: str
    sha256: str


class SceneFileOut(Schema):
    """`state`: arriving, waiting, checking, ready, refused (then `detail` says why). `sha256` is there once it is ready.

    A deck that is ready is its first slide from then on, and `pages` are the others in their order.
    """

    code: UUID
    kind: str
    name: str
    state: str
    detail: str
    size_bytes: int
    received_bytes: int
    piece_bytes: int = PIECE_BYTES
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None
    pages: list[SlideOut]

    @staticmethod
    def resolve_pages(upload: SceneUpload) -> list[SceneUpload]:
        return list(upload.pages.all())


@router.post("profiles/{uuid:code}/scene-files", response={201: SceneFileOut})
def announce_file(request: ApiRequest, code: UUID, body: SceneFileIn) -> Status[SceneUpload]:
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    return Status(201, announce_upload(profile, body.kind, body.name, body.size_bytes, by=actor.label))


@router.put("profiles/{uuid:code}/scene-files/{uuid:upload}", response=SceneFileOut)
def send_piece(request: ApiRequest, code: UUID, upload: UUID, offset: int) -> SceneUpload:
    """The next piece as the request's body, `piece_bytes` at most. 409 where another one is awaited."""
    return receive_piece(get_upload_for(request.auth, code, upload), offset, request)


@router.get("profiles/{uuid:code}/scene-files/{uuid:upload}", response=SceneFileOut)
def get_file(request: ApiRequest, code: UUID, upload: UUID) -> SceneUpload:
    found = get_upload_for(request.auth, code, upload)
    if found.is_stranded:
        order_check(found)
    return found


@router.delete("profiles/{uuid:code}/scene-files/{uuid:upload}", response={204: None})
def remove_file(request: ApiRequest, code: UUID, upload: UUID) -> Status[None]:
    """The file goes too, unless a version of a profile names it."""
    remove_upload(get_upload_for(request.auth, code, upload))
    return Status(204, None)
