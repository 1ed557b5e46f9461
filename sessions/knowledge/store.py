"""What a profile's version knows, as the control plane reads and writes it: assets in the form of `protocol.knowledge`."""

from functools import lru_cache

from django.utils.translation import gettext as _
from pydantic import ValidationError

from protocol.assets import AssetRef
from protocol.knowledge import Knowledge
from sessions import assets
from sessions.errors import SessionError


class KnowledgeUnreadable(SessionError):
    """The asset is there and is no knowledge."""

    code = "knowledge_unreadable"

    def __init__(self) -> None:
        super().__init__(_("What this profile knows can't be read. Choose an earlier version, or replace it."))


def read_knowledge(sha256: str) -> Knowledge:
    """The knowledge of an asset; empty for no asset. Raises `AssetLost`, `KnowledgeUnreadable`."""
    return _parsed(sha256) if sha256 else Knowledge()


def keep_knowledge(knowledge: Knowledge) -> str:
    """Keep a knowledge; its asset's sha256, empty where it holds nothing."""
    if not knowledge.pairs and not knowledge.documents:
        return ""
    return assets.keep(knowledge.model_dump_json().encode())


def knowledge_references(sha256: str, good_until: int) -> tuple[AssetRef | None, list[AssetRef]]:
    """What a job needs to read a knowledge: it, and its documents' texts. Raises `AssetLost`, `KnowledgeUnreadable`."""
    if not sha256:
        return None, []
    documents = [assets.reference(each.sha256, good_until) for each in read_knowledge(sha256).documents]
    return assets.reference(sha256, good_until), documents


@lru_cache(maxsize=16)
def _parsed(sha256: str) -> Knowledge:
    try:
        return Knowledge.model_validate_json(assets.read(sha256))
    except ValidationError as error:
        raise KnowledgeUnreadable from error
