"""Start-up checks of what the environment says about avatars: numbered, each with its fix. `manage.py check` makes them."""

import os
from difflib import get_close_matches
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Warning, register

from protocol.install import ALL_VARIABLES, WITHOUT_EFFECT, read_install
from protocol.providers import VARIABLES

_PREFIXES: Final = ("LIVA_", "BITHUMAN_", "TAVUS_", "BEY_")  # of variables that nothing else has
_KNOWN: Final = {*ALL_VARIABLES, *(name for each in VARIABLES.values() for name in (each.key, each.url))}


@register("avatary")
def check_install_variables(**_: Any) -> list[CheckMessage]:
    """avatary.E001: a value that is none. E002: values that can't be together. W001: a variable without effect.
    W002: one of a vendor's that is not known, as a misspelt one is."""
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
    for name in sorted(os.environ):
        if name.startswith(_PREFIXES) and name not in _KNOWN:
            meant = "".join(f" Is {near} meant?" for near in get_close_matches(name, _KNOWN, n=1))
            hint = f"Correct or remove it.{meant} docs/settings.md lists those that are."
            found.append(Warning(f"{name} is not known here and has no effect.", hint=hint, id="avatary.W002"))
    return found
