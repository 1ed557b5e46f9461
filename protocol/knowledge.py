"""What an avatar knows: questions with their answers, and documents. An asset: JSON of `Knowledge`.

Written by the control plane with each version of a profile; read by jobs on avatar hosts.
"""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from protocol.assets import Sha256
from protocol.jobspec import Language

MAX_PAIRS: Final = 2_000
MAX_DOCUMENTS: Final = 20
MAX_DOCUMENT_BYTES: Final = 5 * 1024 * 1024  # as uploaded, and as text
MAX_QUESTION_CHARS: Final = 300
MAX_PHRASINGS: Final = 30
MAX_ANSWER_CHARS: Final = 2_000
MAX_TOPIC_CHARS: Final = 60

Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARS)]
PairId = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]


class Pair(BaseModel):
    """One question with its answer in one language. Pairs of the same `group` say the same thing in different languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: PairId  # unique within the knowledge
    group: PairId
    language: Language
    question: Question
    also: Annotated[list[Question], Field(max_length=MAX_PHRASINGS)] = []  # other ways to ask it
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER_CHARS)]
    topic: Annotated[str, Field(max_length=MAX_TOPIC_CHARS)] = (
        ""  # what the avatar names when asked what it can talk about
    )


class Document(BaseModel):
    """A document: its plain text is an asset of its own (UTF-8)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=120)]
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=1, le=MAX_DOCUMENT_BYTES)]


class Knowledge(BaseModel):
    """All that a version of a profile knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pairs: Annotated[list[Pair], Field(max_length=MAX_PAIRS)] = []
    documents: Annotated[list[Document], Field(max_length=MAX_DOCUMENTS)] = []
