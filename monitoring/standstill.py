"""Why events are not written right now. It stands in the cache: a database that takes no writes can't tell it."""

from contextlib import suppress
from typing import Final

from django.core.cache import cache
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

KEY: Final = "monitoring.standstill"
FRESH_FOR_S: Final = 10  # the ingester tries again every two seconds, and says so again
OF_A_FULL_DISK: Final = ("disk is full", "No space left")


def tell(error: Exception) -> None:
    """The database refuses what is to be written."""
    is_full = any(words in str(error) for words in OF_A_FULL_DISK)
    with suppress(RedisError, OSError):
        cache.set(KEY, "full" if is_full else "away", FRESH_FOR_S)


def over() -> None:
    """It is written again."""
    with suppress(RedisError, OSError):
        cache.delete(KEY)


def sentences() -> tuple[str, str] | None:
    """What happens and what to do, for a banner; None while events are written."""
    try:
        why = cache.get(KEY)
    except (RedisError, OSError):  # then nothing can be known, and the page itself is not to fail
        return None
    if why is None:
        return None
    kept = _(
        "Events wait in Redis meanwhile and are written by themselves then; what stands in the database is unharmed."
    )
    if why == "full":
        return _("The disk of the database is full: these pages stand still."), _("Free space there.") + " " + kept
    return _("The database takes no writes: these pages stand still."), _("See log/monitor.log.") + " " + kept
