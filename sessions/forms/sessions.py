"""What operators type: start, link, and the filter of the history."""

import uuid
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from sessions.forms.dressing import dress
from sessions.install import install
from sessions.models import (
    AvatarProfile,
    AvatarSession,
    DeploymentMode,
    EndReason,
    State,
)
from sessions.models.avatar_session import LIVE_STATES
from sessions.models.profiles import Language
from sessions.verdicts import TROUBLE

MAX_MINUTES: Final = 7 * 24 * 60


def new_request_key() -> str:
    """Names one intent to start: the same key twice starts once."""
    return str(uuid.uuid4())


class StartForm(forms.Form):
    """Who, how, and for how long."""

    profile = forms.ModelChoiceField(queryset=AvatarProfile.objects.none(), to_field_name="code")
    mode = forms.ModelChoiceField(queryset=DeploymentMode.objects.none(), to_field_name="slug")
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("as the profile says")), *Language.choices]
    )
    max_duration_min = forms.IntegerField(
        label=_("Ends after, minutes"), required=False, min_value=1, max_value=MAX_MINUTES
    )
    idle_timeout_min = forms.IntegerField(
        label=_("Ends when nobody came for, minutes"), required=False, min_value=1, max_value=MAX_MINUTES
    )
    request_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, profiles: QuerySet[AvatarProfile], modes: QuerySet[DeploymentMode], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.profiles, self.modes = profiles, modes
        self.fields["profile"].queryset = profiles  # type: ignore[attr-defined]
        self.fields["mode"].queryset = modes  # type: ignore[attr-defined]
        dress(self)

    @property
    def chosen_profile(self) -> str:
        """Code of the profile that is marked: the one asked for, else the first."""
        return self._chosen("profile") or str(next((profile.code for profile in self.profiles), ""))

    @property
    def chosen_mode(self) -> str:
        """Slug of the mode that is marked."""
        return self._chosen("mode") or install().default_mode

    @property
    def mode_from_environment(self) -> str:
        """Slug of the mode that the environment makes the default; empty where it names none."""
        return install().default_mode if install().default_mode_variable else ""

    @property
    def key(self) -> str:
        """The request key: kept while the form is corrected."""
        return self.data.get("request_key", "") or new_request_key()

    def _chosen(self, name: str) -> str:
        return str(self.data.get(name) or self.initial.get(name) or "")

    def order(self) -> dict[str, Any]:
        """The arguments of `start_session`, but for `by`."""
        minutes, idle = self.cleaned_data["max_duration_min"], self.cleaned_data["idle_timeout_min"]
        return {
            "profile": self.cleaned_data["profile"],
            "mode": self.cleaned_data["mode"],
            "language": self.cleaned_data["language"] or None,
            "max_duration_s": minutes * 60 if minutes else None,
            "idle_timeout_s": idle * 60 if idle else None,
            "request_key": str(self.cleaned_data["request_key"]),
        }


class LinkForm(forms.Form):
    """A new link: how long, how often, what for."""

    label = forms.CharField(label=_("For whom"), required=False, max_length=80)
    expires_in_h = forms.IntegerField(label=_("Good for, hours"), required=False, min_value=1, max_value=24 * 90)
    max_uses = forms.IntegerField(label=_("Visitors at most"), required=False, min_value=1, max_value=100_000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hours = settings.DEFAULT_LINK_LIFETIME_S / 3600
        self.fields["expires_in_h"].widget.attrs["placeholder"] = _("%(n)g unless you say") % {"n": hours}
        self.fields["max_uses"].widget.attrs["placeholder"] = _("as many as come")
        dress(self)

    def order(self) -> dict[str, Any]:
        """The arguments of `create_link`, but for the session and `by`."""
        hours = self.cleaned_data["expires_in_h"]
        return {
            "label": self.cleaned_data["label"],
            "expires_in_s": hours * 3600 if hours else None,
            "max_uses": self.cleaned_data["max_uses"],
        }


class HistoryFilter(forms.Form):
    """Which sessions to list. What can't be read filters nothing."""

    OUTCOMES = (
        ("", _("any state")),
        ("live", _("live")),
        ("well", _("ended well")),
        ("failed", _("failed")),
        *((f"reason-{value}", label) for value, label in EndReason.choices),
    )
    outcome = forms.ChoiceField(label=_("State"), required=False, choices=OUTCOMES)
    profile = forms.ModelChoiceField(
        label=_("Profile"),
        required=False,
        queryset=AvatarProfile.objects.none(),
        to_field_name="code",
        empty_label=_("any profile"),
    )

    def __init__(self, *args: Any, profiles: QuerySet[AvatarProfile], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["profile"].queryset = profiles  # type: ignore[attr-defined]
        dress(self)

    def apply(self, sessions: QuerySet[AvatarSession]) -> QuerySet[AvatarSession]:
        """The sessions that fit."""
        self.is_valid()
        outcome, profile = self.cleaned_data.get("outcome") or "", self.cleaned_data.get("profile")
        if profile is not None:
            sessions = sessions.filter(profile_version__profile=profile)
        conditions = {
            "live": Q(state__in=LIVE_STATES),
            "well": Q(state=State.ENDED) & ~Q(end_reason__in=TROUBLE),
            "failed": Q(state=State.ENDED, end_reason__in=TROUBLE),
        }
        if outcome.startswith("reason-"):
            return sessions.filter(end_reason=outcome.removeprefix("reason-"))
        return sessions.filter(conditions.get(outcome, Q()))

    def query(self) -> str:
        """The filter as a query string, for links to other pages of the list."""
        return urlencode({name: self.data[name] for name in self.fields if self.data.get(name)})
