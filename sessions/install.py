"""The installation's defaults from the environment, as pages and actions ask for them."""

import os
from functools import cache

from protocol.install import InstallDefaults, read_install


@cache
def install() -> InstallDefaults:
    """Read once: an environment does not change while a process runs."""
    return read_install(os.environ)
