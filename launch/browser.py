"""Where the browser for the end-to-end tests is."""

import os
import shutil
from pathlib import Path

from launch.errors import LaunchError

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
