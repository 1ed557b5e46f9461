"""Calls of a vendor's HTTP API: bounded in time and size, no redirect followed (it would carry the key elsewhere)."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from protocol.providers import BEY, BITHUMAN, TAVUS, VARIABLES

TIMEOUT_S: Final = 10.0
MOST_BYTES: Final = 2 * 1024**2
KEY_HEADERS: Final = {BITHUMAN: "api-secret", TAVUS: "x-api-key", BEY: "x-api-key"}
NAMES: Final = {BITHUMAN: "bitHuman", TAVUS: "Tavus", BEY: "Beyond Presence"}


class Unreachable(Exception):
    """The vendor did not answer. The message is a sentence without the key or the address."""


class Reply(NamedTuple):
    """`body` is the JSON object of the answer, empty where it is none."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300


class VendorApi:
    """One vendor, by this host's environment. `took_ms` has the time of each call that was answered."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.name = NAMES[provider]
        self.key = os.environ.get(VARIABLES[provider].key, "")
        self.base = base_of(provider)
        self.took_ms: list[float] = []

    def get(self, *path: str, query: str = "") -> Reply:
        return self._call("GET", path, query)

    def post(self, *path: str) -> Reply:
        """With an empty body. Raises `Unreachable`, as `get` does."""
        return self._call("POST", path, "")

    def _call(self, method: str, path: tuple[str, ...], query: str) -> Reply:
        url = "/".join([self.base, *(quote(part, safe="") for part in path)]) + (f"?{query}" if query else "")
        headers = {KEY_HEADERS[self.provider]: self.key, "Accept": "application/json", "User-Agent": "avatary"}
        request = urllib.request.Request(  # noqa: S310 (an address of the host's own environment, checked in base_of)
            url, method=method, headers=headers, data=b"" if method == "POST" else None
        )
        opener = _OWN_OPENER if urlsplit(self.base).hostname in _OWN else _OPENER
        began = time.perf_counter()
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                reply = Reply(answer.status, _json(answer.read(MOST_BYTES)))
        except urllib.error.HTTPError as error:
            with error:
                reply = Reply(error.code, _json(error.read(MOST_BYTES)))
        except TimeoutError:
            raise Unreachable(f"{self.name} did not answer within {TIMEOUT_S:g} s. Try again later.") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise Unreachable(f"{self.name} did not answer within {TIMEOUT_S:g} s. Try again later.") from None
            host = urlsplit(self.base).hostname
            raise Unreachable(f"{self.name} can’t be reached from this host at {host}: {_plain(reason)}.") from None
        self.took_ms.append((time.perf_counter() - began) * 1000)
        return reply


def base_of(provider: str) -> str:
    """Where a vendor's API begins, without a slash at the end. Raises `Unreachable` for what is no HTTP address."""
    variables = VARIABLES[provider]
    given = os.environ.get(variables.url) or variables.default_url
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Unreachable(
            f"{variables.url} on this host is no address that begins with https://. Correct or remove it."
        )
    path = parts.path.rstrip("/")
    if provider == BITHUMAN:  # the variable names the one call of a start
        path = path.partition("/v1/")[0]
        if parts.netloc == "auth.api.bithuman.ai":
            parts = parts._replace(netloc="api.bithuman.ai")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_NoRedirect)
# a proxy of the environment is for the way out, not for this machine
_OWN_OPENER: Final = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
_OWN: Final = ("127.0.0.1", "localhost", "::1")


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _plain(reason: object) -> str:
    return str(getattr(reason, "strerror", None) or reason)[:200]
