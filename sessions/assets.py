"""The control plane's side of assets: files named by what is in them, and the signed addresses that give them to avatar hosts."""

import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.translation import gettext as _

from protocol.assets import AssetRef, asset_path_parts
from sessions.errors import SessionError

_SALT: Final = "avatary.assets"


class AssetLost(SessionError):
    """A file that a row names is not there: the state folder was not brought along, or something was deleted from it."""

    code = "asset_lost"

    def __init__(self, sha256: str) -> None:
        super().__init__(
            _("A file that belongs here is lost (%(name)s in the assets folder). Bring it back from a backup.")
            % {"name": sha256[:12]}
        )


class AssetRefused(SessionError):
    """An address of an asset that opens nothing (any more)."""

    code = "asset_refused"
    status = 403

    def __init__(self) -> None:
        super().__init__(_("This address opens no file: it has expired or was changed."))


def keep(content: bytes) -> str:
    """Keep a file; its sha256. The same content again costs nothing."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of(sha256)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix="draft-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    return sha256


def keep_file(file: Path) -> str:
    """Keep a file of the state folder by moving it: it is read in chunks, and never whole. Its sha256."""
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        os.fsync(content.fileno())
    path = path_of(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.replace(path)
    return sha256


def path_of(sha256: str) -> Path:
    """Where an asset's file is, or would be."""
    return Path(settings.HOME).joinpath(*asset_path_parts(sha256))


def read(sha256: str) -> bytes:
    """The content of an asset. Raises `AssetLost`."""
    try:
        return path_of(sha256).read_bytes()
    except OSError as error:
        raise AssetLost(sha256) from error


def forget(sha256: str) -> None:
    """Delete an asset's file here; no row may name it any more."""
    path_of(sha256).unlink(missing_ok=True)


def reference(sha256: str, good_until: int) -> AssetRef:
    """An asset with an address that opens it until then (seconds since the epoch). Raises `AssetLost`."""
    try:
        size_bytes = path_of(sha256).stat().st_size
    except OSError as error:
        raise AssetLost(sha256) from error
    signature = Signer(salt=_SALT).signature(f"{sha256}:{good_until}")
    path = reverse("sessions:asset", args=[sha256])
    return AssetRef(
        sha256=sha256,
        size_bytes=size_bytes,
        url=f"{settings.PUBLIC_URL}{path}?good_until={good_until}&signature={signature}",
    )


def check_address(sha256: str, good_until: str, signature: str) -> None:
    """Raises `AssetRefused` unless we signed just this, and not too long ago."""
    try:
        Signer(salt=_SALT).unsign(f"{sha256}:{good_until}:{signature}")
    except BadSignature as error:
        raise AssetRefused from error
    if int(good_until) < time.time():
        raise AssetRefused
