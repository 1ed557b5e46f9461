"""Forms of signing in."""

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from operators.models import Operator


class SignInForm(AuthenticationForm):
    """User name and password."""

    error_messages = {
        "invalid_login": _("Nobody was signed in: the user name or the password is wrong. Both are case-sensitive."),
        "inactive": _("Nobody was signed in: this account is closed. Ask an admin to open it."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-control"
        if self.initial.get("username") or (self.is_bound and self.data.get("username")):
            self.fields["username"].widget.attrs.pop("autofocus", None)
            self.fields["password"].widget.attrs["autofocus"] = True  # the name stands there already


class FirstPasswordForm(forms.Form):
    """The password that a sign-in link's operator chooses."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password", "autofocus": True}),
        help_text=_("8 characters or more; not a common one, and not digits alone."),
    )

    def __init__(self, operator: Operator, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operator = operator

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        password_validation.validate_password(password, self.operator)
        return password
