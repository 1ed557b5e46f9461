"""The models that the shared process knows, each imported and made at its first use."""

import importlib
from collections.abc import Callable
from typing import Final, Protocol

from agent.models.messages import Message


class Dropped(Exception):
    """Raised by a model that gave up a question which was not `wanted()` any more."""


class Model(Protocol):
    """Made once in the shared process. Called in threads of its own, at most `workers` at once; raises `ValueError` for
    what it can't use. `wanted()` turns false when the question may be given up: raise `Dropped` then, where it saves work.
    """

    workers: int

    def __call__(self, request: Message, wanted: Callable[[], bool]) -> Message: ...


# method -> where its model is made; a model's own module says what its questions and answers are
MODELS: Final[dict[str, str]] = {
    "answers": "agent.voice.answers.library:Library",
    "speech_to_text": "agent.models.speech_to_text:SpeechToText",
    "turn_end": "agent.models.turn_end:TurnEnd",
}


def make_model(method: str) -> Model:
    """Imports and loads; takes seconds. Raises `KeyError` for a method that nobody registered."""
    module, _, name = MODELS[method].partition(":")
    model: Model = getattr(importlib.import_module(module), name)()
    return model
