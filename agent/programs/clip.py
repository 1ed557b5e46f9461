"""`python -m agent preview-portrait PORTRAIT OUT`: a prepared portrait speaks; what a task runs, and reads line by line."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the program takes."""
    parser.description = (
        "Reads a `protocol.portraits.ClipOrder` as JSON from standard input, writes a WebM film. "
        "Prints JSON lines: {share} while it works, at the end {clip: {duration_s, size_bytes}}."
    )
    parser.add_argument("portrait", type=Path, help="what prepare-portrait wrote")
    parser.add_argument("out", type=Path, help="the film")


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 made, 1 could not."""
    # Late: the worker's commands need none of it.
    from pydantic import ValidationError

    from agent.programs.portraits import say, stay_small
    from protocol.portraits import ClipOrder

    try:
        order = ClipOrder.model_validate_json(sys.stdin.read())
    except ValidationError as error:
        print(f"this is no order for a clip: {error.errors()[0]['msg']}", file=sys.stderr)
        return 1
    stay_small()
    from agent.portraits.clip import make_clip

    try:
        seconds = make_clip(order, arguments.portrait, arguments.out, progress=lambda share: say(share=round(share, 2)))
    except (ValueError, OSError, MemoryError) as error:
        print(error, file=sys.stderr)
        return 1
    say(clip={"duration_s": round(seconds, 2), "size_bytes": arguments.out.stat().st_size})
    return 0
