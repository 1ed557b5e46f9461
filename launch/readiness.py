"""Asking the web process whether all is up: GET /readyz."""

import asyncio
import json
import time
import urllib.error
import urllib.request

from launch.console import say
from launch.state import LOOPBACK

ASK_EVERY_S = 0.3
ANSWER_WITHIN_S = 5.0
COMPLAIN_EVERY_S = 30.0


def _ask(url: str) -> str | None:
    """None when ready, else what is missing, in words."""
    try:
        # Under the name that Django always accepts, whatever public name the installation has.
        request = urllib.request.Request(url, headers={"Host": LOOPBACK})  # noqa: S310 - always http, our own address
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S):  # noqa: S310 - as above
            return None
    except urllib.error.HTTPError as answer:
        return f"{url} answers {answer.code}: {_shortened(answer.read(4_000))}"
    except (OSError, ValueError) as error:
        return f"{url} does not answer yet ({error})"


def _shortened(body: bytes) -> str:
    try:
        return json.dumps(json.loads(body))
    except ValueError:
        return body.decode("utf-8", "replace")[:300]


async def wait_until_ready(url: str) -> None:
    """Return once `url` answers 200. While it doesn't, say every half minute what is missing; never give up."""
    said = time.monotonic()
    while (missing := await asyncio.to_thread(_ask, url)) is not None:
        if time.monotonic() - said > COMPLAIN_EVERY_S:
            said = time.monotonic()
            say(f"Not ready yet: {missing}")
        await asyncio.sleep(ASK_EVERY_S)
