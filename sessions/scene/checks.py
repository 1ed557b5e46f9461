"""Films, slides and logos looked at by the agent's own program, on this machine."""

import logging
import shutil
from pathlib import Path
from typing import Final

import pydantic
from django.utils.translation import gettext as _

from protocol.scene_files import PreparedFile, SceneFileKind
from sessions.actions.scene import accept_deck, accept_upload, draft_path, note_progress, refuse_upload
from sessions.agent_programs import ProgramFailed, ProgramTooSlow, Said, run_program
from sessions.models import SceneUpload

logger = logging.getLogger(__name__)

LIMIT_S: Final = 6 * 3600  # 4K takes about as long as it plays
DECK_LIMIT_S: Final = 5 * 60


def check_upload(upload: SceneUpload) -> None:
    """Take the upload, or refuse it with a sentence."""

    def told(said: Said) -> None:
        if "share" in said:
            note_progress(upload, said["share"])

    source = draft_path(upload)
    target = source.with_suffix(".prepared")
    is_deck = upload.kind == SceneFileKind.DECK
    arguments = ["prepare-scene-file", upload.kind, str(source), str(target), "--name", upload.name]
    try:
        said = run_program(*arguments, told=told, limit_s=DECK_LIMIT_S if is_deck else LIMIT_S)
        if "refused" in said:
            refuse_upload(upload, _("Nothing was kept: %(reason)s") % {"reason": said["refused"]})
        elif is_deck:
            pages = [PreparedFile.model_validate(page) for page in said.get("pages", ())]
            accept_deck(upload, list(zip(pages, sorted(target.iterdir()), strict=True)))
        else:
            prepared = PreparedFile.model_validate(said.get("prepared"))
            accept_upload(upload, prepared, source if prepared.is_source else target)
    except ProgramTooSlow as error:
        logger.warning("a file for a scene was not prepared: %s", error)
        refuse_upload(
            upload, _("Nothing was kept: the file took too long to read. Export it simpler, or its pages as pictures.")
        )
    except (ProgramFailed, pydantic.ValidationError) as error:
        logger.warning("a file for a scene was not prepared: %s", error)
        refuse_upload(upload, _("Nothing was kept: the file could not be looked at. Export it anew, or try again."))
    except OSError as error:
        logger.warning("%s could not be kept: %s", upload, error)
        refuse_upload(upload, _("Nothing was kept: the server's disk refused the file (%(why)s).") % {"why": error})
    finally:
        _clear(target)


def _clear(target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target, ignore_errors=True)
    else:
        target.unlink(missing_ok=True)
