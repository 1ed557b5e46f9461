"""`manage.py monitor`: the ingester, the watcher and the recorder of rollups in one process."""

import logging
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from django.core.management.base import BaseCommand

from monitoring.ingest.ingester import Ingester, connect
from monitoring.live.broadcast import broadcaster
from monitoring.samples.recorder import Recorder
from monitoring.watching.watcher import Watcher

logger = logging.getLogger(__name__)

RESTART_FIRST_S: Final = 0.5
RESTART_MAX_S: Final = 10.0
END_WITHIN_S: Final = 1.0

Run = Callable[[threading.Event], None]
ROLES: Final[dict[str, Callable[[], Run]]] = {
    "ingester": lambda: Ingester(connect()).run,
    "watcher": lambda: Watcher().run,
    "recorder": lambda: Recorder().run,
}


class Command(BaseCommand):
    help = "Writes telemetry to the database and watches over sessions, until it is told to end (SIGTERM, Ctrl-C)."
    requires_system_checks: list[str] = []  # they would load every view; load_demo makes them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("roles", nargs="*", metavar="role", help=f"{' or '.join(ROLES)}; all without any")

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        threads = [
            threading.Thread(target=keep_running, args=(role, ROLES[role], stop), name=role, daemon=True)
            for role in options["roles"] or ROLES
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            # What a thread has not committed by then stays in the stream.
            thread.join(END_WITHIN_S / len(threads))
        broadcaster().close(0.3)


def keep_running(role: str, make: Callable[[], Run], stop: threading.Event) -> None:
    """Run a role; one that fails by a mistake of ours starts anew after a pause."""
    pause_s = RESTART_FIRST_S
    while not stop.is_set():
        try:
            make()(stop)
        except Exception:
            logger.exception("the %s failed; it starts again in %.1f s", role, pause_s)
            stop.wait(pause_s)
            pause_s = min(pause_s * 2, RESTART_MAX_S)
