"""The state folder (AVATARY_HOME): one lock, and the `environment` file that every process reads.

The file holds KEY=VALUE lines, mode 0600: the secrets and ports that the first run chose, and the settings in force.
What the process environment says wins over the file.
"""

import errno
import fcntl
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launch.errors import LaunchError
from launch.ports import bind_error, free_port, is_free

DEFAULT_WEB_PORT = "8000"
UDP_PORTS = ("AVATARY_RTC_PORT",)  # the others are TCP
LOOPBACK = "127.0.0.1"
HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
# Of real accounts, which are no business of the stand-ins: those know ids of their own.
REAL_PROVIDERS = (
    "BITHUMAN_API_TOKEN",
    "BITHUMAN_AVATAR_ID",
    "BITHUMAN_MODEL_PATH",
    "BEY_AVATAR_ID",
    "TAVUS_PAL_ID",
    "TAVUS_FACE_ID",
    "TAVUS_PERSONA_ID",
    "TAVUS_REPLICA_ID",
)
# Defaults of an installation by the names that other systems have for them; `protocol.install` reads them.
INSTALL_VARIABLES = (
    "DEPLOYMENT_MODE",
    "AVATAR_VIDEO_WIDTH",
    "AVATAR_VIDEO_HEIGHT",
    "AVATAR_VIDEO_FPS",
    "OUTPUT_WIDTH",
    "COMPRESS_METHOD",
    "LOADING_MODE",
    "PROCESS_IDLE_VIDEO",
    "EXTRACT_WORKSPACE_TO_LOCAL",
    "LIVA_IDEL_VIDEO_ENABLED",
    "LIVA_AUTO_SAY_HI",
    "BITHUMAN_MODEL",
    "BITHUMAN_THREADS",
    "BITHUMAN_LOCAL_MODE",
    "BITHUMAN_API_TOKEN",
    "BITHUMAN_READY_TIMEOUT",
    "TAVUS_PERSONA_ID",
    "TAVUS_REPLICA_ID",
    "BITHUMAN_AVATAR_ID",
    "BITHUMAN_MODEL_PATH",
    "TAVUS_PAL_ID",
    "TAVUS_FACE_ID",
    "BEY_AVATAR_ID",
)
HEADER = "# Written by `make run`; secrets, keep it private. Delete a line to have it chosen anew.\n"


@dataclass(frozen=True)
class State:
    """What launch knows before it starts anything. `values` are the lines of the environment file."""

    home: Path
    values: Mapping[str, str]
    own_livekit: bool
    own_valkey: bool
    standins: bool = False  # whether stand-ins take the place of the hosted avatars' vendors

    @property
    def web_port(self) -> int:
        return int(self.values["AVATARY_PORT"])

    @property
    def bind(self) -> str:
        return self.values["AVATARY_BIND"]

    def child_environment(self) -> dict[str, str]:
        environment = {**os.environ, **self.values}
        # livekit-server takes a variable of this name for the text of its whole configuration.
        environment.pop("LIVEKIT_CONFIG", None)
        if self.standins:
            for name in REAL_PROVIDERS:
                environment.pop(name, None)
        environment.setdefault("PYTHONWARNINGS", "ignore")  # they speak to developers, and pytest shows them those
        return environment


def home_folder(environment: Mapping[str, str]) -> Path:
    """The state folder, made with mode 0700 when it is not there."""
    home = Path(environment.get("AVATARY_HOME") or ".runtime").expanduser().resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    (home / "log").mkdir(exist_ok=True)
    (home / "bin").mkdir(exist_ok=True)
    return home


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the state folder for this process alone; a second copy on the same folder would share its data files."""
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LaunchError(
                f"Avatary already runs from {home}. Stop it first (Ctrl-C where it runs), "
                "or run another copy with its own AVATARY_HOME and AVATARY_PORT."
            ) from None
        yield


def wants_own_livekit(environment: Mapping[str, str], home: Path) -> bool:
    """Whether LiveKit is ours to install and run: nobody named another server in LIVEKIT_URL."""
    given = environment.get("LIVEKIT_URL")
    return not given or given == read_environment(home).get("AVATARY_OWN_LIVEKIT_URL")


def read_environment(home: Path) -> dict[str, str]:
    """The lines of the environment file; empty when there is none yet."""
    file = home / "environment"
    if not file.exists():
        return {}
    lines = (line.partition("=") for line in file.read_text().splitlines() if not line.startswith("#"))
    return {key: value for key, equals, value in lines if equals}


def write_environment(home: Path, values: Mapping[str, str]) -> None:
    file = home / "environment"
    draft = home / "environment.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        output.write(HEADER)
        output.writelines(f"{key}={value}\n" for key, value in values.items())
    draft.replace(file)


def prepare(environment: Mapping[str, str], home: Path) -> State:
    """Decide every setting, write the environment file, and return the state. Raises `LaunchError` for a taken port."""
    kept = read_environment(home)
    own_livekit = wants_own_livekit(environment, home)
    own_valkey = environment.get("REDIS_URL") in (None, "", kept.get("AVATARY_OWN_REDIS_URL"))
    standins = _wants_standins(environment)
    bind = environment.get("AVATARY_BIND") or LOOPBACK
    web_port = environment.get("AVATARY_PORT") or DEFAULT_WEB_PORT
    values = {
        # Whatever else the installation sets, so that `manage.py` in another terminal agrees with what runs.
        **{name: value for name, value in environment.items() if name.startswith("AVATARY_") and "\n" not in value},
        **_install_variables(environment, standins=standins),
        "AVATARY_HOME": str(home),
        "AVATARY_HOST": _host(environment, kept),
        "AVATARY_PORT": str(_fixed_port("AVATARY_PORT", web_port, bind)),
        "AVATARY_BIND": bind,
        "DJANGO_SECRET_KEY": _secret("DJANGO_SECRET_KEY", environment, kept, length_bytes=50),
    }
    if own_livekit:
        values |= _own_livekit(environment, kept)
    else:
        values |= _others_livekit(environment)
    if own_valkey:
        port = _kept_port("AVATARY_VALKEY_PORT", environment, kept)
        values |= {"AVATARY_VALKEY_PORT": str(port), "REDIS_URL": f"redis://{LOOPBACK}:{port}/0"}
        values["AVATARY_OWN_REDIS_URL"] = values["REDIS_URL"]
    else:
        values["REDIS_URL"] = environment["REDIS_URL"]
    if environment.get("DATABASE_URL"):
        values["DATABASE_URL"] = environment["DATABASE_URL"]
    if standins:
        values |= _standins(environment, kept)
    write_environment(home, values)
    return State(home=home, values=values, own_livekit=own_livekit, own_valkey=own_valkey, standins=standins)


def _install_variables(environment: Mapping[str, str], *, standins: bool) -> dict[str, str]:
    left_out = REAL_PROVIDERS if standins else ()
    return {
        name: environment[name]
        for name in INSTALL_VARIABLES
        if environment.get(name) and name not in left_out and "\n" not in environment[name]
    }


def _own_livekit(environment: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    signal_port = _kept_port("AVATARY_LIVEKIT_PORT", environment, kept)
    media_port = _kept_port("AVATARY_RTC_PORT", environment, kept, but_not=signal_port)
    url = f"ws://{LOOPBACK}:{signal_port}"
    return {
        "AVATARY_LIVEKIT_PORT": str(signal_port),
        "AVATARY_RTC_PORT": str(media_port),
        "AVATARY_OWN_LIVEKIT_URL": url,
        "LIVEKIT_URL": url,
        "LIVEKIT_API_KEY": _secret("LIVEKIT_API_KEY", environment, kept, length_bytes=9),
        "LIVEKIT_API_SECRET": _secret("LIVEKIT_API_SECRET", environment, kept, length_bytes=36),
    }


def _others_livekit(environment: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET") if not environment.get(name)]
    if missing:
        raise LaunchError(f"LIVEKIT_URL names another LiveKit server, so set {' and '.join(missing)} for it too.")
    return {name: environment[name] for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")}


def _wants_standins(environment: Mapping[str, str]) -> bool:
    given = environment.get("PROVIDERS", "")
    if given not in ("", "standin"):
        raise LaunchError(
            f"PROVIDERS is {given!r}. `make run PROVIDERS=standin` puts stand-ins in the place of bitHuman, Tavus and "
            "Beyond Presence; without PROVIDERS the real ones are asked, by the keys in the environment."
        )
    return bool(given)


def _standins(environment: Mapping[str, str], kept: Mapping[str, str]) -> dict[str, str]:
    """Where the agent host finds the stand-ins, by throw-away keys: real ones in the environment are not for them."""
    port = _kept_port("AVATARY_STANDINS_PORT", environment, kept)
    url = f"http://{LOOPBACK}:{port}"
    keys = ("BITHUMAN_API_SECRET", "TAVUS_API_KEY", "BEY_API_KEY")
    return {
        "AVATARY_STANDINS_PORT": str(port),
        "BITHUMAN_API_URL": f"{url}/bithuman/v1/runtime-tokens/request",
        "TAVUS_API_URL": f"{url}/tavus/v2",
        "BEY_API_URL": f"{url}/bey",
        **{name: _secret(name, {}, kept, length_bytes=18) for name in keys},
    }


def _secret(name: str, environment: Mapping[str, str], kept: Mapping[str, str], *, length_bytes: int) -> str:
    return environment.get(name) or kept.get(name) or secrets.token_urlsafe(length_bytes)


def _kept_port(
    name: str, environment: Mapping[str, str], kept: Mapping[str, str], *, but_not: int | None = None
) -> int:
    """The port that the environment fixes, else the one of the last run if it is still free, else another free one."""
    given = environment.get(name)
    if given:
        return _fixed_port(name, given, LOOPBACK, socket.SOCK_DGRAM if name in UDP_PORTS else socket.SOCK_STREAM)
    port = int(kept.get(name) or 0)
    return port if port and is_free(LOOPBACK, port) else free_port(LOOPBACK, but_not=but_not)


def _fixed_port(name: str, given: str, address: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    if not given.isdecimal() or not 0 < int(given) < 65_536:
        raise LaunchError(f"{name} is {given!r}, which is no port number (1 to 65535).")
    error = bind_error(address, int(given), kind)
    if error is not None and error.errno == errno.EADDRINUSE:
        raise LaunchError(
            f"Port {given} on {address} is taken by another program. Stop it, or choose another port: "
            f"{name}={_another(int(given), address, kind)} make run"
        )
    if error is not None:
        raise LaunchError(f"{name}: nothing can listen on {address} port {given}: {error.strerror or error}.")
    return int(given)


def _another(port: int, address: str, kind: socket.SocketKind) -> int:
    following = range(port + 1, min(port + 100, 65_536))
    return next((other for other in following if bind_error(address, other, kind) is None), port + 1)


def _host(environment: Mapping[str, str], kept: Mapping[str, str]) -> str:
    """Name of this avatar host: the one that is given, else that of the last run, else this machine's short name."""
    given = environment.get("AVATARY_HOST")
    if not given:
        kept_name = kept.get("AVATARY_HOST", "")
        return kept_name if HOST_NAME.fullmatch(kept_name) else _fit_host_name(socket.gethostname().partition(".")[0])
    if not HOST_NAME.fullmatch(given):
        raise LaunchError(
            f"AVATARY_HOST is {given!r}, which is no name for an avatar host: use 1 to 40 of a-z, 0-9 and the hyphen, "
            f"beginning with a letter or digit. For example: AVATARY_HOST={_fit_host_name(given)} make run"
        )
    return given


def _fit_host_name(name: str) -> str:
    """The name made fit for a queue's and an agent's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].rstrip("-") or "localhost"
