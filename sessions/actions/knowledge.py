"""What a profile knows: every change is a new version of the profile; sessions keep the one that they started with."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from pydantic import ValidationError as Malformed

from protocol.knowledge import MAX_DOCUMENT_BYTES, MAX_DOCUMENTS, MAX_PAIRS, Document, Knowledge, Pair
from sessions import assets
from sessions.actions.profiles import edit_profile
from sessions.knowledge.store import keep_knowledge, read_knowledge
from sessions.models import AvatarProfile, ProfileVersion

ID_CHARS: Final = 8


def new_pair_id() -> str:
    """Names a pair, or a group of translations."""
    return get_random_string(ID_CHARS, "abcdefghijkmnpqrstuvwxyz23456789")


def replace_knowledge(profile: AvatarProfile, knowledge: Knowledge, *, by: str) -> ProfileVersion:
    """A new version that knows this and nothing else. Raises `ValidationError`, `Archived`, `AssetLost`."""
    return _change(profile, lambda _known: knowledge, by=by)


def add_pairs(profile: AvatarProfile, pairs: Sequence[Pair], *, by: str) -> ProfileVersion:
    """A new version with further pairs at the end. Raises `ValidationError`, `Archived`."""
    return _change(profile, lambda known: _with(known, pairs=[*known.pairs, *pairs]), by=by)


def change_pair(profile: AvatarProfile, pair_id: str, fields: dict[str, Any], *, by: str) -> ProfileVersion:
    """A new version with one pair changed. Raises `ValidationError`, `Archived`."""

    def changed(known: Knowledge) -> Knowledge:
        _expect_pair(known, pair_id)
        return _with(known, pairs=[_pair(pair, fields) if pair.id == pair_id else pair for pair in known.pairs])

    return _change(profile, changed, by=by)


def remove_pair(profile: AvatarProfile, pair_id: str, *, by: str) -> ProfileVersion:
    """A new version without one pair. Raises `ValidationError`, `Archived`."""

    def changed(known: Knowledge) -> Knowledge:
        _expect_pair(known, pair_id)
        return _with(known, pairs=[pair for pair in known.pairs if pair.id != pair_id])

    return _change(profile, changed, by=by)


def add_document(profile: AvatarProfile, name: str, text: str, *, by: str) -> ProfileVersion:
    """A new version with a document more; one of the same name is replaced. Raises `ValidationError`, `Archived`."""
    document = document_of(name, text)

    def changed(known: Knowledge) -> Knowledge:
        others = [each for each in known.documents if each.name != document.name]
        return _with(known, documents=[*others, document])

    return _change(profile, changed, by=by)


def document_of(name: str, text: str) -> Document:
    """A document with its text kept. Raises `ValidationError`."""
    content = text.encode(errors="replace")  # a lone surrogate is no text
    if not text.strip():
        raise ValidationError(_("Nothing was kept: “%(name)s” has no text.") % {"name": name})
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValidationError(_("Nothing was kept: the text of “%(name)s” is over 5 MB. Split it.") % {"name": name})
    return Document(name=name[:120], sha256=assets.keep(content), size_bytes=len(content))


def remove_document(profile: AvatarProfile, name: str, *, by: str) -> ProfileVersion:
    """A new version without a document. Raises `ValidationError`, `Archived`."""
    return _change(
        profile,
        lambda known: _with(known, documents=[each for each in known.documents if each.name != name]),
        by=by,
    )


@transaction.atomic
def _change(profile: AvatarProfile, change: Callable[[Knowledge], Knowledge], *, by: str) -> ProfileVersion:
    """Two operators who change the same profile come one after the other, and both changes are kept."""
    current = AvatarProfile.objects.select_for_update(of=("self",)).select_related("current").get(pk=profile.pk)
    known = read_knowledge(current.current.knowledge) if current.current else Knowledge()
    sha256 = keep_knowledge(_checked(change(known)))
    version = edit_profile(current, {"knowledge": sha256}, by=by)
    profile.current = version
    return version


def _checked(knowledge: Knowledge) -> Knowledge:
    if len(knowledge.pairs) > MAX_PAIRS:
        raise ValidationError(
            _("Nothing was kept: %(n)d pairs are more than the %(most)d that fit. Put the rest into a document.")
            % {"n": len(knowledge.pairs), "most": MAX_PAIRS}
        )
    if len(knowledge.documents) > MAX_DOCUMENTS:
        raise ValidationError(_("Nothing was kept: %(most)d documents at most.") % {"most": MAX_DOCUMENTS})
    if sum(document.size_bytes for document in knowledge.documents) > 2 * MAX_DOCUMENT_BYTES:
        raise ValidationError(_("Nothing was kept: the documents hold over 10 MB of text in all. Remove one first."))
    if len({pair.id for pair in knowledge.pairs}) < len(knowledge.pairs):
        raise ValidationError(_("Nothing was kept: two pairs have the same id."))
    for document in knowledge.documents:
        assets.read(document.sha256)
    return knowledge


def _with(knowledge: Knowledge, **parts: Any) -> Knowledge:
    return knowledge.model_copy(update=parts)


def _pair(pair: Pair, fields: dict[str, Any]) -> Pair:
    try:
        return Pair.model_validate({**pair.model_dump(), **fields})
    except Malformed as error:
        raise ValidationError(_("Nothing was kept: %(problem)s.") % {"problem": error.errors()[0]["msg"]}) from None


def _expect_pair(knowledge: Knowledge, pair_id: str) -> None:
    if not any(pair.id == pair_id for pair in knowledge.pairs):
        raise ValidationError(_("Nothing was changed: somebody else has removed this pair meanwhile."))
