"""Sign-in tries: so many a while for one user name from one address."""

from typing import Final

from django.core.cache import cache
from django.http import HttpRequest

from operators.models import hash_secret

MAX_TRIES: Final = 10
WINDOW_S: Final = 15 * 60


def _key(request: HttpRequest, username: str) -> str:
    # Hashed: a user name may hold anything, a cache key may not.
    return "sign-in:" + hash_secret(f"{request.META.get('REMOTE_ADDR', '')}\n{username.casefold()[:200]}")


def count_try(request: HttpRequest, username: str) -> bool:
    """Count one try; False where there were too many already."""
    key = _key(request, username)
    cache.add(key, 0, WINDOW_S)
    try:
        return cache.incr(key) <= MAX_TRIES
    except ValueError:  # the window ended between the two calls
        return True


def forget_tries(request: HttpRequest, username: str) -> None:
    """After a sign-in that worked."""
    cache.delete(_key(request, username))
