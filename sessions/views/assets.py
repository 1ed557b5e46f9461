"""Files for avatar hosts, by signed address."""

import re

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from sessions.assets import AssetRefused, check_address, path_of

SHA256 = re.compile(r"[0-9a-f]{64}")


@login_not_required
@require_safe
def asset(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """One asset, to whoever holds an address of it that we signed."""
    if not SHA256.fullmatch(sha256):
        raise Http404
    try:
        check_address(sha256, request.GET.get("good_until", ""), request.GET.get("signature", ""))
    except AssetRefused as refusal:
        return HttpResponse(str(refusal), content_type="text/plain; charset=utf-8", status=refusal.status)
    try:
        file = path_of(sha256).open("rb")
    except OSError as error:
        raise Http404 from error
    response = FileResponse(file, content_type="application/octet-stream")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
