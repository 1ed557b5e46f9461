"""`python -m agent trial-visitor`: a visitor without a browser comes into a room, asks its questions aloud, and leaves."""

import argparse
import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

from agent.environment import HostEnvironment, InvalidEnvironment

if TYPE_CHECKING:
    from protocol.trials import TrialDone, TrialOrder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the program takes."""
    parser.description = (
        "Reads a `protocol.trials.TrialOrder` as JSON from standard input. Prints JSON lines: {asked} as it goes, at the end "
        "{done: {asked, answered}}."
    )


def run(_arguments: argparse.Namespace) -> int:
    """Exit status: 1 it could not talk. Where it did, the process is over: 0."""
    # Late: the worker's commands need none of it.
    from livekit.rtc import ConnectError
    from pydantic import ValidationError

    from protocol.trials import TrialOrder

    try:
        order = TrialOrder.model_validate_json(sys.stdin.read())
        url = HostEnvironment.read().livekit_url
        if url is None:
            raise InvalidEnvironment("LIVEKIT_URL is not set")
        done = asyncio.run(_talk(url, order))
    except ValidationError as error:
        print(f"this is no order for a trial: {error.errors()[0]['msg']}", file=sys.stderr)
        return 1
    except (InvalidEnvironment, ConnectError, TimeoutError) as error:
        print(str(error) or "the avatar did not come", file=sys.stderr)
        return 1
    _say(done=done.model_dump())
    # LiveKit's own threads may still call into an interpreter that is being taken down, which then aborts.
    os._exit(0)


async def _talk(url: str, order: "TrialOrder") -> "TrialDone":
    from agent.programs.trial_visitor import TrialVisitor, spoken

    # All sound is made before anybody is measured.
    questions = [await spoken(text) for text in order.questions]
    async with TrialVisitor(url, order.token) as visitor:
        return await visitor.converse(questions, told=lambda asked: _say(asked=asked))


def _say(**line: object) -> None:
    print(json.dumps(line), flush=True)
