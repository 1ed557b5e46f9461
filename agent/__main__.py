"""`python -m agent start|stop|status`: the host's agent worker; `prepare-portrait`: a face from a picture;
`preview-portrait`: a film in which it speaks; `answer|understand`: what avatars know; `prepare-scene-file|draw-scene`: films,
slides and logos of scenes; `preflight|end-conversations`: vendors of hosted avatars; `trial-visitor`: who asks questions aloud.

One JSON line on success, a sentence on stderr otherwise; a portrait's or a film's progress is JSON lines before it.
"""

import argparse
import json
import sys

from agent.environment import HostEnvironment, InvalidEnvironment
from agent.programs import clip, portraits, scene, trial, vendors
from agent.worker_process import WorkerError, running_worker, start_worker, stop_worker


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start the worker unless it runs; wait until LiveKit knows it")
    start.add_argument("--timeout", type=float, default=30.0, help="seconds to wait (default: %(default)s)")
    stop = commands.add_parser("stop", help="end the worker and its jobs")
    stop.add_argument("--timeout", type=float, default=10.0, help="seconds before SIGKILL (default: %(default)s)")
    commands.add_parser("status", help="tell whether the worker runs")
    portraits.add_arguments(
        commands.add_parser("prepare-portrait", help="prepare a picture of a person for the built-in avatar")
    )
    scene.add_prepare_arguments(
        commands.add_parser("prepare-scene-file", help="check a film, a slide or a logo for a scene")
    )
    scene.add_draw_arguments(commands.add_parser("draw-scene", help="draw a still of a scene"))
    clip.add_arguments(commands.add_parser("preview-portrait", help="make a film in which a portrait speaks"))
    trial.add_arguments(commands.add_parser("trial-visitor", help="talk to an avatar as a visitor does"))
    commands.add_parser(
        "preflight", help="ask vendors whether avatars could start; the order is read from standard input"
    )
    commands.add_parser("end-conversations", help="end what is left open at vendors; read from standard input")
    answer = commands.add_parser("answer", help="tell what an avatar would answer")
    answer.add_argument("knowledge", help="sha256 of the knowledge's asset, or `none`")
    answer.add_argument("question")
    answer.add_argument("--language", choices=("en", "ar"), default="en", help="of the session (default: %(default)s)")
    understand = commands.add_parser("understand", help="make what answers need ahead of the first question")
    understand.add_argument("knowledge", nargs="+", help="sha256 of an asset")
    understand.add_argument(
        "--voice", action="append", default=[], help="a voice that is to know how the answers begin"
    )
    arguments = parser.parse_args()
    if arguments.command == "prepare-portrait":
        return portraits.run(arguments)
    if arguments.command == "prepare-scene-file":
        return scene.prepare(arguments)
    if arguments.command == "draw-scene":
        return scene.draw(arguments)
    if arguments.command == "preview-portrait":
        return clip.run(arguments)
    if arguments.command == "trial-visitor":
        return trial.run(arguments)
    if arguments.command == "end-conversations":
        return vendors.end_conversations()
    try:
        if arguments.command == "preflight":
            return vendors.preflight(HostEnvironment.read())
        reply = _run(arguments, HostEnvironment.read())
    except (WorkerError, InvalidEnvironment) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(reply))
    return 0


def _run(arguments: argparse.Namespace, environment: HostEnvironment) -> dict[str, object]:
    if arguments.command == "start":
        record, started = start_worker(environment, arguments.timeout)
        return {"pid": record.pid, "started": started}
    if arguments.command == "stop":
        pid = stop_worker(environment, arguments.timeout)
        return {"pid": pid, "stopped": pid is not None}
    if arguments.command == "answer":
        from agent.programs.answer import answer_once

        return answer_once(environment, arguments.knowledge, arguments.question, arguments.language)
    if arguments.command == "understand":
        from agent.programs.answer import understand

        return understand(environment, arguments.knowledge, arguments.voice)
    current = running_worker(environment)
    if current is None:
        return {"running": False, "host": environment.host}
    return {
        "running": True,
        "registered": current.registered,
        "pid": current.pid,
        "port": current.port,
        "host": environment.host,
    }


if __name__ == "__main__":
    sys.exit(main())
