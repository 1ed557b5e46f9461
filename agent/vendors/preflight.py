"""Whether a profile's providers could draw its face from this host now, told check by check."""

import ipaddress
import os
import statistics
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from agent.environment import HostEnvironment
from agent.vendors.api import Unreachable, VendorApi
from agent.vendors.bey import check_bey
from agent.vendors.bithuman import check_bithuman, check_files
from agent.vendors.findings import Findings
from agent.vendors.tavus import check_tavus
from protocol.modes import BithumanModel
from protocol.providers import HOSTED, SETTINGS, VARIABLES, BitHumanSettings, Place, TavusSettings
from protocol.vendors import Check, CheckResult, Outcome, PreflightOrder, Target

SLOW_MS: Final = 1_000.0


def preflight(order: PreflightOrder, environment: HostEnvironment) -> list[CheckResult]:
    """All checks of all targets. Raises nothing: what can't be asked is an outcome."""
    return [result for target in order.targets for result in _checked(target, order.model, environment)]


def _checked(target: Target, model: BithumanModel, environment: HostEnvironment) -> list[CheckResult]:
    """The checks of one target; what comes after one that makes it meaningless is left out."""
    provider = target.provider
    found = Findings(provider, environment.host)
    if provider not in SETTINGS:
        found.add(Check.FACE, Outcome.FAILED, f"This host has no provider {provider!r}.")
        return found.in_order
    try:
        settings = SETTINGS[provider].model_validate(target.settings)
    except ValidationError as error:
        problems = "; ".join(problem["msg"] for problem in error.errors())
        found.add(Check.FACE, Outcome.FAILED, f"It is not set up: {problems}.")
        return found.in_order
    if provider not in HOSTED:
        found.add(Check.FACE, Outcome.OK, "Drawn on this host: there is no key, no quota and no way to it.")
        return found.in_order
    try:
        _check_hosted(settings, model, environment, found)
    except Unreachable as error:
        found.add(Check.REACHABLE, Outcome.FAILED, str(error))
    return found.in_order


def _check_hosted(settings: Any, model: BithumanModel, environment: HostEnvironment, found: Findings) -> None:
    is_bithuman = isinstance(settings, BitHumanSettings)
    if is_bithuman:
        check_files(settings, environment, found)
    variable = VARIABLES[found.provider].key
    if not os.environ.get(variable):
        found.add(
            Check.KEY,
            Outcome.FAILED,
            f"{variable} is not set on {environment.host}. Set it in the environment of its processes, and start them again.",
        )
        return
    api = VendorApi(found.provider)
    if is_bithuman:
        takes_key = check_bithuman(api, settings, model, found)
    elif isinstance(settings, TavusSettings):
        takes_key = check_tavus(api, settings, found)
    else:
        takes_key = check_bey(api, settings, found)
    _tell_latency(api, found)
    is_local = is_bithuman and settings.place is Place.LOCAL
    if takes_key and not is_local:
        _check_way_in(api, environment, found)


def _tell_latency(api: VendorApi, found: Findings) -> None:
    median_ms = statistics.median(api.took_ms)
    outcome, sentence = Outcome.OK, f"{api.name} answers in {median_ms:.0f} ms, the median of {len(api.took_ms)}."
    if median_ms > SLOW_MS:
        outcome = Outcome.WARNING
        sentence += " That is slow: starts will take longer, and may run into the mode’s time limit."
    found.add(Check.REACHABLE, outcome, sentence, took_ms=round(median_ms, 1))


def _check_way_in(api: VendorApi, environment: HostEnvironment, found: Findings) -> None:
    """A vendor's cloud comes into our room from the internet."""
    livekit = urlsplit(environment.livekit_public_url or "")
    if _is_private(livekit.hostname or "") and not _is_private(urlsplit(api.base).hostname or ""):
        found.add(
            Check.ROOM,
            Outcome.FAILED,
            f"{api.name} comes into the room from the internet, and LIVEKIT_PUBLIC_URL is {livekit.hostname}, which only "
            "this network sees. Use a LiveKit server with a public address.",
        )
    else:
        found.add(Check.ROOM, Outcome.OK, "The LiveKit server can be reached from where the avatar is drawn.")


def _is_private(host: str) -> bool:
    """By its name: no name is looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal", ".lan"))
    return address.is_private or address.is_loopback or address.is_link_local
