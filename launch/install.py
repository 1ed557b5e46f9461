"""Install what is missing: `python3 -m launch.install [--dev] [--packages-only]`. Needs Python's standard library alone.

The LiveKit server is built beside the downloads of packages. All that is there already costs a few milliseconds.
"""

import argparse
import asyncio
import os
import sys

from launch.browser import check_playwright, find_chromium
from launch.children import Interrupted, run_until_interrupted
from launch.console import say
from launch.errors import LaunchError
from launch.livekit import get_server
from launch.packages import install_browser_packages, install_python_packages
from launch.state import home_folder, wants_own_livekit
from launch.translations import compile_translations

RUN_LISTS = ["requirements.txt"]
DEV_LISTS = ["requirements.txt", "requirements-dev.txt"]


async def install(*, dev: bool, packages_only: bool) -> None:
    home = home_folder(os.environ)
    if dev and not packages_only:
        find_chromium()
    try:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(install_python_packages(DEV_LISTS if dev else RUN_LISTS))
            parts.create_task(install_browser_packages(home))
            if not packages_only and wants_own_livekit(os.environ, home):
                parts.create_task(get_server(home))
    except BaseExceptionGroup as failures:
        refused = failures.subgroup(LaunchError)
        if refused is None:
            raise
        raise refused.exceptions[0] from None
    if dev and not packages_only:
        await check_playwright()
    await compile_translations()


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dev", action="store_true", help="also the tools for tests and lint, and a browser")
    arguments.add_argument("--packages-only", action="store_true", help="no LiveKit server, no look for a browser")
    options = arguments.parse_args()
    try:
        run_until_interrupted(install(dev=options.dev, packages_only=options.packages_only))
    except Interrupted:
        return 130
    except LaunchError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
