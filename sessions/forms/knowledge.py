"""What operators type about what an avatar knows."""

from pathlib import PurePath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocol.knowledge import MAX_ANSWER_CHARS, MAX_PHRASINGS, MAX_QUESTION_CHARS, MAX_TOPIC_CHARS, Pair
from sessions.forms.dressing import dress
from sessions.models.profiles import Language


class _Dressed(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{type(self).__name__.lower()}_%s"  # several stand on one page
        for field in self.fields.values():
            if isinstance(field.widget, (forms.TextInput, forms.Textarea)):
                field.widget.attrs["dir"] = "auto"
        dress(self)


class PairForm(_Dressed):
    """One question with its answer."""

    question = forms.CharField(label=gettext_lazy("Question"), max_length=MAX_QUESTION_CHARS)
    also = forms.CharField(
        label=gettext_lazy("Other ways to ask it, one a line"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("The more ways, the surer it is found: five to ten are good."),
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer"),
        max_length=MAX_ANSWER_CHARS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("It is spoken: two or three short sentences."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=Language.choices)
    topic = forms.CharField(
        label=gettext_lazy("Topic"),
        required=False,
        max_length=MAX_TOPIC_CHARS,
        help_text=gettext_lazy("What the avatar says it can talk about."),
    )

    @classmethod
    def initial_of(cls, pair: Pair) -> dict[str, str]:
        return {**pair.model_dump(include={"question", "answer", "language", "topic"}), "also": "\n".join(pair.also)}

    def clean_also(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["also"].splitlines() if line.strip()]
        if len(lines) > MAX_PHRASINGS:
            raise ValidationError(
                _("%(n)d lines are more than the %(most)d that fit.") % {"n": len(lines), "most": MAX_PHRASINGS}
            )
        if any(len(line) > MAX_QUESTION_CHARS for line in lines):
            raise ValidationError(_("A line is longer than %(most)d characters.") % {"most": MAX_QUESTION_CHARS})
        return lines

    def fields_of_pair(self) -> dict[str, Any]:
        return dict(self.cleaned_data)


class ImportForm(_Dressed):
    """Many pairs at once."""

    text = forms.CharField(
        label=gettext_lazy("Paste questions and answers"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        validators=[ProhibitNullCharactersValidator()],
        help_text=gettext_lazy(
            "CSV with the columns question, answer, language, topic, also; or each answer on the line below its question, "
            "with an empty line between pairs."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("or choose a CSV or text file"),
        required=False,
        allow_empty_file=True,  # refused with our own sentence
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )


class DocumentForm(_Dressed):
    """A document to quote."""

    document = forms.FileField(
        label=gettext_lazy("TXT, Markdown, PDF or DOCX, up to 5 MB"),
        allow_empty_file=True,
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".txt,.md,.markdown,.pdf,.docx"}),
    )

    @property
    def name(self) -> str:
        """What visitors hear as the document's name: the file's, without its ending."""
        stem = PurePath(self.cleaned_data["document"].name).stem
        return " ".join(stem.replace("_", " ").split())[:120] or _("Document")


class TryForm(_Dressed):
    """A question as a visitor would ask it."""

    question = forms.CharField(label=gettext_lazy("Ask as a visitor would"), max_length=MAX_QUESTION_CHARS)
    language = forms.ChoiceField(label=gettext_lazy("Language of the session"), choices=Language.choices)
