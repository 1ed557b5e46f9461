"""The few calm lines that `make run` prints."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

NAME_WIDTH = 20


def say(sentence: str) -> None:
    """Print a line; where it can't be (a file on a full disk, a terminal that is gone), what we do goes on without it."""
    with suppress(OSError):
        print(sentence, flush=True)


def say_stage(name: str, what: str) -> None:
    """One line of the table of stages: its name and how it stands."""
    say(f"  {name:<{NAME_WIDTH}} {what}")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Print `name` with the time that it took, once it is done; a stage that failed prints nothing (its error does)."""
    started = time.monotonic()
    yield
    say_stage(name, f"{time.monotonic() - started:.1f} s")
