"""What goes over the socket: two lengths, a JSON header, bytes that lie as they do in memory."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from os import O_DIRECTORY, O_RDONLY, close, open
from pathlib import Path
from typing import Any, Final, NamedTuple

_LENGTHS: Final = struct.Struct("!II")
MOST_HEADER_BYTES: Final = 1 << 20
MOST_DATA_BYTES: Final = 64 << 20


class Message(NamedTuple):
    """A question to a model or its answer: `fields` must fit JSON, `data` is samples or vectors."""

    fields: dict[str, Any]
    data: bytes = b""


class BrokenMessage(ConnectionError):
    """The other side speaks something else."""


def pack(header: dict[str, Any], data: bytes) -> list[bytes]:
    """Pieces to be written one after the other."""
    encoded = json.dumps(header).encode()
    return [_LENGTHS.pack(len(encoded), len(data)), encoded, data]


async def read(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """The next header and its data. Raises `asyncio.IncompleteReadError` at the end, `BrokenMessage`."""
    header_bytes, data_bytes = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
    if header_bytes > MOST_HEADER_BYTES or data_bytes > MOST_DATA_BYTES:
        raise BrokenMessage(f"a message of {header_bytes} + {data_bytes} bytes")
    header = json.loads(await reader.readexactly(header_bytes))
    return header, await reader.readexactly(data_bytes)


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of `path` that fits a socket's address (108 bytes), however deep its folder lies. Valid inside the block."""
    folder = open(path.parent, O_RDONLY | O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        close(folder)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for this user alone; whatever lay there is gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_path(path) as name:
        server.bind(name)
    path.chmod(0o600)
    server.listen(64)
    server.setblocking(False)
    return server
