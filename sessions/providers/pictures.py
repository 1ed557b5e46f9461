"""Pictures that a hosted avatar is made of, looked at before anything is kept. A job hands them to the vendor as they are."""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from protocol.portraits import MOST_PICTURE_PIXELS
from sessions.portraits.upload import LEAST_SIDE_PX, NotAPicture, TooManyPixels, size_of

KINDS: Final = ("JPEG", "PNG")  # what bitHuman takes, up to this size
MOST_BYTES: Final = 10 * 1024**2


def provider_picture_of(upload: "UploadedFile[Any]") -> bytes:
    """The bytes of an uploaded picture. Raises `ValidationError` with a sentence for what no vendor would take."""
    if (upload.size or 0) > MOST_BYTES:
        size, most = filesizeformat(upload.size or 0), filesizeformat(MOST_BYTES)
        raise ValidationError(
            _("This file has %(size)s, and bitHuman takes %(most)s. Save it smaller, then choose it again.")
            % {"size": size, "most": most}
        )
    content = bytes(upload.read())
    try:
        width, height = size_of(content, KINDS)
    except TooManyPixels:
        raise ValidationError(
            _("Unpacked, this picture would be huge. Choose one of at most %(n)d megapixels.")
            % {"n": MOST_PICTURE_PIXELS // 1_000_000}
        ) from None
    except NotAPicture:
        raise ValidationError(_("This is no picture that can be read. Choose a JPEG or PNG file.")) from None
    if min(width, height) < LEAST_SIDE_PX:
        raise ValidationError(
            _("This picture is %(width)d by %(height)d pixels, too small for a face. Choose a larger one.")
            % {"width": width, "height": height}
        )
    return content
