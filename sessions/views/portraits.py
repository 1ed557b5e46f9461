"""Uploaded portraits of a profile: upload, watch them being prepared, hear them speak, wear one, remove one."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from operators.access import label_of
from operators.models import Role
from protocol.jobspec import DEFAULT_PRESENTER
from protocol.portraits import MOST_PICTURE_BYTES, MOST_PICTURE_PIXELS
from sessions import assets
from sessions.access import get_portrait_for, get_profile_for
from sessions.actions import portraits as actions
from sessions.forms.portraits import PortraitForm
from sessions.models import AvatarProfile, Portrait
from sessions.portraits.words import reason_of, stage_of
from sessions.views.byte_ranges import ranged
from sessions.views.refusals import says_why

FACE_KEPT_S = 300  # by a browser: a portrait that was removed is soon gone everywhere


def portraits_context(profile: AvatarProfile, **extra: Any) -> dict[str, Any]:
    """What the page and its list show."""
    worn = profile.current.portrait if profile.current else ""
    rows = [
        {
            "portrait": portrait,
            "is_worn": str(portrait.code) == worn,
            "stage": stage_of(portrait),
            "reason": reason_of(portrait),
        }
        for portrait in profile.portraits.all()
    ]
    return {
        "profile": profile,
        "rows": rows,
        "worn": Portrait.objects.filter(code=worn).first() if worn else None,  # a copied profile's is another's
        "form": PortraitForm(),
        "most_bytes": MOST_PICTURE_BYTES,
        "most_megapixels": MOST_PICTURE_PIXELS // 1_000_000,
        **extra,
    }


@says_why
def portraits(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The page, and the upload of a further picture."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    form = PortraitForm(request.POST, request.FILES) if request.method == "POST" else PortraitForm()
    if form.is_bound and form.is_valid():
        portrait = actions.upload_portrait(profile, **form.order(), by=label_of(request))
        return _list_after(request, profile, _("“%(name)s” is kept and being prepared.") % {"name": portrait})
    if form.is_bound and request.headers.get("HX-Request"):
        response = render(request, "sessions/fragments/portrait_refusal.html", {"form": form}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = "#portrait-refusal", "innerHTML"
        return response
    context = portraits_context(profile, form=form)
    return render(request, "sessions/portraits.html", context, status=422 if form.is_bound else 200)


@never_cache
@says_why
def portrait_list(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The list alone, fetched again when something changed."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    return render(request, "sessions/fragments/portraits.html", portraits_context(profile))


@require_POST
@says_why
def prepare_again(request: HttpRequest, code: uuid.UUID, portrait: uuid.UUID) -> HttpResponse:
    found = get_portrait_for(request.user, code, portrait)
    actions.prepare_again(found)
    return _list_after(request, found.profile, _("“%(name)s” is being prepared again.") % {"name": found})


@require_POST
@says_why
def speak(request: HttpRequest, code: uuid.UUID, portrait: uuid.UUID) -> HttpResponse:
    """Have the clip made anew: it says what the profile says now."""
    found = get_portrait_for(request.user, code, portrait)
    actions.order_clip(found)
    return _list_after(request, found.profile, _("“%(name)s” will speak in a moment.") % {"name": found})


@require_POST
@says_why
def use(request: HttpRequest, code: uuid.UUID, portrait: uuid.UUID) -> HttpResponse:
    """Wear it: a new version of the profile."""
    found = get_portrait_for(request.user, code, portrait)
    version = actions.use_portrait(found, by=label_of(request))
    messages.success(
        request,
        _("“%(profile)s” wears “%(name)s” from the next start on: version %(n)d.")
        % {"profile": version.name, "name": found, "n": version.number},
    )
    return redirect("sessions:portraits", code)


@require_POST
@says_why
def remove(request: HttpRequest, code: uuid.UUID, portrait: uuid.UUID) -> HttpResponse:
    found = get_portrait_for(request.user, code, portrait)
    actions.remove_portrait(found)
    return _list_after(
        request,
        found.profile,
        _("“%(name)s” is removed, with its picture and all that was made of it.") % {"name": found},
    )


@require_safe
@never_cache
def clip(request: HttpRequest, code: uuid.UUID, portrait: uuid.UUID) -> HttpResponse:
    """The film in which it speaks."""
    found = get_portrait_for(request.user, code, portrait)
    if not found.clip:
        raise Http404
    return ranged(request, _content(found.clip), "video/webm")


@login_not_required
@require_safe
def face(request: HttpRequest, portrait: uuid.UUID) -> HttpResponse:
    """The still of a prepared portrait, as visitors see it while they wait; the default face where it is gone.

    Never the picture that was uploaded. Whoever has the code was shown this face.
    """
    still = Portrait.objects.filter(code=portrait).values_list("still", flat=True).first()
    try:
        content = assets.read(still) if still else None
    except assets.AssetLost:
        content = None
    if content is None:
        return redirect(static(f"img/presenters/{DEFAULT_PRESENTER}.jpg"))
    response = HttpResponse(content, content_type="image/jpeg")
    response["Cache-Control"] = f"private, max-age={FACE_KEPT_S}"
    return response


def _content(sha256: str) -> bytes:
    try:
        return assets.read(sha256)
    except assets.AssetLost as lost:
        raise Http404 from lost


def _list_after(request: HttpRequest, profile: AvatarProfile, sentence: str) -> HttpResponse:
    """The list anew where htmx asked, else the page."""
    if not request.headers.get("HX-Request"):
        messages.success(request, sentence)
        return redirect(f"{reverse('sessions:portraits', args=[profile.code])}#portraits")
    return render(request, "sessions/fragments/portraits.html", portraits_context(profile, sentence=sentence))
