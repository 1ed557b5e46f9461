"""`python -m agent prepare-scene-file` and `draw-scene`: what tasks run, and read line by line."""

import argparse
import sys
from pathlib import Path
from typing import Final

from agent.programs.portraits import say, stay_small
from protocol.scene_files import SceneFileKind

REFUSED: Final = 3
MOST_DECK_MEMORY_BYTES: Final = 1024**3  # of addresses


def add_prepare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=[kind.value for kind in SceneFileKind])
    parser.add_argument("source", type=Path)
    parser.add_argument(
        "target", type=Path, help="for the prepared file, unless the source is good as it is; of a deck a folder"
    )
    parser.add_argument("--name", default="", help="what its owner calls it")


def add_draw_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", type=Path, help="the JPEG; the order is read from standard input")


def prepare(arguments: argparse.Namespace) -> int:
    """Exit status: 0 prepared, 1 could not, 3 refused."""
    from agent.scene_files.refusals import RefusedFile

    source, target = arguments.source, arguments.target
    try:
        match SceneFileKind(arguments.kind):
            case SceneFileKind.FILM:
                from agent.scene_files.film import prepare_film

                stay_small()
                name = arguments.name or source.name
                prepared = prepare_film(source, target, name, lambda share: say(share=round(share, 3)))
            case SceneFileKind.SLIDE:
                from agent.scene_files.pictures import prepare_slide

                prepared = prepare_slide(source, target)
            case SceneFileKind.LOGO:
                from agent.scene_files.pictures import prepare_logo

                prepared = prepare_logo(source, target)
            case SceneFileKind.DECK:
                from agent.scene_files.deck import prepare_deck

                stay_small(MOST_DECK_MEMORY_BYTES)
                pages = prepare_deck(source, target, lambda share: say(share=round(share, 3)))
                say(pages=[page.model_dump() for page in pages])
                return 0
    except RefusedFile as refusal:
        say(refused=str(refusal))
        return REFUSED
    except (OSError, MemoryError) as error:
        print(error, file=sys.stderr)
        return 1
    say(prepared=prepared.model_dump())
    return 0


def draw(arguments: argparse.Namespace) -> int:
    """Exit status: 0 drawn, 1 could not."""
    from agent.avatars.builtin.presenters import UnknownPresenterError
    from agent.avatars.builtin.scene.scene_file import SceneError
    from agent.environment import HostEnvironment
    from agent.scene_files.still import draw_scene
    from protocol.avatar import SceneOrder

    try:
        order = SceneOrder.model_validate_json(sys.stdin.read())
        left_out = draw_scene(order, arguments.target, HostEnvironment.read().home)
    except (ValueError, SceneError, UnknownPresenterError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    say(left_out=left_out)
    return 0
