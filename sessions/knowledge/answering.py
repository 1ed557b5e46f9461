"""What an avatar would answer, asked of the agent's own program on this machine."""

import json
import subprocess
import sys
from typing import Any, Final

import pydantic
from django.conf import settings
from django.utils.translation import gettext as _

from protocol.jobspec import Language
from sessions.errors import SessionError

TIMEOUT_S: Final = 30


class NoAnswer(SessionError):
    """The agent's program failed."""

    code = "no_answer"
    status = 503

    def __init__(self, reason: str) -> None:
        super().__init__(
            _("The question could not be tried: %(reason)s. The profile is as it was.")
            % {"reason": reason or _("the agent gave no answer")}
        )


class Best(pydantic.BaseModel):
    """What fitted best: a pair's question, or a document's name; `score` 1 is word for word."""

    kind: str
    question: str
    answer: str
    score: float


class TriedAnswer(pydantic.BaseModel):
    """One answer and where it comes from. `understood` is the share of texts that are matched by meaning already."""

    text: str
    kind: str
    language: Language
    best: Best | None
    understood: float
    took_ms: float

    @property
    def score_percent(self) -> int:
        return round(100 * self.best.score) if self.best else 0


def try_question(knowledge: str, question: str, language: str) -> TriedAnswer:
    """Takes a second where no agent worker runs on this machine, else a fifth of one. Raises `NoAnswer`."""
    command = [sys.executable, "-m", "agent", "answer", "--language", language, "--", knowledge or "none", question]
    try:
        result: subprocess.CompletedProcess[Any] = subprocess.run(  # noqa: S603 (the question is one argument after --)
            command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        if result.returncode:
            raise NoAnswer(result.stderr.strip()[-200:])
        return TriedAnswer.model_validate(json.loads(result.stdout.splitlines()[-1]))
    except subprocess.TimeoutExpired:
        raise NoAnswer(_("it took too long")) from None
    except (ValueError, IndexError) as error:
        raise NoAnswer(str(error)[:200]) from error
