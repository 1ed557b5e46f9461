"""Sign-in tries: so many a while for one user name from one address."""

import contextlib
import logging
import unicodedata
from typing import Final

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from redis import RedisError

from operators.models import hash_secret

logger = logging.getLogger(__name__)

MAX_TRIES: Final = 10
WINDOW_S: Final = 15 * 60


def client_address(request: HttpRequest) -> str:
    """Where a request comes from: the peer, or who the nearest `settings.TRUSTED_PROXIES` proxies say that they speak for.

    Each proxy adds the address that it heard from at the end of X-Forwarded-For; what stands before those is anybody's claim.
    """
    named = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    trusted = min(settings.TRUSTED_PROXIES, len(named))
    return named[-trusted] if trusted else str(request.META.get("REMOTE_ADDR", ""))


def _key(request: HttpRequest, username: str) -> str:
    # As the form will read it, so that one name spelt in many ways has one count. The form reads no longer name than 150.
    name = unicodedata.normalize("NFKC", username.strip()[:200]).strip().casefold()
    # Hashed: a user name may hold anything, a cache key may not.
    return "sign-in:" + hash_secret(f"{client_address(request)}\n{name}")


def count_try(request: HttpRequest, username: str) -> bool:
    """Count one try; False where there were too many already."""
    key = _key(request, username)
    try:
        cache.add(key, 0, WINDOW_S)
        return cache.incr(key) <= MAX_TRIES
    except ValueError:  # the window ended between the two calls
        return True
    except RedisError:
        logger.warning("sign-in tries are not counted: Redis is away")  # an operator must get in just then
        return True


def forget_tries(request: HttpRequest, username: str) -> None:
    """After a sign-in that worked."""
    with contextlib.suppress(RedisError):  # the window ends by itself
        cache.delete(_key(request, username))
