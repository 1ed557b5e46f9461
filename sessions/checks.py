"""Start-up checks of what the environment says about avatars: numbered, each with its fix. `manage.py check` makes them."""

import os
from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from protocol.install import WITHOUT_EFFECT, read_install


@register("avatary")
def check_install_variables(**_: Any) -> list[CheckMessage]:
    """avatary.E001: a value that is none. E002: values that can't be together. W001: a variable without effect."""
    found: list[CheckMessage] = []
    for bad in read_install(os.environ).bad:
        if bad.is_contradiction:
            text = f"{bad.name} can’t be together in the mode {bad.value}."
            found.append(Error(text, hint=bad.fix, id="avatary.E002"))
        else:
            found.append(Error(f"{bad.name}={bad.value} is of no use.", hint=bad.fix, id="avatary.E001"))
    for name, why in WITHOUT_EFFECT.items():
        if os.environ.get(name):
            found.append(Warning(f"{name} has no effect.", hint=f"{why} Remove the variable.", id="avatary.W001"))
    return found
