"""Files for avatar hosts, by signed address, whole or in pieces."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, Final

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from protocol.assets import ASSET_PIECE_BYTES
from sessions.assets import AssetRefused, check_address, path_of

SHA256 = re.compile(r"[0-9a-f]{64}")
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})?")
CHUNK_BYTES: Final = 256 * 1024
OCTETS: Final = "application/octet-stream"


@login_not_required
@require_safe
def asset(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """One asset, or a range of it, to whoever holds an address of it that we signed.

    No answer holds more than a piece in memory: hosts ask for long files by ranges.
    """
    if not SHA256.fullmatch(sha256):
        raise Http404
    try:
        check_address(sha256, request.GET.get("good_until", ""), request.GET.get("signature", ""))
    except AssetRefused as refusal:
        return HttpResponse(str(refusal), content_type="text/plain; charset=utf-8", status=refusal.status)
    path = path_of(sha256)
    try:
        size_bytes = path.stat().st_size
        wanted = RANGE.fullmatch(request.headers.get("Range", ""))
        response = _piece(path, size_bytes, wanted) if wanted else _whole(path, size_bytes)
    except OSError as error:
        raise Http404 from error
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def _piece(path: Path, size_bytes: int, wanted: re.Match[str]) -> HttpResponse:
    """At most a piece, from where it was asked for: the answer may be shorter than the range, as HTTP has it."""
    first = int(wanted[1])
    last = min(int(wanted[2] or size_bytes), size_bytes - 1, first + ASSET_PIECE_BYTES - 1)
    if first >= size_bytes or last < first:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size_bytes}"})
    with path.open("rb") as file:
        file.seek(first)
        content = file.read(last - first + 1)
    headers = {"Content-Range": f"bytes {first}-{first + len(content) - 1}/{size_bytes}"}
    return HttpResponse(content, content_type=OCTETS, status=206, headers=headers)


def _whole(path: Path, size_bytes: int) -> HttpResponseBase:
    if size_bytes <= ASSET_PIECE_BYTES:
        return FileResponse(path.open("rb"), content_type=OCTETS)
    response = StreamingHttpResponse(_chunks(path.open("rb")), content_type=OCTETS)
    response["Content-Length"] = str(size_bytes)
    return response


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """A plain file's iterator would be read to its end before the first byte is sent (Django under ASGI)."""
    with file:
        while chunk := await sync_to_async(file.read, thread_sensitive=False)(CHUNK_BYTES):
            yield chunk
