"""Assets on an avatar host: found, fetched, or refused."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from agent.assets import AssetStore, AssetUnavailable
from protocol.assets import AssetRef

CONTENT = b"what the avatar knows"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
async def url(unused_tcp_port: int) -> AsyncIterator[str]:
    """A web process that gives the content at /good, other content at /other, a refusal at /expired."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/expired":
            return web.Response(status=403)
        return web.Response(body=CONTENT if request.path == "/good" else b"what somebody put there")

    app = web.Application()
    app.router.add_get("/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    yield f"http://127.0.0.1:{unused_tcp_port}"
    await runner.cleanup()


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def ref(url: str, size_bytes: int = len(CONTENT)) -> AssetRef:
    return AssetRef(sha256=SHA256, size_bytes=size_bytes, url=url)


async def test_an_asset_is_fetched_once_and_kept(tmp_path: Path, url: str) -> None:
    path = await AssetStore(tmp_path).get(ref(f"{url}/good"))
    assert path == tmp_path / "assets" / SHA256[:2] / SHA256
    assert path.read_bytes() == CONTENT
    assert await AssetStore(tmp_path).get(ref("http://127.0.0.1:9/gone")) == path


@pytest.mark.parametrize(
    ("name", "size_bytes", "why"),
    [
        ("other", 100, "other content"),
        ("good", 3, "larger than it was announced"),
        ("expired", 100, "answered 403"),
    ],
)
async def test_what_is_not_the_asset_is_not_kept(
    tmp_path: Path, url: str, name: str, size_bytes: int, why: str
) -> None:
    with pytest.raises(AssetUnavailable, match=why):
        await AssetStore(tmp_path).get(ref(f"{url}/{name}", size_bytes))
    assert not files_in(tmp_path)


async def test_a_web_process_that_is_away_is_said(tmp_path: Path, unused_tcp_port: int) -> None:
    with pytest.raises(AssetUnavailable, match="could not be fetched"):
        await AssetStore(tmp_path).get(ref(f"http://127.0.0.1:{unused_tcp_port}/good"))


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, url: str) -> None:
    (tmp_path / "assets").write_text("a file where the folder should be")
    with pytest.raises(AssetUnavailable, match="could not be kept"):
        await AssetStore(tmp_path).get(ref(f"{url}/good"))
