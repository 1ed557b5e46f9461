"""`python -m launch`: every process of the Procfile, until Ctrl-C. `make run` installs what is missing first."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from launch import children, livekit, valkey
from launch.console import say, say_stage
from launch.database import manage, prepare_database
from launch.errors import CommandFailed, LaunchError
from launch.orphans import adopt_orphans, end_orphans
from launch.processes import Processes
from launch.readiness import wait_until_ready
from launch.state import LOOPBACK, State, home_folder, locked, prepare

ROOT = Path(__file__).resolve().parent.parent
# Other processes need these from their first moment to their last.
FOUNDATIONS = ("valkey", "livekit", "standins")
AGENT_STOP_S = 4


async def serve(state: State, started: float) -> None:
    """Run all of it until cancelled; then end everything, the agent worker too, in the order in which it depends."""
    environment = state.child_environment() | foundations_environment(state)
    logs = state.home / "log"
    processes = Processes(ROOT / "Procfile", folder=ROOT, environment=environment, logs=logs, quiet=FOUNDATIONS)
    left_out = {"livekit"} if not state.own_livekit else set()
    left_out |= {"valkey"} if not state.own_valkey else set()
    left_out |= {"standins"} if not state.standins else set()
    roles = [name for name in processes.names if name not in FOUNDATIONS]
    foundations = [name for name in processes.names if name in FOUNDATIONS and name not in left_out]
    adopt_orphans()
    try:
        for name in foundations:
            processes.start(name)
        await prepare_database(state, environment, ROOT)
        for name in roles:
            processes.start(name)
        link, _ = await asyncio.gather(sign_in_link(environment), wait_until_ready(f"http://{address(state)}/readyz"))
        say_stage("Processes", ", ".join(foundations + roles))
        if state.standins:
            say(f"Stand-ins for hosted avatars: http://{LOOPBACK}:{state.values['AVATARY_STANDINS_PORT']}/_standin")
        say(f"Ready in {time.monotonic() - started:.1f} s. Logs: {logs}. Ctrl-C ends everything.")
        say(f"Sign in: {link}")
        await asyncio.Event().wait()
    finally:
        say("Ending ...")
        await processes.stop(*roles)
        await stop_agent(environment)
        await end_orphans(besides=processes.pids)
        await processes.stop(*foundations)
        say("Ended.")


def foundations_environment(state: State) -> dict[str, str]:
    """Write the configuration of the servers that are ours; returns the variables of the Procfile that name them."""
    programs = {}
    if state.own_valkey:
        valkey.write_configuration(state.home, state.values)
        programs["AVATARY_VALKEY_SERVER"] = str(valkey.server_program())
    if state.own_livekit:
        livekit.write_configuration(state.home, state.values, os.environ)
        server = livekit.find_server(state.home)
        if server is None:
            raise LaunchError("The LiveKit server is not installed; `make run` installs it.")
        programs["AVATARY_LIVEKIT_SERVER"] = str(server)
    return programs


async def sign_in_link(environment: Mapping[str, str]) -> str:
    return (await manage("sign_in_link", environment=environment, root=ROOT))[-1]


async def stop_agent(environment: Mapping[str, str]) -> None:
    """The agent worker is no child of ours (it outlives the control plane), so it is asked by name."""
    command = [sys.executable, "-m", "agent", "stop", "--timeout", str(AGENT_STOP_S)]
    try:
        await children.run("python -m agent stop", command, environment=environment, folder=ROOT)
    except CommandFailed as failure:
        say(str(failure))


def address(state: State) -> str:
    """Where the web process answers on this machine."""
    host = LOOPBACK if state.bind in ("0.0.0.0", "::") else state.bind  # noqa: S104 - compared, not bound
    return f"[{host}]:{state.web_port}" if ":" in host else f"{host}:{state.web_port}"


def main() -> int:
    started = time.monotonic()
    try:
        home = home_folder(os.environ)
        with locked(home):
            state = prepare(os.environ, home)
            say(f"Avatary, state in {home}")
            children.run_until_interrupted(serve(state, started))
    except children.Interrupted:
        return 0
    except LaunchError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
