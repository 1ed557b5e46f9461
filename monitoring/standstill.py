"""Why the database takes no writes right now, and the words for it.

The ingester tells it by the cache, since such a database can't. A disk that is full may hold Redis too, which then takes nothing
either: so the disk is looked at as well.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

KEY: Final = "monitoring.standstill"
FRESH_FOR_S: Final = 10  # the ingester tries again every two seconds, and says so again
LITTLE_ROOM_BYTES: Final = 64 * 1024  # SQLite writes whole pages and a log of them: with less, most writes fail
OF_A_FULL_DISK: Final = ("disk is full", "No space left", "could not extend file")
OF_A_MISTAKE: Final = ("no such table", "no such column")  # SQLite calls these operational too

Why = Literal["full", "away"]


def why(error: BaseException) -> Why | None:
    """What an `OperationalError` or `InterfaceError` tells of the database; None where it is a mistake of ours."""
    words = str(error)
    if any(of in words for of in OF_A_MISTAKE):
        return None
    return "full" if any(of in words for of in OF_A_FULL_DISK) or _is_full() else "away"


def tell(error: Exception) -> None:
    """The database refuses what is to be written."""
    with suppress(RedisError, OSError):
        cache.set(KEY, why(error), FRESH_FOR_S)


def over() -> None:
    """It is written again."""
    with suppress(RedisError, OSError):
        cache.delete(KEY)


def sentences() -> tuple[str, str] | None:
    """What happens and what to do, for a banner; None while events are written."""
    told = None
    with suppress(RedisError, OSError):  # nothing is told then, and the page itself is not to fail
        told = cache.get(KEY)
    if told is None and not _is_full():
        return None
    kept = _(
        "Events wait meanwhile, in Redis or where they arose, and are written by themselves then; what stands in the database "
        "is unharmed, and sessions on air go on."
    )
    if told == "away":
        return _("The database takes no writes: these pages stand still."), _("See log/monitor.log.") + " " + kept
    return _("The disk of the database is full: these pages stand still."), _("Free space there.") + " " + kept


def refusal(cause: Why) -> tuple[str, str]:
    """For who asked for something just now: what happened, then what was kept and what to do."""
    kept = _("What you did last was not kept; nothing else was changed, and sessions on air go on.")
    if cause == "full":
        return _("The disk of the database is full."), kept + " " + _("Free space there, then try again.")
    advice = _("Wait a moment and try again; the cause stands in log/web.log of the state folder.")
    return _("The database does not answer."), kept + " " + advice


def _is_full() -> bool:
    """Whether a database that is a file of ours has no room left to grow."""
    if connection.vendor != "sqlite":
        return False
    with suppress(OSError):
        disk = os.statvfs(Path(connection.settings_dict["NAME"]).parent)
        blocks = disk.f_bavail if os.geteuid() else disk.f_bfree  # root may write where others may not any more
        return blocks * disk.f_frsize < LITTLE_ROOM_BYTES
    return False
