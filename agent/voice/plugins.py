"""Any LiveKit plugin in place of a local part, by the host's environment: speech to text, answers, speech.

    AVATARY_STT=livekit.plugins.deepgram:STT            module and class; the package must be installed
    AVATARY_STT_OPTIONS={"model": "nova-3"}             JSON: what the class is made with
    AVATARY_LLM, AVATARY_LLM_OPTIONS, AVATARY_TTS, AVATARY_TTS_OPTIONS      likewise

Keys are the plugin's own variables (DEEPGRAM_API_KEY and so on). Without a variable the local part serves.
"""

import importlib
import json
import os
from enum import StrEnum
from typing import Any, Final

from livekit.agents import llm, stt, tts

from agent.environment import InvalidEnvironment


class Part(StrEnum):
    """What a plugin can replace; the name of its variable."""

    STT = "AVATARY_STT"
    LLM = "AVATARY_LLM"
    TTS = "AVATARY_TTS"


_KINDS: Final[dict[Part, type[Any]]] = {Part.STT: stt.STT, Part.LLM: llm.LLM, Part.TTS: tts.TTS}


def replacement(part: Part) -> Any:
    """The configured `stt.STT`, `llm.LLM` or `tts.TTS`, newly made; None where none is configured.

    Raises `InvalidEnvironment` with a sentence that names the variable and what is wrong with it.
    """
    path = os.environ.get(part)
    if not path:
        return None
    module_name, _, class_name = path.partition(":")
    try:
        made = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidEnvironment(
            f"{part}={path}: {error}. Name it as module:class, and install its package into the agent's environment"
        ) from error
    options = _options(part)
    if not (isinstance(made, type) and issubclass(made, _KINDS[part])):
        raise InvalidEnvironment(
            f"{part}={path}: it is no {_KINDS[part].__module__}.{_KINDS[part].__name__} of LiveKit"
        )
    try:
        return made(**options)
    except Exception as error:  # whatever a vendor's class raises: a missing key, an unknown option
        raise InvalidEnvironment(f"{part}={path} with {part}_OPTIONS can't be made: {error}") from error


def _options(part: Part) -> dict[str, Any]:
    name = f"{part}_OPTIONS"
    try:
        options = json.loads(os.environ.get(name) or "{}")
    except ValueError as error:
        raise InvalidEnvironment(f"{name} is no JSON: {error}") from error
    if not isinstance(options, dict):
        raise InvalidEnvironment(f"{name} is no JSON object: write it as {{}} with names and values")
    return options
