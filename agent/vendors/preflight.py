"""Whether a profile's providers could draw its face from this host now, told check by check."""

import importlib.util
import ipaddress
import os
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from agent.environment import HostEnvironment
from agent.vendors.api import Reply, Unreachable, VendorApi
from protocol.assets import asset_path_parts
from protocol.modes import BithumanModel
from protocol.providers import (
    BEY,
    BITHUMAN,
    HOSTED,
    SETTINGS,
    TAVUS,
    VARIABLES,
    BeySettings,
    BitHumanChoice,
    BitHumanSettings,
    Place,
    TavusSettings,
)
from protocol.vendors import Check, CheckResult, Outcome, PreflightOrder, Target

SLOW_MS: Final = 1_000.0
FEW_CREDITS: Final = 100.0  # a quarter of an hour or two of one avatar
SDK: Final = "bithuman"


def preflight(order: PreflightOrder, environment: HostEnvironment) -> list[CheckResult]:
    """All checks of all targets. Raises nothing: what can't be asked is an outcome."""
    return [result for target in order.targets for result in _Preflight(target, order.model, environment).run()]


class _Preflight:
    """The checks of one target, in their order; what comes after one that makes it meaningless is left out."""

    def __init__(self, target: Target, model: BithumanModel, environment: HostEnvironment) -> None:
        self._provider = target.provider
        self._target = target
        self._model = model
        self._environment = environment
        self._results: list[CheckResult] = []

    def run(self) -> list[CheckResult]:
        if self._provider not in SETTINGS:
            return [self._result(Check.FACE, Outcome.FAILED, f"This host has no provider {self._provider!r}.")]
        try:
            settings = SETTINGS[self._provider].model_validate(self._target.settings)
        except ValidationError as error:
            problems = "; ".join(problem["msg"] for problem in error.errors())
            return [self._result(Check.FACE, Outcome.FAILED, f"It is not set up: {problems}.")]
        if self._provider not in HOSTED:
            return [
                self._result(Check.FACE, Outcome.OK, "Drawn on this host: there is no key, no quota and no way to it.")
            ]
        try:
            self._check(settings)
        except Unreachable as error:
            self._add(Check.REACHABLE, Outcome.FAILED, str(error))
        return sorted(self._results, key=lambda result: list(Check).index(result.check))

    def _check(self, settings: Any) -> None:
        if isinstance(settings, BitHumanSettings):
            self._check_files(settings)
        variable = VARIABLES[self._provider].key
        if not os.environ.get(variable):
            self._add(
                Check.KEY,
                Outcome.FAILED,
                f"{variable} is not set on {self._environment.host}. Set it in the environment of its processes, and start "
                "them again.",
            )
            return
        api = VendorApi(self._provider)
        ask: Mapping[str, Callable[[VendorApi, Any], bool]] = {
            BITHUMAN: self._bithuman,
            TAVUS: self._tavus,
            BEY: self._bey,
        }
        is_in = ask[self._provider](api, settings)
        median_ms = statistics.median(api.took_ms)
        sentence = f"{api.name} answers in {median_ms:.0f} ms, the median of {len(api.took_ms)}."
        outcome = Outcome.OK
        if median_ms > SLOW_MS:
            outcome = Outcome.WARNING
            sentence += " That is slow: starts will take longer, and may run into the mode’s time limit."
        self._add(Check.REACHABLE, outcome, sentence, took_ms=round(median_ms, 1))
        is_local = isinstance(settings, BitHumanSettings) and settings.place is Place.LOCAL
        if is_in and not is_local:
            self._check_way_in(api)

    # -- vendors: each returns whether the key was taken ---------------------------------------------------------------

    def _bithuman(self, api: VendorApi, settings: BitHumanSettings) -> bool:
        valid = api.post("v1", "validate")
        if not valid.is_good:
            return self._refused(api, valid)
        if valid.body.get("valid") is not True:
            self._key_refused(api)
            return False
        self._add(Check.KEY, Outcome.OK, "bitHuman takes the key.")
        self._credits(api.get("v1", "me"))
        if settings.avatar_id is not None and settings.place is Place.CLOUD:
            self._agent(api.get("v1", "agent", settings.avatar_id), settings)
        return True

    def _credits(self, reply: Reply) -> None:
        account = reply.body.get("data")
        balance = account.get("credit_balance") if reply.is_good and isinstance(account, dict) else None
        if not isinstance(balance, (int, float)) or not isinstance(account, dict):
            self._add(Check.QUOTA, Outcome.UNKNOWN, "bitHuman does not tell what is left of the credits.")
            return
        status = str(account.get("account_status", "active"))
        if status != "active":
            self._add(
                Check.QUOTA, Outcome.FAILED, f"bitHuman says that the account is {status}. Look at its billing page."
            )
        elif balance <= 0:
            self._add(
                Check.QUOTA, Outcome.FAILED, "No credits are left. Buy some: bitHuman refuses to start until then."
            )
        elif balance < FEW_CREDITS:
            self._add(
                Check.QUOTA, Outcome.WARNING, f"Only {balance:g} credits are left; one avatar takes 2 to 4 a minute."
            )
        else:
            self._add(Check.QUOTA, Outcome.OK, f"{balance:g} credits are left.")

    def _agent(self, reply: Reply, settings: BitHumanSettings) -> None:
        code = settings.avatar_id
        agent = reply.body.get("data")
        if reply.status == 404:
            self._add(
                Check.FACE, Outcome.FAILED, f"bitHuman knows no agent {code}. Copy its code from bitHuman’s console."
            )
            return
        if not reply.is_good or not isinstance(agent, dict):
            self._add(Check.FACE, Outcome.UNKNOWN, f"bitHuman did not tell about the agent (HTTP {reply.status}).")
            return
        status = str(agent.get("status", "ready"))
        if status != "ready":
            self._add(
                Check.FACE,
                Outcome.FAILED,
                f"The agent {code} is not ready at bitHuman: {status}. Wait, or make it anew.",
            )
            return
        model = {BitHumanChoice.AS_MODE: self._model.value, BitHumanChoice.VENDOR: None}.get(
            settings.model, settings.model
        )
        models = agent.get("supported_models")
        if model and isinstance(models, list) and model not in models:
            known = ", ".join(map(str, models))
            sentence = f"The agent {code} can’t be drawn by {model}; it can by {known}. Choose one of them."
            self._add(Check.FACE, Outcome.FAILED, sentence)
            return
        self._add(Check.FACE, Outcome.OK, f"The agent {code} is there: {agent.get('name') or 'without a name'}.")

    def _tavus(self, api: VendorApi, settings: TavusSettings) -> bool:
        pal = api.get("pals", settings.pal_id)
        if pal.status in (401, 403):
            return self._refused(api, pal)
        self._add(Check.KEY, Outcome.OK, "Tavus takes the key.")
        self._add(Check.QUOTA, Outcome.UNKNOWN, "Tavus does not tell what is left. Look at its billing page.")
        face = api.get("faces", settings.face_id) if settings.face_id else None
        if not self._is_known(api, pal, f"PAL {settings.pal_id}"):
            return True
        if face is not None and not self._is_known(api, face, f"face {settings.face_id}"):
            return True
        found = pal.body.get("data")
        first = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
        transport = _inner(first, "layers", "transport", "transport_type")
        if transport not in (None, "livekit"):
            sentence = f"The PAL speaks {transport}, not LiveKit: set its transport to livekit, or make another one."
            self._add(Check.FACE, Outcome.FAILED, sentence)
        elif face is not None and face.body.get("status") not in (None, "completed", "ready"):
            self._add(
                Check.FACE, Outcome.FAILED, f"The face is not ready at Tavus: {face.body['status']}. Wait until it is."
            )
        else:
            name = str(face.body.get("face_name")) if face else str(first.get("pal_name") or settings.pal_id)
            self._add(Check.FACE, Outcome.OK, f"The face is there: {name}.")
        return True

    def _bey(self, api: VendorApi, settings: BeySettings) -> bool:
        reply = api.get("v1", "avatars", query="limit=100")
        if reply.status in (401, 403) or not reply.is_good:
            return self._refused(api, reply)
        self._add(Check.KEY, Outcome.OK, "Beyond Presence takes the key.")
        self._add(Check.QUOTA, Outcome.UNKNOWN, "Beyond Presence does not tell what is left. Look at its dashboard.")
        found = reply.body.get("data")
        avatars = (
            {str(each.get("id")): each for each in found if isinstance(each, dict)} if isinstance(found, list) else {}
        )
        if (avatar := avatars.get(settings.avatar_id)) is not None:
            status = str(avatar.get("status", "available"))
            good = status == "available"
            sentence = f"The avatar is there: {avatar.get('name') or settings.avatar_id}."
            self._add(
                Check.FACE,
                Outcome.OK if good else Outcome.FAILED,
                sentence if good else f"The avatar is not available at Beyond Presence: {status}.",
            )
        elif reply.body.get("has_more"):
            self._add(
                Check.FACE, Outcome.UNKNOWN, "The account has more avatars than are looked through; it may be there."
            )
        else:
            sentence = f"Beyond Presence knows no avatar {settings.avatar_id}. Copy its id from the dashboard."
            self._add(Check.FACE, Outcome.FAILED, sentence)
        return True

    # -- what several need ---------------------------------------------------------------------------------------------

    def _is_known(self, api: VendorApi, reply: Reply, what: str) -> bool:
        if reply.status in (400, 404, 422):
            self._add(Check.FACE, Outcome.FAILED, f"{api.name} knows no {what}. Copy its id from {api.name}’s console.")
        elif not reply.is_good:
            self._add(Check.FACE, Outcome.UNKNOWN, f"{api.name} did not tell about the {what} (HTTP {reply.status}).")
        return reply.is_good

    def _refused(self, api: VendorApi, reply: Reply) -> bool:
        if reply.status in (401, 403):
            self._key_refused(api)
        elif reply.status == 429:
            sentence = f"{api.name} has had too many requests from this account. Wait a minute, then check again."
            self._add(Check.KEY, Outcome.UNKNOWN, sentence)
        else:
            self._add(
                Check.KEY, Outcome.UNKNOWN, f"{api.name} is in trouble itself (HTTP {reply.status}). Check again later."
            )
        return False

    def _key_refused(self, api: VendorApi) -> None:
        variable = VARIABLES[self._provider].key
        self._add(
            Check.KEY,
            Outcome.FAILED,
            f"{api.name} does not take the key that {self._environment.host} has. Set {variable} there to one that is good, "
            "and start its processes again.",
        )

    def _check_files(self, settings: BitHumanSettings) -> None:
        if settings.place is Place.LOCAL:
            self._check_model_file(Path(settings.model_path or ""))
        elif settings.image is not None:
            picture = self._environment.home.joinpath(*asset_path_parts(settings.image.sha256))
            if not picture.is_file():
                sentence = "The picture is not on this host yet; a session fetches it when it starts."
                self._add(Check.FACE, Outcome.UNKNOWN, sentence)
            elif _can_be_unpacked(picture):
                self._add(Check.FACE, Outcome.OK, f"The picture “{settings.image.name}” can be read.")
            else:
                sentence = f"The picture “{settings.image.name}” is broken. Export it again, then choose it again."
                self._add(Check.FACE, Outcome.FAILED, sentence)

    def _check_model_file(self, path: Path) -> None:
        host = self._environment.host
        if not path.is_file():
            self._add(
                Check.FACE,
                Outcome.FAILED,
                f"There is no file {path} on {host}. Copy the model there, or correct the path.",
            )
        elif not os.access(path, os.R_OK):
            self._add(
                Check.FACE, Outcome.FAILED, f"{path} on {host} can’t be read by this user. Change who may read it."
            )
        elif importlib.util.find_spec(SDK) is None:
            sentence = f"{path} is there, and bitHuman’s SDK is not: install the package “{SDK}” on {host}."
            self._add(Check.FACE, Outcome.FAILED, sentence)
        else:
            size_mb = path.stat().st_size / 1024**2
            self._add(Check.FACE, Outcome.OK, f"{path} is there ({size_mb:.0f} MB), and bitHuman’s SDK too.")

    def _check_way_in(self, api: VendorApi) -> None:
        """A vendor's cloud comes into our room from the internet."""
        livekit = urlsplit(self._environment.livekit_public_url or "")
        if _is_private(livekit.hostname or "") and not _is_private(urlsplit(api.base).hostname or ""):
            self._add(
                Check.ROOM,
                Outcome.FAILED,
                f"{api.name} comes into the room from the internet, and LIVEKIT_PUBLIC_URL is {livekit.hostname}, which only "
                "this network sees. Use a LiveKit server with a public address.",
            )
        else:
            self._add(Check.ROOM, Outcome.OK, "The LiveKit server can be reached from where the avatar is drawn.")

    def _add(self, check: Check, outcome: Outcome, sentence: str, *, took_ms: float | None = None) -> None:
        self._results.append(self._result(check, outcome, sentence, took_ms))

    def _result(self, check: Check, outcome: Outcome, sentence: str, took_ms: float | None = None) -> CheckResult:
        return CheckResult(
            provider=self._provider, check=check, outcome=outcome, sentence=sentence[:500], took_ms=took_ms
        )


def _is_private(host: str) -> bool:
    """By its name: no name is looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal", ".lan"))
    return address.is_private or address.is_loopback or address.is_link_local


def _can_be_unpacked(path: Path) -> bool:
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_8) is not None


def _inner(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
