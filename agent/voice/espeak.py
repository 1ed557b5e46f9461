"""espeak-ng's process and the pipe to it: the only way in which this product touches the GPL library.

The process is started at the first sentence (20 ms, 6 MB of its own), is used by one thread at a time, ends with its
parent (its input ends), and is started again when it died or hangs.
"""

import contextlib
import importlib.util
import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

logger = logging.getLogger(__name__)

PROGRAM: Final = Path(__file__).with_name("espeak_program.py")
TIMEOUT_S: Final = 10.0  # a sentence takes 5 ms
TRIES: Final = 2


class EspeakError(RuntimeError):
    """A sentence could not be spoken: the program is missing, does not answer or refuses."""


@dataclass(frozen=True)
class EspeakVoice:
    """Parameters of espeak-ng: `voice` with its variant, words a minute, pitch and its range 0-99."""

    voice: str
    rate: int
    pitch: int
    range: int


@dataclass(frozen=True)
class EspeakSound:
    """Mono `samples` at `sample_rate`, and where each phoneme starts (ms, espeak-ng's mnemonic)."""

    samples: NDArray[np.int16]
    sample_rate: int
    phonemes: list[tuple[int, str]]


class Espeak:
    """One espeak-ng process, started when it is needed. Blocks; may be used from any thread."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return None if self._process is None else self._process.pid

    def speak(self, text: str, voice: EspeakVoice) -> EspeakSound:
        """The sound of a text. A process that died is started again once. Raises `EspeakError`."""
        request = {
            "text": text,
            "voice": voice.voice,
            "rate": voice.rate,
            "pitch": voice.pitch,
            "range": voice.range,
        }
        with self._lock:
            for tries_left in reversed(range(TRIES)):
                try:
                    return self._ask(request)
                except (OSError, ValueError) as error:
                    self._end()
                    if not tries_left:
                        raise EspeakError(f"espeak-ng does not answer: {error}") from error
                    logger.warning("espeak-ng is started again: %s", error)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Ends the process; the next sentence starts another."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any]) -> EspeakSound:
        process = self._running()
        requests, replies = process.stdin, process.stdout
        if requests is None or replies is None:
            raise ValueError("espeak-ng was started without its pipes")
        requests.write(json.dumps(request).encode() + b"\n")
        requests.flush()
        pipe = _Pipe(replies.fileno(), time.monotonic() + self._timeout_s)
        reply = json.loads(pipe.line())
        if "error" in reply:
            raise EspeakError(reply["error"])
        samples = np.frombuffer(pipe.exactly(reply["bytes"]), np.int16)
        return EspeakSound(samples, reply["sample_rate"], [(start, name) for start, name in reply["phonemes"]])

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(  # noqa: S603 (our own program; the text goes through the pipe)
                [sys.executable, "-I", "-S", str(PROGRAM), *map(str, _library())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=-1,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was still to be written has no reader any more
                    pipe.close()


class _Pipe:
    """Reads from a file descriptor until a deadline. Raises `TimeoutError`, and `EOFError` as an `OSError`."""

    def __init__(self, descriptor: int, deadline_s: float) -> None:
        self._descriptor = descriptor
        self._deadline_s = deadline_s
        self._read = b""

    def line(self) -> bytes:
        while (end := self._read.find(b"\n")) < 0:
            self._more()
        line, self._read = self._read[:end], self._read[end + 1 :]
        return line

    def exactly(self, count: int) -> bytes:
        parts = [self._read]
        missing = count - len(self._read)
        while missing > 0:
            self._read = b""
            self._more()
            parts.append(self._read)
            missing -= len(self._read)
        return b"".join(parts)

    def _more(self) -> None:
        wait_s = self._deadline_s - time.monotonic()
        if wait_s <= 0 or not select.select([self._descriptor], [], [], wait_s)[0]:
            raise TimeoutError("no answer in time")
        part = os.read(self._descriptor, 1 << 16)
        if not part:
            raise ConnectionResetError("the program ended")
        self._read += part


def _library() -> tuple[Path, Path]:
    """Library and data of the `espeakng-loader` wheel, found without importing anything of it. Raises `EspeakError`."""
    found = importlib.util.find_spec("espeakng_loader")
    if found is None or found.origin is None:
        raise EspeakError("the package espeakng-loader is not installed: install requirements.txt")
    folder = Path(found.origin).parent
    return folder / "libespeak-ng.so", folder / "espeak-ng-data"
