"""The host's own copies of assets: found in the state folder, else got from the web process and kept."""

import asyncio
import contextlib
import hashlib
import logging
import os
import tempfile
from pathlib import Path
from typing import Final

import aiohttp

from protocol.assets import ASSET_PIECE_BYTES, AssetRef, asset_path_parts

logger = logging.getLogger(__name__)

PIECE_TIMEOUT_S: Final = 30.0
CHUNK_BYTES: Final = 64 * 1024


class AssetUnavailable(Exception):
    """An asset is neither here nor to be had; the message is a sentence."""


class AssetStore:
    """Assets below a state folder. Several processes may use one folder: files appear whole, by renaming."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def path(self, sha256: str) -> Path:
        """Where the asset's file is, or would be."""
        return self._home.joinpath(*asset_path_parts(sha256))

    def find(self, sha256: str) -> Path | None:
        """The file of an asset that is here; None where it is not."""
        path = self.path(sha256)
        return path if path.is_file() else None

    async def get(self, ref: AssetRef) -> Path:
        """The asset's file, fetched where it is not here yet. Raises `AssetUnavailable`."""
        found = await asyncio.to_thread(self.find, ref.sha256)
        return found or await self._fetch(ref)

    async def get_all(self, refs: list[AssetRef]) -> list[Path]:
        """The files of several assets, in order. Raises `AssetUnavailable` for the first that cannot be had."""
        return [await self.get(ref) for ref in refs]

    async def _fetch(self, ref: AssetRef) -> Path:
        path = self.path(ref.sha256)
        draft = await asyncio.to_thread(_new_draft, path)
        try:
            digest = await self._download(ref, draft)
            if digest != ref.sha256:
                raise AssetUnavailable(f"The asset {ref.sha256[:12]} came with other content than it is named for.")
            await asyncio.to_thread(draft.replace, path)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AssetUnavailable(f"The asset {ref.sha256[:12]} could not be fetched: {error!r}.") from error
        except OSError as error:
            raise AssetUnavailable(f"The asset {ref.sha256[:12]} could not be kept: {error}.") from error
        finally:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(draft.unlink, missing_ok=True)
        logger.info("fetched the asset %s (%d bytes)", ref.sha256[:12], ref.size_bytes)
        return path

    async def _download(self, ref: AssetRef, draft: Path) -> str:
        """Writes the draft; returns the sha256 of what came. Never takes more than the reference says.

        Asks for a piece at a time, so that neither side holds a long film in memory, and a slow line has time for each.
        """
        digest, size = hashlib.sha256(), 0
        timeout = aiohttp.ClientTimeout(total=PIECE_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with draft.open("wb") as file:
                while True:
                    before = size
                    wanted = {"Range": f"bytes={size}-{size + ASSET_PIECE_BYTES - 1}"} if ref.size_bytes else {}
                    async with session.get(ref.url, headers=wanted) as response:
                        if response.status not in (200, 206):
                            raise AssetUnavailable(
                                f"The web process answered {response.status} for the asset {ref.sha256[:12]}."
                            )
                        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                            size += len(chunk)
                            if size > ref.size_bytes:
                                raise AssetUnavailable(f"The asset {ref.sha256[:12]} is larger than it was announced.")
                            digest.update(chunk)
                            await asyncio.to_thread(file.write, chunk)
                    if response.status == 200 or size in (before, ref.size_bytes):
                        return digest.hexdigest()


def _new_draft(path: Path) -> Path:
    """An empty file of our own beside the asset's place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix="draft-")
    except OSError as error:
        raise AssetUnavailable(f"The asset {path.name[:12]} could not be kept: {error}.") from error
    os.close(handle)
    return Path(name)
