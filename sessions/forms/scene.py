"""What operators choose of a profile's scene."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from protocol.avatar import BuiltinSettings, TvProgramme
from protocol.scene_files import MOST_SLIDES, SceneFile
from sessions.forms.dressing import dress, freeze
from sessions.providers.choices import PLACES, tv_choices


class SceneForm(forms.Form):
    """Place, TV and logo. Files are named by their sha256, and are among `files`: the profile's own."""

    scene = forms.ChoiceField(label=_("Place"), choices=list(PLACES.items()), required=False)
    tv = forms.ChoiceField(label=_("On the TV"), choices=tv_choices(film=True, deck=True))
    slide_s = forms.FloatField(label=_("Each slide stands"), min_value=2, max_value=600)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        current: BuiltinSettings,
        files: Mapping[str, SceneFile],
        is_read_only: bool = False,
    ) -> None:
        initial = {"scene": current.scene or "", "tv": current.tv.value, "slide_s": current.slide_s}
        super().__init__(data, initial=initial)
        self._sent = data
        self._current, self._files = current, files
        self.fields["slide_s"].widget.attrs["step"] = "0.5"
        dress(self)
        self.is_read_only = is_read_only
        if is_read_only:
            freeze(self)

    @property
    def film(self) -> SceneFile | None:
        """The film that is chosen now."""
        return self._named("film")[-1] if self._named("film") else None

    @property
    def logo(self) -> SceneFile | None:
        return self._named("logo")[-1] if self._named("logo") else None

    @property
    def slides(self) -> list[SceneFile]:
        """The slides in the order in which they stand on the page."""
        return self._named("slides")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if len(self.slides) > MOST_SLIDES:
            raise ValidationError(
                gettext("%(n)d slides are more than the %(most)d that fit. Take some out.")
                % {"n": len(self.slides), "most": MOST_SLIDES}
            )
        if values.get("tv") == TvProgramme.FILM and self.film is None:
            self.add_error("tv", gettext("There is no film yet. Upload one, or choose something else."))
        if values.get("tv") == TvProgramme.DECK and not self.slides:
            self.add_error("tv", gettext("There are no slides yet. Upload some, or choose something else."))
        return values

    def changes(self) -> dict[str, Any]:
        """What `keep_scene` takes."""
        values = self.cleaned_data
        return {
            "scene": values["scene"],
            "tv": values["tv"],
            "slide_s": values["slide_s"],
            "film": self.film and self.film.model_dump(),
            "slides": [slide.model_dump() for slide in self.slides],
            "logo": self.logo and self.logo.model_dump(),
        }

    def _named(self, name: str) -> list[SceneFile]:
        if self._sent is None:
            value = getattr(self._current, name)
            return list(value) if isinstance(value, list) else [value] if value else []
        return [self._files[sha256] for sha256 in self._sent.getlist(name) if sha256 in self._files]
