"""A job's end of the shared process."""

import asyncio
import contextlib
import itertools
import logging
from pathlib import Path
from typing import Any, Final

from agent.environment import HostEnvironment
from agent.models.messages import BrokenMessage, Message, pack, read, short_path

logger = logging.getLogger(__name__)

TRIES: Final = 3  # a process that died is there again at the next try
PAUSE_S: Final = 0.5
TIMEOUT_S: Final = 60.0  # loading included


class ModelError(RuntimeError):
    """The model could not answer; the message says why."""


class ModelBusy(ModelError):
    """Others stand in line, and the question was not worth waiting; or a newer one took its place."""


class ModelsAway(ModelError):
    """The shared process can't be reached: no agent worker runs on this host, or the process dies again and again."""


class ModelClient:
    """One connection for all questions of a process; made anew when it breaks. Used from one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()

    async def ask(self, header: dict[str, Any], data: bytes, timeout_s: float) -> Message:
        """Asks until it is answered. Raises `ModelError`, `TimeoutError`."""
        for attempt in range(1, TRIES + 1):
            try:
                return await asyncio.wait_for(self._ask_once(header, data), timeout_s)
            except (OSError, EOFError) as error:
                if isinstance(error, TimeoutError):
                    raise
                if attempt == TRIES:
                    raise ModelsAway(f"the host's model process can't be reached at {self._path}: {error}") from error
                logger.warning("the model process went away (%s): asked again", error or type(error).__name__)
                await asyncio.sleep(PAUSE_S * (attempt - 1))
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        if self._writer is not None:
            self._writer.close()

    async def _ask_once(self, header: dict[str, Any], data: bytes) -> Message:
        writer = await self._connected()
        number = next(self._numbers)
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            writer.writelines(pack({**header, "id": number}, data))
            await writer.drain()
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                with short_path(self._path) as name:
                    reader, self._writer = await asyncio.open_unix_connection(name)
                self._reading = asyncio.create_task(self._read(reader, self._writer), name="model-answers")
            return self._writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        error: Exception = ConnectionResetError("it ended")
        try:
            while True:
                header, data = await read(reader)
                answer = self._waiting.get(header["id"])
                if answer is not None and not answer.done():
                    _settle(answer, header, data)
        except (OSError, EOFError, BrokenMessage) as problem:
            error = ConnectionResetError(str(problem))
        finally:
            self._writer = None
            writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(error)


def _settle(answer: asyncio.Future[Message], header: dict[str, Any], data: bytes) -> None:
    if header.get("busy"):
        answer.set_exception(ModelBusy("the model is busy"))
    elif (error := header.get("error")) is not None:
        answer.set_exception(ModelError(error))
    else:
        answer.set_result(Message(header["fields"], data))


_clients: dict[int, ModelClient] = {}


def _client() -> ModelClient:
    """The event loop's own client."""
    loop = asyncio.get_running_loop()
    client = _clients.get(id(loop))
    if client is None:
        client = _clients[id(loop)] = ModelClient(HostEnvironment.read().models_socket)
    return client


async def infer(
    method: str, request: Message, *, may_drop: bool = False, newest_of: str = "", timeout_s: float = TIMEOUT_S
) -> Message:
    """The model's answer. The first question to a model loads it.

    `may_drop`: rather `ModelBusy` than standing in line or holding up others. `newest_of`: any name; an older question of the
    same name that is not answered yet is given up with `ModelBusy`. Raises `ModelError`, `TimeoutError`.
    """
    header = {"method": method, "fields": request.fields, "may_drop": may_drop, "newest_of": newest_of}
    return await _client().ask(header, request.data, timeout_s)


async def load(method: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Has the model loaded ahead of its first question. The answer: `loaded` (it was there already), `took_ms`, `rss_bytes`
    (of the whole shared process). Raises `ModelError`, `TimeoutError`.
    """
    reply = await _client().ask({"method": method, "load": True}, b"", timeout_s)
    return reply.fields


async def aclose() -> None:
    """Lets go of the shared process, which ends when nobody holds on to it."""
    client = _clients.pop(id(asyncio.get_running_loop()), None)
    if client is not None:
        await client.aclose()
