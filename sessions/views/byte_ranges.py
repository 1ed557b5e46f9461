"""Parts of a file: browsers ask for them to play a film again from its start, or from somewhere in it."""

import re
from typing import Final

from django.http import HttpRequest, HttpResponse

RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def ranged(request: HttpRequest, content: bytes, content_type: str) -> HttpResponse:
    """All of the content, or the one part that was asked for; a range that makes no sense is answered with all."""
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or not (asked[1] or asked[2]):
        response = HttpResponse(content, content_type=content_type)
        response["Accept-Ranges"] = "bytes"
        return response
    size = len(content)
    start = int(asked[1]) if asked[1] else max(size - int(asked[2]), 0)
    end = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
    if start > end:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
        return response
    response = HttpResponse(content[start : end + 1], content_type=content_type, status=206)
    response["Accept-Ranges"] = "bytes"
    response["Content-Range"] = f"bytes {start}-{end}/{size}"
    return response
