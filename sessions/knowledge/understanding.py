"""What avatars know, made ready on this host ahead of the first question by the agent's own program, one at a time."""

import fcntl
import logging
from pathlib import Path
from typing import Final

from django.conf import settings

from sessions.agent_programs import ProgramFailed, run_program
from sessions.models import AvatarProfile

logger = logging.getLogger(__name__)

LIMIT_S: Final = 1800


def understand_all() -> None:
    """Have all that profiles know now read, and their answers rehearsed. Where that is being done, whoever does it goes
    round once more."""
    wanted = Path(settings.HOME) / "understand.wanted"
    wanted.touch()
    while wanted.exists():
        with wanted.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            wanted.unlink(missing_ok=True)
            _understand_all()


def _understand_all() -> None:
    voices: dict[str, set[str]] = {}
    known = AvatarProfile.objects.filter(archived_at=None).exclude(current__knowledge="")
    for knowledge, voice in known.values_list("current__knowledge", "current__voice"):
        voices.setdefault(str(knowledge), set()).add(str(voice))
    for knowledge, speaking in sorted(voices.items()):
        _understand(knowledge, sorted(speaking))


def _understand(knowledge: str, voices: list[str]) -> None:
    try:
        run_program(
            "understand", knowledge, *(f"--voice={voice}" for voice in voices), told=lambda _: None, limit_s=LIMIT_S
        )
    except ProgramFailed as failed:
        logger.warning("a knowledge was not prepared: %s", failed)
