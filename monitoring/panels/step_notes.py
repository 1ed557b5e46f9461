"""What a job notes of a step, in words for people. What is not known here is shown by its name and value."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.models import WorkflowStep
from operators.templatetags.formatting import NO_BREAK, ms_text, plain_bytes
from sessions.models.profiles import Language, Provider

Words = Callable[[Any, Mapping[str, str]], str]


def note_of(step: WorkflowStep, visitor_names: Mapping[str, str]) -> str:
    """The step's note: its metadata, a comma between two. `visitor_names`: by identity; empty for who gave none."""
    noted = dict(step.metadata)
    if {"width", "height"} <= noted.keys():
        noted["picture"] = f"{noted.pop('width')} × {noted.pop('height')}"
    phrases = (PHRASES.get(name, _plain(name))(value, visitor_names) for name, value in noted.items())
    return _(", ").join(phrase for phrase in phrases if phrase)


def _plain(name: str) -> Words:
    """`sound_ms` 3120 → sound 3.12 s; `is_warm` True → is warm: yes."""

    def words(value: Any, _names: Mapping[str, str]) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return f"{name.replace('_', ' ')}: {_('yes') if value else _('no')}"
        if isinstance(value, (int, float)):
            if name.endswith("_ms"):
                return f"{name.removesuffix('_ms').replace('_', ' ')} {ms_text(value)}"
            if name.endswith("_bytes"):
                return f"{name.removesuffix('_bytes').replace('_', ' ')} {NO_BREAK.join(plain_bytes(value))}"
        return f"{name.replace('_', ' ')} {value}"

    return words


def _for_whom(identity: Any, names: Mapping[str, str]) -> str:
    name = names.get(str(identity))
    return _("for %(name)s") % {"name": name} if name else _("for a visitor")


def _label(kind: Any) -> Words:
    labels = dict(kind.choices)
    return lambda value, _names: str(labels.get(value, value))


PHRASES: Final[dict[str, Words]] = {
    "tries": lambda n, _names: _("took %(n)d tries") % {"n": n} if isinstance(n, int) and n > 1 else "",
    "mode": lambda slug, _names: str(slug),
    "language": _label(Language),
    "provider": _label(Provider),
    "picture": lambda size, _names: str(size),
    "model": lambda name, _names: str(name),
    "shared": lambda is_shared, _names: _("shared with the other sessions") if is_shared else _("loaded for this one"),
    "kept": lambda was_kept, _names: _("kept from an earlier start") if was_kept else _("spoken anew"),
    "sound_ms": lambda value, _names: _("%(time)s of sound") % {"time": ms_text(value)},
    "voiced": lambda is_voiced, _names: "" if is_voiced else _("captions only"),
    "reason": lambda sentence, _names: str(sentence),
    "identity": _for_whom,
    "knowledge": lambda name, _names: _("it knows nothing of its own") if name == "none" else "",  # else a file's name
    "topics": lambda n, _names: ngettext("%(n)d topic", "%(n)d topics", n) % {"n": n},
    "understood": lambda share, _names: "" if share >= 1 else _("found by words until the host has read it all"),
    "cut_short": lambda why, _names: _("cut short: %(why)s") % {"why": why},
}
