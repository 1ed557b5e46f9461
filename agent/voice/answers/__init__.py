"""What the avatar answers. `make_answerer` gives a LiveKit language model that needs no key."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.environment import HostEnvironment

if TYPE_CHECKING:
    from agent.voice.answers.answerer import Answerer
    from protocol.jobspec import JobSpec


def make_answerer(spec: "JobSpec", emit: Callable[..., None]) -> "Answerer":
    """The session's answers, as the host's environment chooses: from the knowledge, or by a hosted model that is given it.

    Cheap to make. Await `prepare()` (as the step `StepKey.KNOWLEDGE`) once the session is READY; `aclose()` at the end.
    Raises `InvalidEnvironment` for half a configuration of a hosted model.
    """
    from agent.voice.answers.answerer import Answerer
    from agent.voice.answers.hosted import HostedModel, HostedSettings

    settings = HostedSettings.read()
    hosted = HostedModel(settings) if settings else None
    return Answerer(spec, home=HostEnvironment.read().home, emit=emit, hosted=hosted)
