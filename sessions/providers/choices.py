"""What a profile may choose: voices, and each provider's own settings."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import pydantic
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from protocol import providers as hosted
from protocol.avatar import BuiltinSettings, SceneName, TvProgramme
from protocol.jobspec import DEFAULT_PRESENTER
from protocol.test_card import PRESETS, Quality
from protocol.voices import CEDAR, HEART
from sessions import assets
from sessions.models.portraits import Portrait, PortraitStatus
from sessions.models.profiles import ProfileVersion, Provider

Presenter = Literal["presenter", "omar", "maryam", "daniel"]
PRESENTERS: Final[dict[Presenter, Any]] = {
    "presenter": gettext_lazy("Woman with brown hair, in a blue suit"),
    "omar": gettext_lazy("Omar: man with a ghutra and a short beard"),
    "maryam": gettext_lazy("Maryam: woman with a green headscarf"),
    "daniel": gettext_lazy("Daniel: man with short black hair, in a suit"),
}
VOICES: Final = {
    HEART: gettext_lazy("Heart: a warm woman’s voice, English and Arabic"),
    CEDAR: gettext_lazy("Cedar: a calm man’s voice, English and Arabic"),
}


# By name; the first is where a presenter stands who is sent nowhere.
PLACES: Final[dict[SceneName | Literal[""], Any]] = {
    "": gettext_lazy("The presenter’s own place"),
    "museum-hall": gettext_lazy("Museum hall"),
    "lobby": gettext_lazy("Lobby"),
    "studio": gettext_lazy("Studio"),
}
TV_PROGRAMMES: Final = {
    TvProgramme.NONE: gettext_lazy("Off"),
    TvProgramme.SLIDES: gettext_lazy("Slides of the demo museum"),
    TvProgramme.HARBOUR: gettext_lazy("A film of a harbour"),
    TvProgramme.FILM: gettext_lazy("Your film"),
    TvProgramme.DECK: gettext_lazy("Your slides"),
}


QUALITIES: Final = {
    Quality.LOW: gettext_lazy("Low: %(width)d × %(height)d at %(fps)d fps"),
    Quality.MEDIUM: gettext_lazy("Medium: %(width)d × %(height)d at %(fps)d fps"),
    Quality.HIGH: gettext_lazy("High: %(width)d × %(height)d at %(fps)d fps"),
    Quality.MODE: gettext_lazy("As the mode says"),
}


def quality_choices() -> list[tuple[str, str]]:
    """Presets of the test card with their figures."""
    return [
        (quality.value, label % PRESETS[quality]._asdict() if quality in PRESETS else str(label))
        for quality, label in QUALITIES.items()
    ]


def tv_choices(*, film: bool, deck: bool) -> list[tuple[str, Any]]:
    """What can be chosen for the TV, with the profile's own film and slides where there are some."""
    is_there = {TvProgramme.FILM: film, TvProgramme.DECK: deck}
    return [(each.value, label) for each, label in TV_PROGRAMMES.items() if is_there.get(each, True)]


class BuiltInSettings(BuiltinSettings):
    """Settings of the built-in renderer, as the job checks them too, with the faces that can be chosen here."""

    presenter: Presenter = DEFAULT_PRESENTER


SETTINGS: Final[Mapping[str, type[pydantic.BaseModel]]] = {**hosted.SETTINGS, Provider.BUILT_IN: BuiltInSettings}


def check_providers(version: ProfileVersion) -> None:
    """What a profile says of who draws its face, and of who else may. Raises `ValidationError` with a sentence."""
    check_provider_settings(version.provider, version.provider_settings)
    if not isinstance(version.other_settings, dict):
        raise _refused("other_settings", _("the settings of other providers are no object by the provider’s name."))
    for provider, settings in version.other_settings.items():
        check_provider_settings(provider, settings)
    if version.fallback and version.fallback == version.provider:
        raise _refused(
            "fallback", _("a provider can’t take over from itself. Choose another one, or the still picture.")
        )
    if version.fallback in hosted.HOSTED and version.fallback not in version.other_settings:
        name = Provider(version.fallback).label
        raise _refused("fallback", _("%(name)s can’t take over: it is not set up in this profile.") % {"name": name})
    check_portrait(version.settings_for(Provider.BUILT_IN))


def check_provider_settings(provider: str, settings: Any) -> None:
    """Raises `ValidationError` with a sentence that names what the provider does not take."""
    if provider not in SETTINGS:
        raise _refused(
            "provider",
            _("no provider is called “%(provider)s” here. Choose one of: %(known)s.")
            % {"provider": provider, "known": ", ".join(SETTINGS)},
        )
    try:
        checked = SETTINGS[provider].model_validate(settings)
    except pydantic.ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}".lstrip(": ") for each in error.errors()
        )
        raise _refused(
            "provider_settings",
            _("the provider “%(provider)s” does not take this (%(problems)s).")
            % {"provider": provider, "problems": problems.replace("Value error, ", "")},
        ) from None
    picture = checked.image if isinstance(checked, hosted.BitHumanSettings) else None
    if picture is not None and not assets.path_of(picture.sha256).is_file():
        raise _refused("provider_settings", _("the picture for bitHuman is not there. Choose it again."))


def check_portrait(settings: Mapping[str, Any]) -> None:
    """Raises `ValidationError` with a sentence for an uploaded portrait that is not there, or not ready to be worn."""
    code = settings.get("portrait")  # its form was checked
    # Locked, so that nobody removes it before the version that wears it is written.
    ready = Portrait.objects.select_for_update().filter(code=code, status=PortraitStatus.PREPARED) if code else None
    if ready is not None and ready.first() is None:
        raise _refused("provider_settings", _("the portrait that was chosen is gone. Choose another face."))


def check_voice(voice: str) -> None:
    """Raises `ValidationError` with a sentence for a voice that no host has."""
    if voice not in VOICES:
        raise ValidationError(
            {
                "voice": _("Nothing was kept: no voice is called “%(voice)s”. Choose one of: %(known)s.")
                % {"voice": voice, "known": ", ".join(VOICES)}
            }
        )


def _refused(field: str, reason: str) -> ValidationError:
    return ValidationError({field: _("Nothing was kept: %(reason)s") % {"reason": reason}})
