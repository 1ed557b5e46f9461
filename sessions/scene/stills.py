"""Stills of scenes for pages: each order is drawn once by the agent's own program, and kept for a while by what it shows."""

import hashlib
import logging
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

from protocol.avatar import SceneOrder
from sessions.actions.lifecycle import enqueue

logger = logging.getLogger(__name__)

LIMIT_S: Final = 60
KEPT_S: Final = 7 * 24 * 3600


class Still(NamedTuple):
    """`picture` is None while it is not drawn; `failed` where it won't be."""

    key: str
    picture: Path | None
    failed: bool


def order_still(order: SceneOrder) -> Still:
    """The still of an order; it is drawn on this host's queue where it is not there yet."""
    from sessions.tasks import draw_scene

    text = order.model_dump_json()
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    still = find_still(key)
    if still.picture is None and not _is_ordered(key):
        _folder().mkdir(parents=True, exist_ok=True)
        _clear_old()
        _file(key, "failed").unlink(missing_ok=True)
        _file(key, "json").write_text(text)
        enqueue(draw_scene, key, queue=f"host.{settings.HOST_NAME}")
        return Still(key, None, failed=False)
    return still


def _is_ordered(key: str) -> bool:
    """Whether somebody asked for it a moment ago."""
    try:
        return time.time() - _file(key, "json").stat().st_mtime < LIMIT_S
    except OSError:
        return False


def find_still(key: str) -> Still:
    """What there is of a still."""
    picture = _file(key, "jpg")
    return Still(key, picture if picture.is_file() else None, _file(key, "failed").exists())


def draw(key: str) -> None:
    """Draw a still that was ordered; drawn already, it costs nothing."""
    order, target = _file(key, "json"), _file(key, "jpg")
    if target.exists() or not order.exists():
        return
    draft = _file(key, f"draft-{uuid.uuid4().hex}")  # it may be drawn twice at once
    try:
        result: subprocess.CompletedProcess[Any] = subprocess.run(  # noqa: S603 (a path of ours)
            [sys.executable, "-m", "agent", "draw-scene", str(draft)],
            cwd=settings.BASE_DIR,
            input=order.read_text(),
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if result.returncode:
            logger.warning("a scene was not drawn: %s", result.stderr.strip()[-500:])
            _file(key, "failed").touch()
        else:
            draft.replace(target)
    except subprocess.TimeoutExpired:
        logger.warning("a scene was not drawn within %d s", LIMIT_S)
        _file(key, "failed").touch()
    finally:
        order.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)


def forget_stills() -> None:
    """Delete all stills, for somebody is no longer to be seen; those that are wanted are drawn again."""
    if _folder().is_dir():
        for file in _folder().iterdir():
            file.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(settings.HOME) / "stills"


def _file(key: str, kind: str) -> Path:
    return _folder() / f"{key}.{kind}"


def _clear_old() -> None:
    for file in _folder().iterdir():
        if file.stat().st_mtime < time.time() - KEPT_S:
            file.unlink(missing_ok=True)
