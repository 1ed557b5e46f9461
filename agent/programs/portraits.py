"""`python -m agent prepare-portrait PICTURE OUT`: what a task runs, and reads line by line."""

import argparse
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, Final

NICENESS: Final = 5  # conversations go before; but somebody waits for it
MOST_MEMORY_BYTES: Final = 4 * 1024**3  # of addresses, which are far more than what is used


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the program takes."""
    parser.description = (
        "Prints JSON lines: {stage, share} while it works, at the end {prepared: {...}} or {refused: {code, sentence}}; "
        "a refused picture's exit status is 3, and nothing is written."
    )
    parser.add_argument("picture", type=Path, help="a JPEG, PNG or WebP file with one face that looks into the camera")
    parser.add_argument("out", type=Path, help="the prepared portrait")
    parser.add_argument("--still", type=Path, help="also write head and shoulders there, as a JPEG")
    parser.add_argument("--crop", type=_crop, help="LEFT,TOP,RIGHT,BOTTOM as shares of the picture, 0 to 1")


def run(arguments: argparse.Namespace) -> int:
    """Exit status: 0 prepared, 1 could not, 3 refused."""
    # Late: the worker's commands need neither OpenCV nor LiteRT.
    import cv2

    from agent.portraits.models import ModelsMissingError
    from agent.portraits.picture import Crop
    from agent.portraits.prepare import prepare_portrait
    from agent.portraits.refusals import RefusedPicture

    stay_small()
    crop = None if arguments.crop is None else Crop(*arguments.crop)
    try:
        prepared = prepare_portrait(
            arguments.picture,
            arguments.out,
            crop=crop,
            still=arguments.still,
            progress=lambda stage, share: say(stage=stage, share=share),
        )
    except RefusedPicture as refusal:
        say(refused={"code": refusal.code.value, "sentence": str(refusal)})
        return 3
    except (ModelsMissingError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except (MemoryError, cv2.error) as error:
        print(f"the picture needs more memory than it may have: {error}", file=sys.stderr)
        return 1
    say(stage="done", share=1.0)
    say(
        prepared={
            "sha256": prepared.sha256,
            "size_bytes": prepared.size_bytes,
            "face_height_px": prepared.face_height_px,
            "own_background": prepared.own_background,
        }
    )
    return 0


def stay_small(most_bytes: int = MOST_MEMORY_BYTES) -> None:
    """No picture may take the host's memory, or its processor from those who talk."""
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    os.nice(NICENESS)


def say(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


def _crop(text: str) -> tuple[float, ...]:
    try:
        edges = tuple(float(part) for part in text.split(","))
    except ValueError:
        edges = ()
    if len(edges) != 4 or not (0 <= edges[0] < edges[2] <= 1 and 0 <= edges[1] < edges[3] <= 1):
        raise argparse.ArgumentTypeError("four shares from 0 to 1: LEFT,TOP,RIGHT,BOTTOM")
    return edges
