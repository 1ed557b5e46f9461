"""What operators type of a profile: who draws the face, what it looks like, what it says, and how."""

import hashlib
from typing import Any, ClassVar, Final

from django import forms
from django.db.models import Q
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from protocol.jobspec import DEFAULT_PRESENTER
from protocol.providers import BITHUMAN, HOSTED, VARIABLES
from protocol.test_card import Quality
from sessions import assets
from sessions.forms.dressing import dress, freeze
from sessions.forms.provider_fields import (
    SOURCES,
    Source,
    hosted_fields,
    hosts_with_key,
    initial_of,
    is_set_up,
    problems_of,
    settings_from,
)
from sessions.install import install
from sessions.models import Portrait, PortraitStatus, ProfileVersion
from sessions.models.profiles import Provider
from sessions.portraits.upload import name_of
from sessions.providers.choices import PLACES, PRESENTERS, VOICES, quality_choices, tv_choices
from sessions.providers.pictures import provider_picture_of


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """A profile: face, words, voice. The fields of all providers are there, and those of the chosen one are seen."""

    SETTINGS: Final = {
        Provider.BUILT_IN: ("presenter", "scene", "tv", "captions_burnt_in"),
        Provider.TEST_CARD: ("quality",),
    }  # the fields of what is drawn here; those of hosted providers are made from their models
    ELSEWHERE: Final = ("film", "slides", "slide_s", "logo")  # kept as they are: the page of the scene changes them
    presenter = forms.ChoiceField(
        label=_("Face"),
        choices=list(PRESENTERS.items()),
        widget=forms.RadioSelect,
        initial=DEFAULT_PRESENTER,
        required=False,
    )
    scene = forms.ChoiceField(label=_("Place"), choices=list(PLACES.items()), widget=forms.RadioSelect, required=False)
    tv = forms.ChoiceField(
        label=_("On the TV"),
        required=False,
        help_text=_("Plays on the screen beside the presenter, without sound."),
    )
    captions_burnt_in = forms.BooleanField(
        label=_("Write what is said into the picture"),
        required=False,
        help_text=_("For screens that show the picture alone. The visitor’s page has captions of its own."),
    )
    quality = forms.ChoiceField(
        label=_("Size and rate"),
        choices=quality_choices,
        required=False,
        initial=Quality.MEDIUM.value,
        help_text=_(
            "The card shows the clock, counts its frames and opens its mouth with the sound: what a network loses can be seen."
        ),
    )
    bithuman_source = forms.ChoiceField(
        label=_("The face comes from"),
        choices=SOURCES,
        required=False,
        initial=Source.AGENT.value,
        widget=forms.RadioSelect,
    )
    bithuman_image = forms.FileField(
        label=_("Picture"),
        required=False,
        allow_empty_file=True,  # refused with our own sentence
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png"}),
        help_text=_("JPEG or PNG of one face, up to 10 MB and 40 megapixels. It is sent to bitHuman’s cloud."),
    )
    voice = forms.ChoiceField(label=_("Voice"), choices=list(VOICES.items()))

    class Meta:
        model = ProfileVersion
        fields = ("name", "tagline", "greeting", "persona", "language", "provider", "fallback")
        labels: ClassVar = {"fallback": _("If it fails for good")}
        help_texts: ClassVar = {
            "fallback": _(
                "The voice goes on at once, with the still picture; this takes over when all tries have failed."
            )
        }
        widgets = {
            "greeting": forms.Textarea(attrs={"rows": 3}),
            "persona": forms.Textarea(attrs={"rows": 8}),
        }

    def __init__(self, *args: Any, is_read_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own, is_kept = self.instance, bool(self.instance.pk)
        self._known: dict[str, dict[str, Any]] = {
            provider: own.settings_for(provider) if is_kept else {} for provider in Provider.values
        }
        self.fields.update(hosted_fields())
        self.fields["fallback"].choices = [("", _("Only the still picture")), *Provider.choices]  # type: ignore[attr-defined]
        scene = self._known[Provider.BUILT_IN]
        self.fields["tv"].choices = tv_choices(  # type: ignore[attr-defined]
            film=bool(scene.get("film")), deck=bool(scene.get("slides"))
        )
        if not is_kept:
            self.initial.update(install().profile)
            for name, variable in install().profile_variables.items():
                source = _("From the environment: %(variable)s.") % {"variable": variable}
                self.fields[name].help_text = f"{self.fields[name].help_text} {source}".strip()
        self._portraits: dict[str, Portrait] = {}
        if self.instance.pk:
            self.initial.update({**self._known[Provider.TEST_CARD], **scene})
            for provider in HOSTED:
                self.initial.update(initial_of(provider, self._known[provider]))
            self.initial.update(presenter=self.instance.presenter, voice=self.instance.voice)
            self._offer_portraits()
        for name in ("name", "tagline"):
            self.fields[name].widget.attrs["dir"] = "auto"
        dress(self)
        self.is_read_only = is_read_only
        if is_read_only:
            freeze(self)

    def _offer_portraits(self) -> None:
        """The uploaded faces of the profile, and the one that it wears, beside the drawn ones."""
        worn = self.instance.portrait
        mine = Q(profile=self.instance.profile_id) | (Q(code=worn) if worn else Q(pk=None))
        self._portraits = {
            str(portrait.code): portrait for portrait in Portrait.objects.filter(mine, status=PortraitStatus.PREPARED)
        }
        choices = [(code, str(portrait)) for code, portrait in self._portraits.items()]
        self.fields["presenter"].choices = [*PRESENTERS.items(), *choices]  # type: ignore[attr-defined]
        if worn in self._portraits:
            self.initial["presenter"] = worn

    @property
    def faces(self) -> list[dict[str, Any]]:
        """What can be chosen: value, label, address of the still picture, and whether it was uploaded."""
        return [
            {
                "value": value,
                "label": label,
                "url": reverse("sessions:face", args=[value])
                if value in self._portraits
                else static(f"img/presenters/{value}.jpg"),
                "is_uploaded": value in self._portraits,
            }
            for value, label in self.fields["presenter"].choices  # type: ignore[attr-defined]
        ]

    @property
    def chosen_presenter(self) -> str:
        return str(self.data.get("presenter") or self.initial.get("presenter") or DEFAULT_PRESENTER)

    @property
    def chosen_scene(self) -> str:
        return str(self.data.get("scene") or self.initial.get("scene") or "")

    @property
    def hosted(self) -> list[dict[str, Any]]:
        """For each provider that draws elsewhere: its fields, and which avatar hosts have its key."""
        parts = []
        for provider in HOSTED:
            has, lacks = hosts_with_key(provider)
            names = [name for name in self.fields if name.startswith(f"{provider}_")]
            parts.append(
                {
                    "provider": provider,
                    "name": Provider(provider).label,
                    "fields": [self[name] for name in names if name not in ("bithuman_source", "bithuman_image")],
                    "key": VARIABLES[provider].key,
                    "has_key": has,
                    "lacks_key": lacks,
                }
            )
        return parts

    @property
    def kept_picture(self) -> str:
        """The owner's name of the picture that bitHuman has; empty where there is none."""
        return str((self._known[BITHUMAN].get("image") or {}).get("name", ""))

    def clean_bithuman_image(self) -> dict[str, Any] | None:
        """The picture chosen now as bytes with its name, or the one of before."""
        upload = self.cleaned_data["bithuman_image"]
        if not upload:
            return self._known[BITHUMAN].get("image")
        return {"name": name_of(upload), "content": provider_picture_of(upload)}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        if values.get("provider") not in HOSTED:  # what is drawn here needs nobody to take over
            values["fallback"] = ""
        needed = {values.get("provider"), values.get("fallback")}
        if values.get("provider") and values.get("provider") == values.get("fallback"):
            self.add_error(
                "fallback", gettext("It can’t take over from itself. Choose another one, or the still picture.")
            )
        for provider in HOSTED:
            if provider not in needed:
                continue
            settings = self._hosted_settings(provider, values)
            for name, sentence in problems_of(provider, settings).items():
                if name not in self.errors:
                    self.add_error(name, sentence)
            wants_picture = provider == BITHUMAN and values.get("bithuman_source") == Source.PICTURE
            if wants_picture and "image" not in settings and "bithuman_image" not in self.errors:
                self.add_error("bithuman_image", gettext("Choose a picture of one face, as a JPEG or PNG file."))
        return values

    def _hosted_settings(self, provider: str, values: dict[str, Any]) -> dict[str, Any]:
        picture = values.get("bithuman_image")
        if picture and "content" in picture:
            picture = {"name": picture["name"], "sha256": hashlib.sha256(picture["content"]).hexdigest()}
        return settings_from(provider, values, picture)

    def fields_of_profile(self) -> dict[str, Any]:
        """What `create_profile` and `edit_profile` take. Keeps the picture that was chosen."""
        values = dict(self.cleaned_data)
        picture = values.get("bithuman_image")
        if picture and "content" in picture:
            assets.keep(picture["content"])
        together: dict[str, dict[str, Any]] = {}
        for provider in HOSTED:
            settings = self._hosted_settings(provider, values)
            # What nobody looks at now is kept as it was where it makes no sense.
            is_whole = is_set_up(settings) and not problems_of(provider, settings)
            together[provider] = settings if is_whole else self._known[provider]
        for provider, names in self.SETTINGS.items():
            together[provider] = {name: values[name] for name in names if values[name]}
        scene, before = together[Provider.BUILT_IN], self._known[Provider.BUILT_IN]
        scene |= {name: value for name, value in before.items() if name in self.ELSEWHERE}
        if scene.get("presenter") in self._portraits:  # the drawn face of before stands in where it can't be had
            scene |= {"portrait": scene["presenter"], "presenter": self.instance.presenter}
        chosen = values["provider"]
        other = {name: settings for name, settings in together.items() if settings and name != chosen}
        kept = {name: values[name] for name in ("voice", *self.Meta.fields)}
        return {**kept, "provider_settings": together[chosen], "other_settings": other}
