"""What a vendor answers to a plugin's calls. The plugins themselves tell little of it: bitHuman's not even the status."""

import asyncio
import email.utils
import time
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from agent.avatars import AvatarLostError
from protocol.providers import LossCode

_LONGEST_TEXT: Final = 200
_LONGEST_WAIT_S: Final = 3_600.0  # that a vendor can ask for
_CODES: Final = {
    401: LossCode.UNAUTHORIZED,
    402: LossCode.PAYMENT_REQUIRED,
    403: LossCode.FORBIDDEN,
    429: LossCode.RATE_LIMITED,
}


class VendorCalls:
    """An HTTP session for one start of an avatar, which remembers the last answer."""

    def __init__(self, vendor: str, api_url: str, secret: str) -> None:
        self._vendor = vendor
        self._secret = secret
        self._status: int | None = None
        self._retry_after: str | None = None
        self._text = b""
        self._is_asked = False
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_start)
        trace.on_request_end.append(self._on_end)
        trace.on_response_chunk_received.append(self._on_text)
        # a proxy of the environment is for the way out, not for this machine
        is_here = urlsplit(api_url).hostname in ("127.0.0.1", "localhost", "::1")
        self.session = aiohttp.ClientSession(trace_configs=[trace], trust_env=not is_here)

    def failure(self, error: BaseException) -> AvatarLostError:
        """What an exception of the plugin comes down to."""
        status = self._status
        if status is not None and status >= 400:
            code = _CODES.get(status, LossCode.PROVIDER_ERROR if status >= 500 else LossCode.REFUSED)
            sentence = f"{self._vendor} refused the start with HTTP {status}{self._said()}"
            return AvatarLostError(code, sentence, retry_after_s=_seconds(self._retry_after))
        if isinstance(error, TimeoutError) and status is None and self._is_asked:
            return AvatarLostError(LossCode.NO_ANSWER, f"{self._vendor} took the request and did not answer in time.")
        if status is None:
            reason = error.__cause__ or error
            name = type(reason).__name__
            return AvatarLostError(LossCode.UNREACHABLE, f"{self._vendor} could not be reached ({name}).")
        return AvatarLostError(
            LossCode.PROVIDER_ERROR,
            f"{self._vendor} answered HTTP {status}, but nothing useful ({type(error).__name__}).",
        )

    async def aclose(self) -> None:
        await self.session.close()
        await asyncio.sleep(0)  # lets the connections close

    def _said(self) -> str:
        """The vendor's own words, without what it may repeat of ours."""
        text = " ".join(self._text.decode(errors="replace").split())
        for secret in filter(None, (self._secret,)):
            text = text.replace(secret, "…")
        return f": {text[:_LONGEST_TEXT]}" if text else "."

    async def _on_start(self, *_: Any) -> None:
        self._is_asked, self._status, self._retry_after, self._text = True, None, None, b""

    async def _on_end(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        self._status, self._retry_after = ended.response.status, ended.response.headers.get("Retry-After")

    async def _on_text(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, received: aiohttp.TraceResponseChunkReceivedParams
    ) -> None:
        self._text = (self._text + received.chunk)[: 2 * _LONGEST_TEXT]


def _seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After: seconds, or a date."""
    if retry_after is None:
        return None
    try:
        wait_s = float(retry_after)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)
