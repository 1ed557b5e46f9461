"""A trial's visitor: what a program on the host says to an avatar, so that two modes are measured by the same conversation."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

MAX_QUESTIONS: Final = 12
MAX_QUESTION_CHARS: Final = 300


class TrialOrder(BaseModel):
    """Given to `python -m agent trial-visitor` on its standard input: the token opens one room, for minutes.

    The program prints `{"asked": n}` lines, and `{"done": {"asked": n, "answered": n}}` at the end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: Annotated[str, Field(min_length=1, max_length=4_000)]
    questions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)]],
        Field(min_length=1, max_length=MAX_QUESTIONS),
    ]


class TrialDone(BaseModel):
    """How it went: questions that were said, and those after which something was heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    asked: Annotated[int, Field(ge=0)]
    answered: Annotated[int, Field(ge=0)]
