"""What a profile knows, on its page: pairs, documents, and a question to try."""

import uuid
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from operators.access import label_of
from operators.models import Role
from operators.templatetags.roles import may
from protocol.knowledge import Knowledge, Pair
from sessions.access import get_profile_for
from sessions.actions import knowledge as actions
from sessions.errors import SessionError
from sessions.forms.knowledge import DocumentForm, ImportForm, PairForm, TryForm
from sessions.knowledge.answering import try_question
from sessions.knowledge.documents import content_of, decoded, text_of
from sessions.knowledge.pair_import import pairs_from
from sessions.knowledge.store import read_knowledge
from sessions.models import AvatarProfile
from sessions.views.refusals import says_why

PAIRS_A_PAGE: Final = 20
PAIR_FORM: Final = "sessions/fragments/pair_form.html"


def knowledge_context(request: HttpRequest, profile: AvatarProfile, **extra: Any) -> dict[str, Any]:
    """What the section shows. The filter and the page come along with every request of it."""
    lost = ""
    try:
        known = _known(profile)
    except SessionError as error:  # all else about the profile can still be read and changed
        known, lost = Knowledge(), str(error)
    wanted = {name: request.POST.get(name) or request.GET.get(name, "") for name in ("find", "page")}
    shown = [pair for pair in known.pairs if _has(pair, wanted["find"])]
    return {
        "profile": profile,
        "known": known,
        "lost": lost,
        "may_change": may(request.user, Role.OPERATOR) and profile.archived_at is None and not lost,
        "page": Paginator(shown, PAIRS_A_PAGE).get_page(wanted["page"]),
        "find": wanted["find"],
        "import_form": ImportForm(),
        "document_form": DocumentForm(),
        "try_form": TryForm(initial={"language": profile.current.language if profile.current else "en"}),
        **extra,
    }


@says_why
def knowledge(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The section alone: another page of it, or what fits a filter."""
    return _section(request, get_profile_for(request.user, code))


@says_why
def new_pair(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """The form of a further pair, and its keeping."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    form = PairForm(request.POST or None, initial={"language": profile.current.language if profile.current else "en"})
    if not form.is_valid():
        return _form(request, PAIR_FORM, profile, form)
    number = actions.new_pair_id()
    pair = Pair(id=number, group=number, **form.fields_of_pair())
    actions.add_pairs(profile, [pair], by=label_of(request))
    return _changed(request, profile, _("The pair is kept."), find=form.cleaned_data["question"][:60])


@says_why
def pair(request: HttpRequest, code: uuid.UUID, pair_id: str) -> HttpResponse:
    """One pair's form, and its keeping as a new version."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    found = next((each for each in _known(profile).pairs if each.id == pair_id), None)
    if found is None:
        raise Http404
    form = PairForm(request.POST or None, initial=PairForm.initial_of(found))
    if not form.is_valid():
        return _form(request, PAIR_FORM, profile, form, pair=found)
    actions.change_pair(profile, pair_id, form.fields_of_pair(), by=label_of(request))
    return _changed(request, profile, _("The pair is kept."))


@require_POST
@says_why
def remove_pair(request: HttpRequest, code: uuid.UUID, pair_id: str) -> HttpResponse:
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    actions.remove_pair(profile, pair_id, by=label_of(request))
    return _changed(request, profile, _("The pair is gone. Earlier versions still have it."))


@require_POST
@says_why
def import_pairs(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """Many pairs out of a pasted text or a file."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    form = ImportForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            file = form.cleaned_data["file"]
            pairs = pairs_from(decoded(content_of(file), file.name) if file else form.cleaned_data["text"])
            actions.add_pairs(profile, pairs, by=label_of(request))
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _changed(request, profile, _("%(n)d pairs were added at the end.") % {"n": len(pairs)})
    return _section(request, profile, import_form=form, status=422)


@require_POST
@says_why
def add_document(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """A document's text, cut into passages that the avatar quotes."""
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    form = DocumentForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            actions.add_document(profile, form.name, text_of(form.cleaned_data["document"]), by=label_of(request))
        except ValidationError as refusal:
            form.add_error(None, refusal)
        else:
            return _changed(request, profile, _("“%(name)s” is kept.") % {"name": form.name})
    return _section(request, profile, document_form=form, status=422)


@require_POST
@says_why
def remove_document(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    profile = get_profile_for(request.user, code, Role.OPERATOR)
    actions.remove_document(profile, request.POST.get("name", ""), by=label_of(request))
    return _changed(request, profile, _("The document is gone. Earlier versions still have it."))


@require_POST
@says_why
def try_it(request: HttpRequest, code: uuid.UUID) -> HttpResponse:
    """What the avatar would answer, with its source and score. Changes nothing, so viewers may."""
    profile = get_profile_for(request.user, code)
    form = TryForm(request.POST)
    context: dict[str, Any] = {"profile": profile, "try_form": form}
    if form.is_valid() and profile.current is not None:
        asked = form.cleaned_data
        context["answer"] = try_question(profile.current.knowledge, asked["question"], asked["language"])
    template = "sessions/fragments/try_it.html"
    if not request.headers.get("HX-Request"):
        return _whole_page(request, profile, **context)
    return render(request, template, context, status=200 if form.is_valid() else 422)


def _known(profile: AvatarProfile) -> Knowledge:
    return read_knowledge(profile.current.knowledge if profile.current else "")


def _has(pair: Pair, find: str) -> bool:
    wanted = find.strip().casefold()
    return not wanted or any(wanted in text.casefold() for text in (pair.question, pair.answer, pair.topic, *pair.also))


def _section(request: HttpRequest, profile: AvatarProfile, status: int = 200, **extra: Any) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        return _whole_page(request, profile, **extra)
    return render(
        request, "sessions/fragments/knowledge.html", knowledge_context(request, profile, **extra), status=status
    )


def _form(request: HttpRequest, template: str, profile: AvatarProfile, form: PairForm, **extra: Any) -> HttpResponse:
    context = knowledge_context(request, profile, form=form, **extra)
    return render(request, template, context, status=422 if form.is_bound else 200)


def _changed(request: HttpRequest, profile: AvatarProfile, sentence: str, **wanted: str) -> HttpResponse:
    """The section anew, in the place of what asked for the change."""
    if not request.headers.get("HX-Request"):
        messages.success(request, sentence)
        return redirect(f"{reverse('sessions:profile', args=[profile.code])}#knowledge")
    response = _section(request, profile, sentence=sentence)
    response["HX-Retarget"], response["HX-Reswap"] = "#knowledge", "outerHTML"
    return response


def _whole_page(request: HttpRequest, profile: AvatarProfile, **extra: Any) -> HttpResponse:
    from sessions.views.profiles import profile_page

    return profile_page(request, profile, **extra)
