"""The browser for the end-to-end tests, and what drives it."""

import os
import shutil
from pathlib import Path

from launch import children
from launch.errors import CommandFailed, LaunchError
from launch.packages import VENV

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLAYWRIGHTS_OWN = Path("~/.cache/ms-playwright")


def find_chromium() -> Path:
    """Chromium's program: CHROMIUM, else the one on PATH, else Playwright's own. Raises `LaunchError` saying how to get one."""
    given = os.environ.get("CHROMIUM")
    candidates = [given] if given else [*NAMES]
    for name in candidates:
        program = shutil.which(name)
        if program is not None:
            return Path(program)
    if not given:
        for program_path in sorted(PLAYWRIGHTS_OWN.expanduser().glob("chromium-*/chrome-linux*/chrome"), reverse=True):
            return program_path
    raise LaunchError(
        "The end-to-end tests need Chromium, and there is none here. On Debian: apt-get install chromium; elsewhere: "
        ".venv/bin/playwright install chromium; or set CHROMIUM to the program's path."
    )


async def check_playwright() -> None:
    """Playwright drives the browser, by a Node.js of its own. Raises `LaunchError` where that does not start."""
    try:
        await children.run("playwright", [VENV / "bin" / "playwright", "--version"])
    except CommandFailed as failure:
        raise LaunchError(
            f"{failure}\nThe end-to-end tests need Playwright, and it does not start here. On Debian, where "
            "libatomic.so.1 is missing: apt-get install libatomic1; then try again."
        ) from failure
