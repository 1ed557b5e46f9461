"""The form of a mode: made from `ModeSettings`, so that kinds, bounds and descriptions stand in one place."""

from enum import StrEnum
from typing import Any, get_args

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from protocol.mode_effects import contradictions
from protocol.modes import ModeSettings
from sessions.forms.dressing import dress, freeze
from sessions.models import DeploymentMode
from sessions.modes.settings import SECTIONS, effects_of, label_of_setting, unit_of

NO_BREAK = "\u00a0"


def bounds_of(info: FieldInfo) -> dict[str, float]:
    """`ge`, `gt`, `le`, `multiple_of` of a setting, as far as it has them (an optional one keeps them inside)."""
    found: dict[str, float] = {}
    for constraint in info.metadata:
        for name in ("ge", "gt", "le", "multiple_of"):
            if getattr(constraint, name, None) is not None:
                found[name] = getattr(constraint, name)
    return found


class WholeNumber(forms.IntegerField):
    """A whole number of any number of digits (Django checks its step in floating point), with one sentence for all bounds."""

    def run_validators(self, value: int | None) -> None:
        try:
            super().run_validators(value)
        except (OverflowError, forms.ValidationError):
            # One sentence names all bounds: once is enough, however many are broken.
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None


def range_sentence(name: str, info: FieldInfo) -> str:
    """What a number may be: Give a whole number from 160 to 1920 px, divisible by 2."""
    bounds = bounds_of(info)
    unit = f"{NO_BREAK}{unit_of(name)}" if unit_of(name) else ""
    if int in _kinds(info):
        text = _("Give a whole number from %(least)d to %(most)d%(unit)s.")
        if "multiple_of" in bounds:
            text = _("Give a whole number from %(least)d to %(most)d%(unit)s that %(step)d divides.")
    else:
        text = _("Give a number from %(least)g to %(most)g%(unit)s.")
        if "gt" in bounds:
            text = _("Give a number above %(least)g, at most %(most)g%(unit)s.")
    values = {"least": bounds.get("ge", bounds.get("gt", 0)), "most": bounds["le"], "unit": unit}
    sentence = text % {**values, "step": bounds.get("multiple_of", 1)}
    return (
        f"{sentence} {_('Leave it empty to switch it off.')}" if type(None) in get_args(info.annotation) else sentence
    )


def _kinds(info: FieldInfo) -> list[Any]:
    """The types of a setting, without None."""
    return [kind for kind in (get_args(info.annotation) or (info.annotation,)) if kind is not type(None)]


def form_field(name: str, info: FieldInfo) -> forms.Field:
    """The form field of a setting: kind, bounds and description from the model."""
    kind = _kinds(info)[0]
    optional = type(None) in get_args(info.annotation)
    common: dict[str, Any] = {"label": label_of_setting(name), "help_text": info.description, "required": not optional}
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return forms.ChoiceField(choices=[(item.value, item.value) for item in kind], **common)
    if kind is bool:
        return forms.BooleanField(**{**common, "required": False})
    bounds = bounds_of(info)
    sentence = range_sentence(name, info)
    common["error_messages"] = dict.fromkeys(("required", "invalid", "min_value", "max_value", "step_size"), sentence)
    limits: dict[str, Any] = {"min_value": bounds.get("ge", bounds.get("gt")), "max_value": bounds.get("le")}
    if kind is int:
        return WholeNumber(step_size=int(bounds.get("multiple_of", 1)), **limits, **common)
    return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **limits, **common)


class ModeForm(forms.Form):
    """All settings of a mode, made from `ModeSettings`; checked by it too, so that bounds stand in one place."""

    description = forms.CharField(label=gettext_lazy("What it is for"), required=False, max_length=200)

    def __init__(self, *args: Any, mode: DeploymentMode, is_read_only: bool = False, **kwargs: Any) -> None:
        current = mode.current.settings.model_dump(mode="json") if mode.current else {}
        self._from_environment: dict[str, str] = mode.current.from_environment if mode.current else {}
        kwargs["initial"] = {"description": mode.description, **current}
        super().__init__(*args, **kwargs)
        for name, info in ModeSettings.model_fields.items():
            self.fields[name] = form_field(name, info)
        dress(self)
        self.is_read_only = is_read_only
        if is_read_only:
            freeze(self)

    def sections(self) -> list[tuple[Any, list[dict[str, Any]]]]:
        """Headed groups of settings, for the template: each with its field, unit, effects, and where it comes from."""
        return [(title, [self._setting(name) for name in names]) for title, names in SECTIONS]

    def _setting(self, name: str) -> dict[str, Any]:
        variable = self._from_environment.get(name, "")
        return {"field": self[name], "unit": unit_of(name), "effects": effects_of(name), "variable": variable}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if self.errors:
            return values
        try:
            self.settings = ModeSettings.model_validate({name: values[name] for name in ModeSettings.model_fields})
        except ValidationError as error:
            for problem in error.errors():
                place = str(problem["loc"][0]) if problem["loc"] else None
                is_ours = place is None or problem["type"] == "value_error"
                sentence = problem["msg"].removeprefix("Value error, ") if is_ours else ""
                self.add_error(place, sentence or self.fields[str(place)].error_messages["invalid"])
        else:
            for name, sentence in contradictions(self.settings).items():
                self.add_error(name, sentence)
        return values
