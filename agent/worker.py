"""The agent worker of an avatar host: LiveKit's `AgentServer` under the host's own agent name.

Runs until SIGTERM or SIGINT; keeps trying while LiveKit is away. `python -m agent.worker` runs it in the foreground.
Everything heavy is imported inside functions: what is wrong with the environment is told at once.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import logging
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import multiprocessing.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.models.whisper_files import configured_folder
from agent.worker_log import rotate
from agent.worker_process import WorkerRecord

if TYPE_CHECKING:
    from livekit.agents import AgentServer

logger = logging.getLogger("agent.worker")

INITIALIZE_TIMEOUT_S: Final = 120.0
SHUTDOWN_TIMEOUT_S: Final = 8.0
LOG_CHECK_EVERY_S: Final = 60.0
_M_ARENA_MAX: Final = -8  # glibc's malloc.h


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        environment = HostEnvironment.read()
        if environment.livekit_url is None:
            raise InvalidEnvironment("LIVEKIT_URL is not set: the agent worker has no LiveKit server to register with")
        configured_folder(environment)
    except InvalidEnvironment as error:
        logger.error("%s", error)
        return 2
    WorkerRecord.of_self(port=0, registered=False).write(environment.worker_file)
    _shape_child_processes()
    gc.disable()  # until all is imported: none of it becomes garbage, and looking for it takes a third of a second
    try:
        asyncio.run(serve(environment))
    finally:
        WorkerRecord.remove_own(environment.worker_file)
    return 0


def _shape_child_processes() -> None:
    """Loads what jobs need, and has the forkserver forked from here: nothing is loaded twice, and all of them share it."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with contextlib.suppress(OSError, AttributeError):  # where there is glibc
        # A job has a score of threads: each would keep freed memory of its own.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    multiprocessing.resource_tracker.ensure_running()  # an interpreter of its own: the fork is for the forkserver alone
    importlib.import_module("agent.preload")
    # For one that has to take its place; AgentServer asks for more, but the forkserver is there already.
    multiprocessing.set_forkserver_preload(["agent.preload"])
    spawned = multiprocessing.util.spawnv_passfds
    multiprocessing.util.spawnv_passfds = _forked
    multiprocessing.forkserver.ensure_running()
    multiprocessing.util.spawnv_passfds = spawned


def _forked(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
    """The forkserver as a fork of this process, in place of a new interpreter that is told to be one. Returns its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        logging.root.handlers.clear()  # jobs hand their records to the worker
        _close_other_ends(passfds)
        exec(args[-1], {})  # noqa: S102 (multiprocessing's own words: what a new interpreter would be told)
    except SystemExit:
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _close_other_ends(pipes: Sequence[int]) -> None:
    """The forkserver ends when nobody holds the other end of its pipe any more: it must not hold that itself."""
    mine = {os.fstat(pipe).st_ino for pipe in pipes}
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # the list's own
            if int(name) not in pipes and os.fstat(int(name)).st_ino in mine:
                os.close(int(name))


def make_server(environment: HostEnvironment) -> "AgentServer":
    """The host's server: takes every dispatch, one warm process ahead, never gives up on LiveKit."""
    from livekit.agents import AgentServer

    from agent import entry
    from protocol.jobspec import agent_name_for

    server = AgentServer(
        load_threshold=float("inf"),
        load_fnc=_no_load,
        host="127.0.0.1",
        port=0,
        num_idle_processes=1,
        initialize_process_timeout=INITIALIZE_TIMEOUT_S,
        shutdown_process_timeout=SHUTDOWN_TIMEOUT_S,
        max_retry=sys.maxsize,
        setup_fnc=entry.prewarm,
    )
    server.rtc_session(
        entry.job,
        agent_name=agent_name_for(environment.host),
        on_request=entry.accept,
        on_session_end=entry.leaving,
    )
    return server


def _no_load() -> float:
    """Placement and admission are the control plane's."""
    return 0.0


async def _keep_log_small(log: Path) -> None:
    """Until it is cancelled."""
    while True:
        await asyncio.sleep(LOG_CHECK_EVERY_S)
        try:
            await asyncio.to_thread(rotate, log)
        except OSError as error:
            logger.warning("%s could not be rotated: %s", log, error)


async def serve(environment: HostEnvironment) -> None:
    """Runs the server until a signal ends it. Writes `agent-worker.json`, reports every registration."""
    from agent.models.supervisor import ModelSupervisor
    from agent.telemetry import Telemetry
    from protocol.events import WorkerStarted
    from protocol.providers import VARIABLES

    pid = os.getpid()
    telemetry = Telemetry(f"worker:{environment.host}:{pid}:{time.time_ns()}", environment.redis_url)
    telemetry.start()
    server = make_server(environment)

    def on_registered(worker_id: str, _: Any) -> None:
        WorkerRecord.of_self(port=server.worker_info.http_port, registered=True).write(environment.worker_file)
        keys = [provider for provider, variables in VARIABLES.items() if os.environ.get(variables.key)]
        telemetry.emit(WorkerStarted, host=environment.host, pid=pid, provider_keys=keys)
        logger.info("registered as %s", worker_id)

    server.on("worker_registered", on_registered)
    gc.enable()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    models = asyncio.create_task(ModelSupervisor(environment.models_socket).run(), name="model-supervisor")
    running = asyncio.create_task(server.run(), name="agent-server")
    stopping = asyncio.create_task(stop.wait(), name="stop-signal")
    log = asyncio.create_task(_keep_log_small(environment.worker_log), name="worker-log")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await server.aclose()
        await running
    finally:
        stopping.cancel()
        for task in (models, log):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await telemetry.aclose()


if __name__ == "__main__":
    sys.exit(main())
