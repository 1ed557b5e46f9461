"""Whether bitHuman could draw a face: key, credits, agent, and what the host has of its own."""

import importlib.util
import os
from pathlib import Path
from typing import Final

from agent.environment import HostEnvironment
from agent.vendors.api import Reply, VendorApi
from agent.vendors.findings import Findings
from protocol.assets import asset_path_parts
from protocol.modes import BithumanModel
from protocol.providers import BitHumanChoice, BitHumanSettings, Place
from protocol.vendors import Check, Outcome

FEW_CREDITS: Final = 100.0  # a quarter of an hour or two of one avatar
SDK: Final = "bithuman"


def check_bithuman(api: VendorApi, settings: BitHumanSettings, model: BithumanModel, found: Findings) -> bool:
    """Returns whether the key was taken. Raises `Unreachable`."""
    valid = api.post("v1", "validate")
    if not valid.is_good:
        return found.refused(api, valid)
    if valid.body.get("valid") is not True:
        found.key_refused(api)
        return False
    found.add(Check.KEY, Outcome.OK, "bitHuman takes the key.")
    _check_credits(api.get("v1", "me"), found)
    if settings.avatar_id is not None and settings.place is Place.CLOUD:
        _check_agent(api.get("v1", "agent", settings.avatar_id), settings, model, found)
    return True


def _check_credits(reply: Reply, found: Findings) -> None:
    account = reply.body.get("data")
    balance = account.get("credit_balance") if reply.is_good and isinstance(account, dict) else None
    if not isinstance(balance, (int, float)) or not isinstance(account, dict):
        found.add(Check.QUOTA, Outcome.UNKNOWN, "bitHuman does not tell what is left of the credits.")
        return
    status = str(account.get("account_status", "active"))
    if status != "active":
        found.add(Check.QUOTA, Outcome.FAILED, f"bitHuman says that the account is {status}. Look at its billing page.")
    elif balance <= 0:
        found.add(Check.QUOTA, Outcome.FAILED, "No credits are left. Buy some: bitHuman refuses to start until then.")
    elif balance < FEW_CREDITS:
        found.add(Check.QUOTA, Outcome.WARNING, f"Only {balance:g} credits are left; one avatar takes 2 to 4 a minute.")
    else:
        found.add(Check.QUOTA, Outcome.OK, f"{balance:g} credits are left.")


def _check_agent(reply: Reply, settings: BitHumanSettings, model: BithumanModel, found: Findings) -> None:
    code = settings.avatar_id
    agent = reply.body.get("data")
    if reply.status == 404:
        found.add(Check.FACE, Outcome.FAILED, f"bitHuman knows no agent {code}. Copy its code from bitHuman’s console.")
        return
    if not reply.is_good or not isinstance(agent, dict):
        found.add(Check.FACE, Outcome.UNKNOWN, f"bitHuman did not tell about the agent (HTTP {reply.status}).")
        return
    status = str(agent.get("status", "ready"))
    if status != "ready":
        found.add(
            Check.FACE,
            Outcome.FAILED,
            f"The agent {code} is not ready at bitHuman: {status}. Wait, or make it anew.",
        )
        return
    drawn_by = {BitHumanChoice.AS_MODE: model.value, BitHumanChoice.VENDOR: None}.get(settings.model, settings.model)
    models = agent.get("supported_models")
    if drawn_by and isinstance(models, list) and drawn_by not in models:
        known = ", ".join(map(str, models))
        sentence = f"The agent {code} can’t be drawn by {drawn_by}; it can by {known}. Choose one of them."
        found.add(Check.FACE, Outcome.FAILED, sentence)
        return
    found.add(Check.FACE, Outcome.OK, f"The agent {code} is there: {agent.get('name') or 'without a name'}.")


def check_files(settings: BitHumanSettings, environment: HostEnvironment, found: Findings) -> None:
    """What of its own the host needs for bitHuman."""
    if settings.place is Place.LOCAL:
        _check_model_file(Path(settings.model_path or ""), environment.host, found)
    elif settings.image is not None:
        picture = environment.home.joinpath(*asset_path_parts(settings.image.sha256))
        if not picture.is_file():
            sentence = "The picture is not on this host yet; a session fetches it when it starts."
            found.add(Check.FACE, Outcome.UNKNOWN, sentence)
        elif _can_be_unpacked(picture):
            found.add(Check.FACE, Outcome.OK, f"The picture “{settings.image.name}” can be read.")
        else:
            sentence = f"The picture “{settings.image.name}” is broken. Export it again, then choose it again."
            found.add(Check.FACE, Outcome.FAILED, sentence)


def _check_model_file(path: Path, host: str, found: Findings) -> None:
    if not os.path.isfile(path):
        found.add(
            Check.FACE,
            Outcome.FAILED,
            f"There is no file {path} on {host}. Copy the model there, or correct the path.",
        )
    elif not os.access(path, os.R_OK):
        found.add(Check.FACE, Outcome.FAILED, f"{path} on {host} can’t be read by this user. Change who may read it.")
    elif importlib.util.find_spec(SDK) is None:
        sentence = f"{path} is there, and bitHuman’s SDK is not: install the package “{SDK}” on {host}."
        found.add(Check.FACE, Outcome.FAILED, sentence)
    else:
        size_mb = path.stat().st_size / 1024**2
        found.add(Check.FACE, Outcome.OK, f"{path} is there ({size_mb:.0f} MB), and bitHuman’s SDK too.")


def _can_be_unpacked(path: Path) -> bool:
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8) is not None
