"""Variables of the environment that set an installation's defaults: those that the field's other systems have, by their names.

Precedence, from weakest: what a built-in mode says, the variable, what an operator keeps in a copied mode. A variable therefore
changes the built-in modes alone, each as a new version when the installation starts; sessions on air keep theirs.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from protocol.mode_effects import contradictions
from protocol.modes import BUILT_IN_MODES, DEFAULT_MODE_SLUG, ModeSettings

DEFAULT_MODE_VARIABLE: Final = "DEPLOYMENT_MODE"
SETTING_VARIABLES: Final[Mapping[str, str]] = {
    "AVATAR_VIDEO_WIDTH": "video_width",
    "AVATAR_VIDEO_HEIGHT": "video_height",
    "AVATAR_VIDEO_FPS": "video_fps",
    "OUTPUT_WIDTH": "output_width",
    "COMPRESS_METHOD": "compress_method",
    "LOADING_MODE": "loading_mode",
    "PROCESS_IDLE_VIDEO": "process_idle_video",
    "LIVA_IDEL_VIDEO_ENABLED": "process_idle_video",  # spelled so; the variable above wins
    "BITHUMAN_MODEL": "bithuman_model",
    "BITHUMAN_THREADS": "num_threads",
}
PROFILE_VARIABLES: Final[Mapping[str, str]] = {  # what a new profile's form begins with
    "BITHUMAN_AVATAR_ID": "bithuman_avatar_id",
    "BITHUMAN_MODEL_PATH": "bithuman_model_path",
    "TAVUS_PAL_ID": "tavus_pal_id",
    "TAVUS_FACE_ID": "tavus_face_id",
    "BEY_AVATAR_ID": "bey_avatar_id",
}
LOCAL_MODE_VARIABLE: Final = "BITHUMAN_LOCAL_MODE"
WITHOUT_EFFECT: Final[Mapping[str, str]] = {
    "LIVA_AUTO_SAY_HI": "The greeting is a profile’s: empty it there to have none.",
    "BITHUMAN_API_TOKEN": "It is minted for each room from BITHUMAN_API_SECRET, on the avatar’s host.",
    "BITHUMAN_READY_TIMEOUT": "How long an avatar is waited for is a mode’s time limit.",
    "TAVUS_PERSONA_ID": "Tavus calls it TAVUS_PAL_ID today.",
    "TAVUS_REPLICA_ID": "Tavus calls it TAVUS_FACE_ID today.",
    "EXTRACT_WORKSPACE_TO_LOCAL": "bitHuman’s SDK of today unpacks its models by itself.",
}
ALL_VARIABLES: Final = (
    DEFAULT_MODE_VARIABLE,
    LOCAL_MODE_VARIABLE,
    *SETTING_VARIABLES,
    *PROFILE_VARIABLES,
    *WITHOUT_EFFECT,
)
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off")


class BadVariable(NamedTuple):
    """A variable whose value is of no use, and what to do. A contradiction has the names of all that are set, and the built-in
    mode in which they can't be together as its `value`."""

    name: str
    value: str
    fix: str
    is_contradiction: bool = False


class InstallDefaults(NamedTuple):
    """What the environment says. `modes` are the built-in ones with it; `variables` name, by setting, where it comes from, and
    `profile_variables` by field of a profile. `default_mode_variable` is empty where the default is our own."""

    default_mode: str
    modes: Mapping[str, ModeSettings]
    variables: Mapping[str, str]
    profile: Mapping[str, str]
    profile_variables: Mapping[str, str]
    default_mode_variable: str
    bad: tuple[BadVariable, ...]


def read_install(environment: Mapping[str, str]) -> InstallDefaults:
    """The defaults of an installation; what can't be read is left out and told in `bad`. Raises nothing."""
    bad: list[BadVariable] = []
    chosen: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for name, setting in SETTING_VARIABLES.items():
        text = environment.get(name, "").strip()
        if not text or setting in chosen:
            continue
        value, fix = _value_of(setting, text)
        if fix:
            bad.append(BadVariable(name, text, fix))
        else:
            chosen[setting], variables[setting] = value, name
    modes = {}
    for slug, built_in in BUILT_IN_MODES.items():
        changed, contradiction = _with(built_in, chosen)
        modes[slug] = changed
        if contradiction:
            bad.append(BadVariable(", ".join(variables.values()), slug, contradiction, True))
    mode, mode_variable = environment.get(DEFAULT_MODE_VARIABLE, "").strip(), DEFAULT_MODE_VARIABLE
    if mode not in BUILT_IN_MODES:
        if mode:
            bad.append(
                BadVariable(DEFAULT_MODE_VARIABLE, mode, f"Use one of {', '.join(BUILT_IN_MODES)}, or remove it.")
            )
        mode, mode_variable = DEFAULT_MODE_SLUG, ""
    local = environment.get(LOCAL_MODE_VARIABLE, "").strip()
    if local and _truth(local) is None:
        bad.append(BadVariable(LOCAL_MODE_VARIABLE, local, "Use true or false, or remove it."))
    profile = {field: environment[name].strip() for name, field in PROFILE_VARIABLES.items() if environment.get(name)}
    fields = {field: name for name, field in PROFILE_VARIABLES.items() if field in profile}
    if _truth(local):
        profile["bithuman_source"], fields["bithuman_source"] = "file", LOCAL_MODE_VARIABLE
    return InstallDefaults(mode, modes, variables, profile, fields, mode_variable, tuple(bad))


def _value_of(setting: str, text: str) -> tuple[Any, str]:
    """The value of a variable, and an empty fix; or how to set it right."""
    info = ModeSettings.model_fields[setting]
    if info.annotation is bool:
        truth = _truth(text)
        return truth, "" if truth is not None else "Use true or false, or remove it."
    try:
        # One setting alone, in settings that fit whatever it is within its bounds.
        fitting = {**BUILT_IN_MODES[DEFAULT_MODE_SLUG].model_dump(), "idle_fps": 1, setting: _spelled(setting, text)}
        return getattr(ModeSettings.model_validate(fitting), setting), ""
    except ValidationError as error:
        return None, f"{error.errors()[0]['msg']}. Correct it, or remove it."


def _spelled(setting: str, text: str) -> str:
    """Names as they are spelled here, whatever their case."""
    if setting in ("compress_method", "loading_mode"):
        return text.upper()
    return text.lower() if setting == "bithuman_model" else text


def _with(built_in: ModeSettings, chosen: Mapping[str, Any]) -> tuple[ModeSettings, str]:
    """A built-in mode with what the environment says; rates that may not be above the frame rate follow it down."""
    if not chosen:
        return built_in, ""
    fps = chosen.get("video_fps", built_in.video_fps)
    follows = {"idle_fps": min(built_in.idle_fps, fps), "tv_fps": min(built_in.tv_fps, fps)}
    changed = ModeSettings.model_validate({**built_in.model_dump(), **follows, **chosen})
    problems = contradictions(changed)
    return (built_in, " ".join(problems.values())) if problems else (changed, "")


def _truth(text: str) -> bool | None:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None
