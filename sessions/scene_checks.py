"""Films, slides and logos looked at by the agent's own program, on this machine."""

import json
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any, Final

from django.conf import settings
from django.utils.translation import gettext as _

from protocol.scene_files import PreparedFile
from sessions.actions.scene import accept_upload, draft_path, note_progress, refuse_upload
from sessions.models import SceneUpload

logger = logging.getLogger(__name__)

LIMIT_S: Final = 6 * 3600  # 4K takes about as long as it plays


def check_upload(upload: SceneUpload) -> None:
    """Take the upload, or refuse it with a sentence."""
    source = draft_path(upload)
    target = source.with_suffix(".prepared")
    command = [sys.executable, "-m", "agent", "prepare-scene-file", upload.kind, str(source), str(target)]
    try:
        for said in _lines([*command, "--name", upload.name]):
            if "share" in said:
                note_progress(upload, said["share"])
            elif "refused" in said:
                refuse_upload(upload, _("Nothing was kept: %(reason)s") % {"reason": said["refused"]})
                return
            elif "prepared" in said:
                prepared = PreparedFile.model_validate(said["prepared"])
                accept_upload(upload, prepared, source if prepared.is_source else target)
                return
        refuse_upload(upload, _("Nothing was kept: the file could not be looked at. Export it anew, or try again."))
    except OSError as error:
        logger.warning("%s could not be kept: %s", upload, error)
        refuse_upload(upload, _("Nothing was kept: the server's disk refused the file (%(why)s).") % {"why": error})
    finally:
        target.unlink(missing_ok=True)


def _lines(command: list[str]) -> Iterator[dict[str, Any]]:
    """What the program says. It is ended when it takes too long, and when nobody listens any more."""
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(  # noqa: S603 (the name is one argument, after an option)
            command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as program,
    ):
        limit = threading.Timer(LIMIT_S, program.kill)
        limit.start()
        try:
            assert program.stdout is not None  # noqa: S101 (a pipe)
            for line in program.stdout:
                yield json.loads(line)
            if program.wait():
                logger.warning("a file for a scene was not prepared: %s", _said_in(complaints)[-500:])
        finally:
            limit.cancel()
            program.kill()


def _said_in(complaints: IO[str]) -> str:
    complaints.seek(0)
    return complaints.read().strip()
