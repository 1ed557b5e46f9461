"""What an operator sends with a picture."""

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sessions.forms.dressing import dress
from sessions.portraits.upload import name_of, picture_of

LEAST_CROP: Final = 0.02  # of the picture's width or height


class PortraitForm(forms.Form):
    """A picture, the part of it that counts, whose it is, and that they agree."""

    picture = forms.FileField(
        label=gettext_lazy("Picture"),
        allow_empty_file=True,  # refused with our own sentence
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
        error_messages={"required": gettext_lazy("Nothing was kept: choose a picture first.")},
    )
    crop = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Whose face is it?"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("For your list only; the file’s name unless you say."),
    )
    consent = forms.BooleanField(
        label=gettext_lazy("The person in this picture agrees to be shown as a talking avatar."),
        error_messages={"required": gettext_lazy("Nothing was kept: say that the person in the picture agrees.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = "portrait_%s"
        self.fields["name"].widget.attrs["dir"] = "auto"
        dress(self)

    def clean_picture(self) -> bytes:
        self.file_name = name_of(self.cleaned_data["picture"])
        return picture_of(self.cleaned_data["picture"])

    def clean_crop(self) -> list[float] | None:
        """Left, top, right, bottom as shares; none for the whole picture."""
        text = self.cleaned_data["crop"].strip()
        if not text:
            return None
        try:
            left, top, right, bottom = (float(part) for part in text.split(","))
        except ValueError:
            left, top, right, bottom = 0.0, 0.0, 0.0, 0.0
        if not (0 <= left < left + LEAST_CROP <= right <= 1 and 0 <= top < top + LEAST_CROP <= bottom <= 1):
            raise ValidationError(_("Nothing was kept: the crop lies outside the picture. Set it again."))
        return None if (left, top, right, bottom) == (0, 0, 1, 1) else [left, top, right, bottom]

    def order(self) -> dict[str, Any]:
        """The arguments of `upload_portrait`, but for the profile and `by`."""
        values = self.cleaned_data
        return {
            "content": values["picture"],
            "name": values["name"].strip() or self.file_name,
            "crop": values["crop"],
            "consented": values["consent"],
        }
