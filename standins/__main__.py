"""`python -m standins --port N`: stand-ins for bitHuman's cloud, Tavus and Beyond Presence, until SIGINT or SIGTERM.

The keys that they take are read from the variables that the product hands the real vendors: BITHUMAN_API_SECRET, TAVUS_API_KEY,
BEY_API_KEY.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from standins.behaviour import Behaviour, Kind

KEY_VARIABLES: Final = {"bithuman": "BITHUMAN_API_SECRET", "tavus": "TAVUS_API_KEY", "bey": "BEY_API_KEY"}


def behaviour_of(text: str) -> tuple[str, Behaviour]:
    """`VENDOR=BEHAVIOUR[:SECONDS]`"""
    vendor, _, behaviour = text.partition("=")
    if vendor not in KEY_VARIABLES:
        raise argparse.ArgumentTypeError(f"{vendor!r} is no vendor; there are {', '.join(KEY_VARIABLES)}")
    try:
        return vendor, Behaviour.parse(behaviour)
    except ValidationError:
        raise argparse.ArgumentTypeError(f"{behaviour!r} is no behaviour; there are {', '.join(Kind)}") from None


async def serve(port: int, keys: dict[str, str], behaviours: dict[str, Behaviour]) -> None:
    from standins.server import HOST, StandIns  # LiveKit's agents take seconds, and what is wrong above is said at once

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    standins = StandIns(keys, behaviours)
    port = await standins.start(port)
    print(f"Stand-ins on http://{HOST}:{port} (http://{HOST}:{port}/_standin tells what happened)", flush=True)
    try:
        await ended.wait()
    finally:
        await standins.aclose()


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    parser = argparse.ArgumentParser(
        prog="python -m standins", description="Stand-ins for hosted avatars, on the loopback."
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one and prints it")
    parser.add_argument(
        "--behave", type=behaviour_of, action="append", default=[], metavar="VENDOR=BEHAVIOUR[:SECONDS]",
        help=f"how a vendor behaves from the start: {', '.join(Kind)}",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    missing = [variable for variable in KEY_VARIABLES.values() if not os.environ.get(variable)]
    if missing:
        parser.error(f"set {', '.join(missing)}: the keys that the stand-ins take")
    keys = {vendor: os.environ[variable] for vendor, variable in KEY_VARIABLES.items()}
    try:
        asyncio.run(serve(given.port, keys, dict(given.behave)))
    except OSError as error:
        parser.error(f"nothing can listen on port {given.port}: {error.strerror or error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
