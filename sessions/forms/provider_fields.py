"""The fields of hosted avatars in a profile's form, made from the models of `protocol.providers`: kinds, bounds and descriptions
stand there, words here."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, get_args

from django import forms
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from protocol.providers import BEY, BITHUMAN, HOSTED, SETTINGS, TAVUS, VARIABLES, BitHumanChoice, Place
from protocol.scene_files import SceneFile
from sessions.models import AgentWorker


class Source(StrEnum):
    """Where bitHuman gets the face from: what a person chooses, which decides about `place`."""

    AGENT = "agent"
    PICTURE = "picture"
    FILE = "file"


LABELS: Final = {
    (BITHUMAN, "avatar_id"): _("Agent code"),
    (BITHUMAN, "model"): _("Model"),
    (BITHUMAN, "model_path"): _("Model file on the avatar host"),
    (TAVUS, "pal_id"): _("PAL id"),
    (TAVUS, "face_id"): _("Face id"),
    (BEY, "avatar_id"): _("Avatar id"),
}
WHERE_TO_FIND: Final = {
    (BITHUMAN, "avatar_id"): _(
        "Ten letters and digits, such as A91XMB7113: in bitHuman’s console, on the agent’s page."
    ),
    (BITHUMAN, "model_path"): _(
        "For example /srv/avatars/guide.imx. The path is looked for on the host, when checked."
    ),
    (TAVUS, "pal_id"): _("In Tavus’s console under PALs; it begins with p."),
    (TAVUS, "face_id"): _("It begins with r. Leave it empty for the PAL’s own."),
    (BEY, "avatar_id"): _("In Beyond Presence’s dashboard under Avatars: 32 letters and digits with hyphens."),
}
CHOICES: Final[Mapping[type[StrEnum], Mapping[str, Any]]] = {
    BitHumanChoice: {
        BitHumanChoice.AS_MODE: _("As the mode says"),
        BitHumanChoice.VENDOR: _("As bitHuman chooses"),
        BitHumanChoice.ESSENCE: _("Essence: light and quick"),
        BitHumanChoice.EXPRESSION: _("Expression: moves more, costs more"),
        BitHumanChoice.ESSENCE_2: _("Essence 2"),
        BitHumanChoice.EXPRESSION_2: _("Expression 2"),
    },
}
SOURCES: Final = (
    (Source.AGENT.value, _("An agent in bitHuman’s cloud")),
    (Source.PICTURE.value, _("A picture, brought to life in bitHuman’s cloud")),
    (Source.FILE.value, _("A model file, drawn on the avatar host")),
)
MISSING: Final = {
    (BITHUMAN, "avatar_id"): _("Give the agent’s code, or let the face come from a picture or a model file."),
    (BITHUMAN, "model_path"): _("Give the full path of the .imx file on the avatar host."),
    (TAVUS, "pal_id"): _("Give the id of a PAL: Tavus shows no face without one."),
    (BEY, "avatar_id"): _("Give the id of an avatar: Beyond Presence shows no face without one."),
}
MALFORMED: Final = {
    (BITHUMAN, "model_path"): _(
        "Give a full path that begins with / and ends with .imx, such as /srv/avatars/guide.imx."
    ),
}
NO_ID: Final = _(
    "This is no id: it has letters, digits, - and _ only. Copy the id alone, without an address or spaces."
)
PICTURE_MODELS: Final = (BitHumanChoice.AS_MODE, BitHumanChoice.VENDOR, BitHumanChoice.EXPRESSION)


def field_name(provider: str, setting: str) -> str:
    return f"{provider}_{setting}"


def hosted_fields() -> dict[str, forms.Field]:
    """By name, in the models' order; files and what another field decides are left out."""
    return {
        field_name(provider, name): _form_field(provider, name, info)
        for provider in HOSTED
        for name, info in SETTINGS[provider].model_fields.items()
        if _kind(info) not in (SceneFile, Place)
    }


def initial_of(provider: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields of a provider begin with."""
    values = {field_name(provider, name): value for name, value in settings.items() if not isinstance(value, dict)}
    if provider == BITHUMAN:
        local = settings.get("place") == Place.LOCAL
        values["bithuman_source"] = Source.FILE if local else Source.PICTURE if settings.get("image") else Source.AGENT
    return values


def settings_from(provider: str, values: Mapping[str, Any], picture: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the fields say of a provider, as its model wants it; `picture` is the one for bitHuman, chosen now or before."""
    names = SETTINGS[provider].model_fields
    chosen = {name: values.get(field_name(provider, name)) for name in names if values.get(field_name(provider, name))}
    if provider == BITHUMAN:
        source = Source(values.get("bithuman_source") or Source.AGENT)
        belongs = {Source.AGENT: ("avatar_id", "model"), Source.PICTURE: ("model",), Source.FILE: ("model_path",)}[
            source
        ]
        chosen = {name: value for name, value in chosen.items() if name in belongs}
        chosen["place"] = Place.LOCAL if source is Source.FILE else Place.CLOUD
        if source is Source.PICTURE and picture:
            chosen["image"] = dict(picture)
    return chosen


def is_set_up(settings: Mapping[str, Any]) -> bool:
    """Whether anything was said that could be a face."""
    return any(value for name, value in settings.items() if name not in ("place", "model"))


def problems_of(provider: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What keeps a hosted provider from drawing this, by the field that it is said beside; empty where nothing does."""
    problems: dict[str, Any] = {}
    if provider == BITHUMAN:
        problems = _problems_of_bithuman(settings)
    if problems:
        return problems
    try:
        SETTINGS[provider].model_validate(settings)
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else next(iter(SETTINGS[provider].model_fields))
            words = MISSING if problem["type"] == "missing" else MALFORMED
            problems[field_name(provider, name)] = words.get((provider, name), NO_ID)
    return problems


def hosts_with_key(provider: str) -> tuple[list[str], list[str]]:
    """Names of the avatar hosts whose environment holds the provider's secret, and of those where it does not."""
    workers = list(AgentWorker.objects.exclude(started_at=None))
    has = [worker.host for worker in workers if provider in worker.provider_keys]
    return has, [worker.host for worker in workers if worker.host not in has]


def key_of(provider: str) -> str:
    """Name of the variable that holds a provider's secret."""
    return VARIABLES[provider].key


def _problems_of_bithuman(settings: Mapping[str, Any]) -> dict[str, Any]:
    if settings["place"] == Place.LOCAL:
        return {} if settings.get("model_path") else {"bithuman_model_path": MISSING[BITHUMAN, "model_path"]}
    if "image" in settings:
        model = settings.get("model") or BitHumanChoice.AS_MODE
        wrong = model not in PICTURE_MODELS
        sentence = _(
            "A picture can be brought to life by Expression only. Choose it, or let the mode or bitHuman choose."
        )
        return {"bithuman_model": sentence} if wrong else {}
    return {} if settings.get("avatar_id") else {"bithuman_avatar_id": MISSING[BITHUMAN, "avatar_id"]}


def _kind(info: FieldInfo) -> Any:
    return next(kind for kind in (get_args(info.annotation) or (info.annotation,)) if kind is not type(None))


def _form_field(provider: str, name: str, info: FieldInfo) -> forms.Field:
    """Never required by itself: only the fields of the provider that draws, or takes over, have to be there."""
    label = LABELS[provider, name]
    kind = _kind(info)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        choices = [(str(value), words) for value, words in CHOICES[kind].items()]
        return forms.ChoiceField(label=label, choices=choices, required=False, help_text=info.description or "")
    help_text = WHERE_TO_FIND.get((provider, name), info.description or "")
    text = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "dir": "ltr"})
    return forms.CharField(label=label, required=False, max_length=500, help_text=help_text, widget=text)
