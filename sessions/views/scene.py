"""The scene of a profile: what plays on its TV, its logo, and a still of it."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from pydantic import ValidationError as Malformed

from operators.access import label_of
from operators.models import Role
from operators.templatetags.roles import may
from protocol.avatar import TvProgramme
from protocol.scene_files import MOST_BYTES, MOST_FILM_S, MOST_SLIDES, PIECE_BYTES, SceneFile, SceneFileKind
from sessions.access import get_profile_for, get_upload_for
from sessions.actions import scene as actions
from sessions.assets import path_of
from sessions.errors import PieceOutOfPlace, UploadRefused
from sessions.forms.scene import SceneForm
from sessions.models import AvatarProfile, SceneUpload
from sessions.models.profiles import Provider
from sessions.scene.stills import Still, find_still, order_still
from sessions.views.refusals import says_why

KEY = re.compile(r"[0-9a-f]{32}")
ITEMS: Final = "sessions/fragments/scene_files.html"
ACCEPTED: Final = {
    SceneFileKind.FILM: "video/*,.mp4,.mov,.webm,.mkv,.avi,.mpg",
    SceneFileKind.SLIDE: "image/jpeg,image/png,image/webp,application/pdf,.pdf",
    SceneFileKind.DECK: "application/pdf,.pdf",
    SceneFileKind.LOGO: "image/png,image/webp,image/jpeg",
}


@dataclass(frozen=True)
class Item:
    """A file's place on the page. `file` is None while it is no asset, `upload` where it came with another profile."""

    kind: str
    file: SceneFile | None
    upload: SceneUpload | None
    is_kept: bool = False  # the current version names it

    @property
    def name(self) -> str:
        return self.file.name if self.file else self.upload.name if self.upload else ""

    @classmethod
    def of(cls, upload: SceneUpload) -> "Item":
        is_ready = upload.state == SceneUpload.State.READY
        return cls(upload.kind, upload.as_scene_file() if is_ready else None, upload)


@says_why
def scene(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Look at the scene of a profile, or change it: a change is a new version."""
    profile = _profile(request, code, Role.OPERATOR if request.method == "POST" else Role.VIEWER)
    form = _form(request, profile)
    if form.is_bound and form.is_valid():
        version = actions.keep_scene(profile, form.changes(), by=label_of(request))
        actions.clear_unused(profile, by=label_of(request))
        messages.success(request, _("Kept as version %(n)d. The next start uses it.") % {"n": version.number})
        return redirect("sessions:scene", profile.code)
    context = {
        "profile": profile,
        "form": form,
        "headline": _headline(form),
        "films": _items(SceneFileKind.FILM, [form.film], profile, form),
        "slides": _items(SceneFileKind.SLIDE, form.slides, profile, form),
        "logos": _items(SceneFileKind.LOGO, [form.logo], profile, form),
        "limits": _limits(),
        "most_slides": MOST_SLIDES,
        "most_film_h": MOST_FILM_S // 3600,
        "piece_bytes": PIECE_BYTES,
        "has_tv": _has_tv(form),
    }
    return render(request, "sessions/scene.html", context, status=422 if form.is_bound else 200)


@require_POST
@says_why
def announce(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """A file is about to come: its place on the page, or why it won't be taken."""
    profile = _profile(request, code, Role.OPERATOR)
    try:
        kind, size_bytes = SceneFileKind(request.POST.get("kind", "")), int(request.POST.get("size_bytes", ""))
    except ValueError as error:
        raise Http404 from error
    name = request.POST.get("name", "")
    upload = actions.announce_upload(profile, kind, name, size_bytes, by=label_of(request))
    return _places(request, upload, status=201)


@require_http_methods(["PUT"])
def piece(request: HttpRequest, code: uuid.UUID, upload: uuid.UUID) -> HttpResponse:
    """One piece of a file. Answers how much is here now, also where another piece was awaited."""
    found = get_upload_for(request.user, code, upload)
    try:
        offset = int(request.GET.get("offset", ""))
        found = actions.receive_piece(found, offset, request)
    except ValueError as error:
        raise Http404 from error
    except PieceOutOfPlace as refusal:
        return JsonResponse({"received_bytes": refusal.received_bytes}, status=refusal.status)
    except UploadRefused as refusal:
        actions.refuse_upload(found, str(refusal))
        return JsonResponse({"refused": str(refusal)}, status=refusal.status)
    return JsonResponse({"received_bytes": found.received_bytes})


@require_safe
@says_why
def upload(request: HttpRequest, code: uuid.UUID, upload: uuid.UUID) -> HttpResponse:
    """A file's place on the page, as it is now; places where a PDF has become its slides."""
    found = get_upload_for(request.user, code, upload)
    if found.is_stranded:
        actions.order_check(found)
    return _places(request, found, *found.pages.all())


@require_POST
@says_why
def remove(request: HttpRequest, code: uuid.UUID, upload: uuid.UUID) -> HttpResponse:
    """Take an uploaded file away."""
    actions.remove_upload(get_upload_for(request.user, code, upload))
    return HttpResponse()


@require_POST
@says_why
def order(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The still of what the form says now, or what stands in for it while it is drawn, with its headline."""
    profile = _profile(request, code, Role.VIEWER)
    form = SceneForm(request.POST, current=actions.settings_of(profile), files=actions.files_of(profile))
    if not form.is_valid():
        return HttpResponse(status=204)
    try:
        wanted = actions.order_with(profile, form.changes())
    except Malformed:
        return HttpResponse(status=204)
    return _still(request, profile, order_still(wanted), _headline(form))


@require_safe
@says_why
def still(request: HttpRequest, code: uuid.UUID, key: str) -> HttpResponse:
    """The same, asked again."""
    profile = _profile(request, code, Role.VIEWER)
    if not KEY.fullmatch(key):
        raise Http404
    return _still(request, profile, find_still(key))


@require_safe
def still_picture(request: HttpRequest, code: uuid.UUID, key: str) -> HttpResponseBase:
    _profile(request, code, Role.VIEWER)
    found = find_still(key) if KEY.fullmatch(key) else None
    if found is None or found.picture is None:
        raise Http404
    return _image(found.picture, "image/jpeg")


@require_safe
def picture(request: HttpRequest, code: uuid.UUID, sha256: str) -> HttpResponseBase:
    """A slide or the logo of the profile."""
    profile = _profile(request, code, Role.VIEWER)
    current = actions.settings_of(profile)
    kept = {file.sha256 for file in current.slides}
    kinds = {SceneFileKind.SLIDE.value: "image/jpeg", SceneFileKind.LOGO.value: "image/png"}
    if current.logo and current.logo.sha256 == sha256:
        kind = kinds[SceneFileKind.LOGO.value]
    elif sha256 in kept:
        kind = kinds[SceneFileKind.SLIDE.value]
    else:
        uploads = SceneUpload.objects.filter(profile=profile, sha256=sha256, state=SceneUpload.State.READY)
        found = uploads.filter(kind__in=kinds).first()
        if found is None:
            raise Http404
        kind = kinds[found.kind]
    return _image(path_of(sha256), kind)


def _profile(request: HttpRequest, code: uuid.UUID, role: Role) -> AvatarProfile:
    """A profile that has a scene."""
    profile = get_profile_for(request.user, code, role)
    if profile.current is None or profile.current.provider != Provider.BUILT_IN:
        raise Http404
    return profile


def _form(request: HttpRequest, profile: AvatarProfile) -> SceneForm:
    fixed = profile.archived_at is not None or not may(request.user, Role.OPERATOR)
    return SceneForm(
        request.POST if request.method == "POST" else None,
        current=actions.settings_of(profile),
        files=actions.files_of(profile),
        is_read_only=fixed,
    )


def _items(
    kind: SceneFileKind, files: Sequence[SceneFile | None], profile: AvatarProfile, form: SceneForm
) -> list[Item]:
    """The files that the form names, with what is known of each; and those that have come since the version was kept."""
    kinds = [kind, SceneFileKind.DECK] if kind == SceneFileKind.SLIDE else [kind]
    uploads = list(SceneUpload.objects.filter(profile=profile, kind__in=kinds))
    known = {upload.sha256: upload for upload in uploads if upload.sha256}
    kept = {file.sha256 for file in actions.settings_of(profile).files_named}
    named = [Item(kind.value, file, known.get(file.sha256), file.sha256 in kept) for file in files if file]
    if form.is_read_only:
        return named
    new = [Item.of(upload) for upload in uploads if upload.sha256 not in kept and _is_new(upload, profile, form)]
    if kind == SceneFileKind.SLIDE:
        return named + new
    ready = [item for item in named + new if item.file]  # the TV plays one film, and there is one logo: the latest
    return ready[-1:] + [item for item in new if not item.file]


def _is_new(upload: SceneUpload, profile: AvatarProfile, form: SceneForm) -> bool:
    """Whether it came after the current version, and the form that was just sent can't have meant to leave it out."""
    if upload.state == SceneUpload.State.ARRIVING:  # sent by another page, and shown there
        return False
    if upload.is_under_way:
        return True
    is_later = profile.current is None or upload.changed_at > profile.current.created_at
    return is_later and not (form.is_bound and upload.state == SceneUpload.State.READY)


def _headline(form: SceneForm) -> str:
    match form["tv"].value():
        case TvProgramme.NONE:
            return _("The TV is off.")
        case TvProgramme.FILM if form.film:
            return _("“%(name)s” plays on the TV.") % {"name": form.film.name}
        case TvProgramme.DECK if form.slides:
            n = len(form.slides)
            return ngettext(
                "%(n)d slide of yours stands on the TV.", "%(n)d slides of yours take turns on the TV.", n
            ) % {"n": n}
        case TvProgramme.SLIDES:
            return _("The demo museum’s slides take turns on the TV.")
        case TvProgramme.HARBOUR:
            return _("A film of a harbour plays on the TV.")
    return _("What shall play on the TV?")


def _has_tv(form: SceneForm) -> bool:
    """Whether the place that is chosen is one of ours: each of them has a TV, a presenter's own need not."""
    return bool(form["scene"].value())


def _limits() -> dict[str, dict[str, Any]]:
    return {kind.value: {"bytes": MOST_BYTES[kind], "accept": ACCEPTED[kind]} for kind in SceneFileKind}


def _places(request: HttpRequest, *uploads: SceneUpload, status: int = 200) -> HttpResponse:
    context = {"profile": uploads[0].profile, "items": [Item.of(upload) for upload in uploads]}
    return render(request, ITEMS, context, status=status)


def _still(request: HttpRequest, profile: AvatarProfile, still: Still, headline: str = "") -> HttpResponse:
    context = {"profile": profile, "still": still, "headline": headline}
    return render(request, "sessions/fragments/scene_still.html", context)


def _image(path: Path, kind: str) -> HttpResponseBase:
    try:
        response = FileResponse(path.open("rb"), content_type=kind)
    except OSError as error:
        raise Http404 from error
    response["Cache-Control"] = "private, max-age=604800, immutable"
    return response
