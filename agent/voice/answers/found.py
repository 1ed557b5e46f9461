"""What a search asks for and finds: plain data that crosses the shared process's socket."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocol.jobspec import Language

MAX_QUESTION_CHARS = 600  # the end of a long monologue is what is answered


class Search(BaseModel):
    """A question to one knowledge. `context` is the question that the visitor's words may lean on; `by_sound` finds
    pairs that sound like it, too, where it was heard badly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    knowledge: str  # sha256 of the knowledge's asset
    question: str
    language: Language
    context: str | None = None
    by_sound: bool = False


class Found(BaseModel):
    """A pair or a passage, with how well it answers: 1 is word for word, below `SURE` it is a guess."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["pair", "passage"]
    id: str  # the pair's, or the passage's number
    group: str  # of a pair: the same in all languages; of a passage: the document
    language: Language
    question: str  # of a passage: the document's name
    answer: str  # of a passage: the sentences that fit
    topic: str
    score: float


class SearchReply(BaseModel):
    """The best first. `topics` are those of the visitor's language; `understood` is the share of texts that have vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    found: list[Found] = []
    in_context: list[Found] = []  # the same for the question read together with its context
    topics: list[str] = []
    examples: list[str] = []  # questions that have an answer
    is_empty: bool = False
    understood: Annotated[float, Field(ge=0, le=1)] = 1.0
    took_ms: float = 0.0
