"""The shared process: `python -m agent.models.process FD`.

It is given the listening socket, and a standard input that ends when its owner does.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from agent.memory import read_rss
from agent.models.messages import BrokenMessage, Message, pack, read
from agent.models.registry import MODELS, Dropped, Model, make_model

logger = logging.getLogger("agent.models")

LEAVE_AFTER_S: Final = 300.0  # without a session
LOADING_NICENESS: Final = 10  # with nobody waiting for it, a picture that is being drawn goes before


class Lane:
    """One model with its threads: models don't wait for one another."""

    def __init__(self, method: str, make: Callable[[str], Model] = make_model) -> None:
        self._method = method
        self._make = make
        self._model: asyncio.Future[Model] | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._in_line = 0  # questions that may not be dropped, waiting or being answered
        self._under_way = 0
        self._newest: dict[str, object] = {}

    @property
    def loaded(self) -> bool:
        return self._model is not None and self._model.done() and self._model.exception() is None

    async def load(self) -> Message:
        """Loads where it is not loaded; several who ask wait for the same load. A load that failed is tried anew."""
        loaded, began = self.loaded, time.monotonic()
        await self._get(hurry=False)
        took_ms = (time.monotonic() - began) * 1000
        return Message({"loaded": loaded, "took_ms": round(took_ms, 1), "rss_bytes": read_rss()})

    async def ask(self, request: Message, may_drop: bool, newest_of: str = "") -> Message | None:
        """The answer; None where the question was dropped, or a newer one of the same name came."""
        if may_drop and (not self.loaded or self._under_way):
            return None
        question = object()
        if newest_of:
            self._newest[newest_of] = question

        def wanted() -> bool:
            newest = not newest_of or self._newest.get(newest_of) is question
            return newest and not (may_drop and self._in_line)

        self._in_line += not may_drop
        self._under_way += 1
        try:
            model = await self._get(hurry=True)
            return await asyncio.get_running_loop().run_in_executor(self._threads, model, request, wanted)
        except Dropped:
            return None
        finally:
            self._in_line -= not may_drop
            self._under_way -= 1
            if self._newest.get(newest_of) is question:
                del self._newest[newest_of]

    async def _get(self, *, hurry: bool) -> Model:
        if self._model is None or (self._model.done() and self._model.exception() is not None):
            self._model = asyncio.get_running_loop().create_future()
            threading.Thread(
                target=self._load,
                args=(asyncio.get_running_loop(), self._model, hurry),
                name=f"load-{self._method}",
                daemon=True,
            ).start()
        model = await asyncio.shield(self._model)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(model.workers, thread_name_prefix=self._method)
        return model

    def _load(self, loop: asyncio.AbstractEventLoop, loaded: "asyncio.Future[Model]", hurry: bool) -> None:
        if not hurry:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOADING_NICENESS)
        try:
            model = self._make(self._method)
        except Exception as error:
            logger.exception("%s could not be loaded", self._method)
            loop.call_soon_threadsafe(loaded.set_exception, error)
        else:
            loop.call_soon_threadsafe(loaded.set_result, model)


class ModelServer:
    """Answers connections until its owner is gone, or nobody was connected for `leave_after_s`."""

    def __init__(self, leave_after_s: float = LEAVE_AFTER_S) -> None:
        self._lanes = {method: Lane(method) for method in MODELS}
        self._leave_after_s = leave_after_s
        self._connections = 0
        self._alone_since_s = time.monotonic()

    async def run(self, listening: socket.socket) -> None:
        server = await asyncio.start_unix_server(self._serve, sock=listening)
        async with server:
            while self._connections or time.monotonic() - self._alone_since_s < self._leave_after_s:  # noqa: ASYNC110
                await asyncio.sleep(self._leave_after_s / 10)
        logger.info("nobody was here for %.0f s", self._leave_after_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        answering: set[asyncio.Task[None]] = set()
        try:
            while True:
                header, data = await read(reader)
                answer = asyncio.create_task(self._answer(header, data, writer))
                answering.add(answer)
                answer.add_done_callback(answering.discard)
        except (OSError, EOFError, BrokenMessage):
            pass
        finally:
            for answer in answering:
                answer.cancel()
            writer.close()
            self._connections -= 1
            self._alone_since_s = time.monotonic()

    async def _answer(self, header: dict[str, Any], data: bytes, writer: asyncio.StreamWriter) -> None:
        reply: dict[str, Any] = {"id": header.get("id")}
        answer = Message({})
        try:
            lane = self._lanes.get(header["method"])
            if lane is None:
                raise ValueError(f"no model {header['method']!r} on this host; it has {', '.join(sorted(MODELS))}")
            if header.get("load"):
                answer = await lane.load()
            elif (
                given := await lane.ask(Message(header["fields"], data), header["may_drop"], header["newest_of"])
            ) is None:
                reply["busy"] = True
            else:
                answer = given
        except Exception as error:
            if not isinstance(error, ValueError):
                logger.exception("%s failed", header.get("method"))
            reply["error"] = f"{type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            writer.writelines(pack({**reply, "fields": answer.fields}, answer.data))
            await writer.drain()


async def serve(listening: socket.socket) -> None:
    """Serves until the standard input ends."""
    owner_gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), owner_gone.set)
    serving = asyncio.create_task(ModelServer().run(listening), name="model-server")
    orphaned = asyncio.create_task(owner_gone.wait(), name="owner-gone")
    await asyncio.wait({serving, orphaned}, return_when=asyncio.FIRST_COMPLETED)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    asyncio.run(_serve_and_leave(socket.socket(fileno=int(sys.argv[1]))))


async def _serve_and_leave(listening: socket.socket) -> None:
    await serve(listening)
    os._exit(0)  # a thread in the middle of a model is not waited for


if __name__ == "__main__":
    main()
