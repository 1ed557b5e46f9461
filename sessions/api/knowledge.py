"""What a profile knows."""

from typing import Annotated
from uuid import UUID

from ninja import Router, Schema
from pydantic import ConfigDict, Field

from operators.bearer import ApiRequest
from operators.models import Role
from protocol.jobspec import Language
from protocol.knowledge import (
    MAX_ANSWER_CHARS,
    MAX_DOCUMENT_BYTES,
    MAX_DOCUMENTS,
    MAX_PAIRS,
    MAX_PHRASINGS,
    MAX_TOPIC_CHARS,
    Knowledge,
    Pair,
    PairId,
    Question,
)
from sessions import assets
from sessions.access import get_profile_for
from sessions.actions.knowledge import document_of, new_pair_id, replace_knowledge
from sessions.knowledge.store import read_knowledge
from sessions.models import ProfileVersion

router = Router(tags=["profiles and modes"])


class PairIn(Schema):
    """`id` and `group` may be left out; pairs of one group say the same in different languages."""

    model_config = ConfigDict(extra="forbid")

    id: PairId | None = None
    group: PairId | None = None
    language: Language = "en"
    question: Question
    also: Annotated[list[Question], Field(max_length=MAX_PHRASINGS)] = []
    answer: Annotated[str, Field(min_length=1, max_length=MAX_ANSWER_CHARS)]
    topic: Annotated[str, Field(max_length=MAX_TOPIC_CHARS)] = ""

    def as_pair(self) -> Pair:
        number = self.id or new_pair_id()
        return Pair.model_validate({**self.model_dump(), "id": number, "group": self.group or number})


class DocumentIn(Schema):
    """A document as plain text."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=120)]
    text: Annotated[str, Field(min_length=1, max_length=MAX_DOCUMENT_BYTES)]


class KnowledgeIn(Schema):
    model_config = ConfigDict(extra="forbid")

    pairs: Annotated[list[PairIn], Field(max_length=MAX_PAIRS)] = []
    documents: Annotated[list[DocumentIn], Field(max_length=MAX_DOCUMENTS)] = []


class KnowledgeOut(Schema):
    version: int
    pairs: list[Pair]
    documents: list[DocumentIn]

    @classmethod
    def of(cls, version: ProfileVersion) -> "KnowledgeOut":
        knowledge = read_knowledge(version.knowledge)
        documents = [DocumentIn(name=each.name, text=assets.read(each.sha256).decode()) for each in knowledge.documents]
        return cls(version=version.number, pairs=knowledge.pairs, documents=documents)


@router.get("profiles/{uuid:code}/knowledge", response=KnowledgeOut)
def get_knowledge(request: ApiRequest, code: UUID) -> KnowledgeOut:
    """What the profile's newest version knows."""
    version = get_profile_for(request.auth, code).current
    assert version is not None, "a profile is written together with its first version"  # noqa: S101
    return KnowledgeOut.of(version)


@router.put("profiles/{uuid:code}/knowledge", response=KnowledgeOut)
def put_knowledge(request: ApiRequest, code: UUID, body: KnowledgeIn) -> KnowledgeOut:
    """A new version that knows this and nothing else; sessions that run keep the one that they started with."""
    actor = request.auth
    profile = get_profile_for(actor, code, Role.OPERATOR)
    knowledge = Knowledge(
        pairs=[pair.as_pair() for pair in body.pairs],
        documents=[document_of(document.name, document.text) for document in body.documents],
    )
    return KnowledgeOut.of(replace_knowledge(profile, knowledge, by=actor.label))
