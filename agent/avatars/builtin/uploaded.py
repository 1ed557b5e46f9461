"""The file of an uploaded portrait, on this host in time or not at all."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.assets import AssetStore, AssetUnavailable
from protocol.assets import AssetRef

_LIMIT_S: Final = 5.0  # visitors wait for the first picture meanwhile


async def portrait_file(
    ref: AssetRef | None, store: AssetStore, warn: Callable[[str], None], *, stand_in: str
) -> Path | None:
    """The prepared portrait; none where it can't be had: then `warn` is told who stands in, and why."""
    reason = "It was removed."
    if ref is not None:
        try:
            async with asyncio.timeout(_LIMIT_S):
                return await store.get(ref)
        except AssetUnavailable as error:
            reason = str(error)
        except TimeoutError:
            reason = f"It did not come within {_LIMIT_S:.0f} s."
    warn(f"The uploaded portrait can't be shown; {stand_in!r} stands in. {reason}")
    return None
