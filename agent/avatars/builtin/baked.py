"""Pictures made ready for frames of one size, kept on the host in files that jobs map into memory and share."""

import contextlib
import hashlib
import json
import logging
import mmap
import os
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

MOST_BYTES: Final = 256 * 1024 * 1024  # of all files; the longest unused go first
_SUFFIX: Final = ".planes"


class Baked(NamedTuple):
    """Arrays of bytes, not to be written to, and some numbers that belong to them."""

    arrays: tuple[NDArray[np.uint8], ...]
    numbers: tuple[int, ...] = ()


def key_of(code: str, *parts: object) -> str:
    """Names what the module `code` (its `__file__`) makes of `parts`; bytes stand for themselves, a path for its content."""
    digest = hashlib.sha256()
    for part in (Path(code), *parts):
        content = (
            part.read_bytes() if isinstance(part, Path) else part if isinstance(part, bytes) else repr(part).encode()
        )
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:40]


def baked(folder: Path | None, key: str, make: Callable[[], Baked]) -> Baked:
    """What `make` returns, or returned for this `key` on this host before. Nothing is kept without a `folder`.

    Jobs may do so side by side: files appear whole. One that is broken is made anew. Raises what `make` raises.
    """
    if folder is None:
        return make()
    path = folder / f"{key}{_SUFFIX}"
    try:
        kept = _read(path)
        os.utime(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s is unusable and made anew: %s", path, error)
    else:
        return kept
    made = make()
    try:
        _write(path, made)
        _keep_small(folder, besides=path)
        return _read(path)
    except (OSError, ValueError) as error:
        logger.warning("%s could not be kept: %s", path, error)
        return made


def _read(path: Path) -> Baked:
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    start = mapped.find(b"\n") + 1
    header = json.loads(mapped[:start])
    if zlib.crc32(memoryview(mapped)[start:]) != header["checksum"]:
        raise ValueError("its content is not what was written")
    mapped.madvise(mmap.MADV_DONTNEED)  # what is looked at from now on is all that counts as this job's memory
    arrays = []
    for shape in header["shapes"]:
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(mapped, np.uint8, count, start).reshape(shape))
        start += count
    return Baked(tuple(arrays), tuple(header["numbers"]))


def _write(path: Path, made: Baked) -> None:
    content = b"".join(array.tobytes() for array in made.arrays)
    shapes = [array.shape for array in made.arrays]
    header = {"shapes": shapes, "numbers": made.numbers, "checksum": zlib.crc32(content)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            part.write(json.dumps(header).encode() + b"\n" + content)
            part.close()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _keep_small(folder: Path, besides: Path) -> None:
    """A file that is in use may go: whoever has it mapped keeps it."""
    files = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            files.append((path == besides, status.st_mtime, status.st_size, path))
    held = 0
    for _, _, size, path in sorted(files, reverse=True):
        held += size
        if held > MOST_BYTES:
            path.unlink(missing_ok=True)
