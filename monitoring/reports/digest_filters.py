"""Which of the sessions that are over: by profile, mode, provider, host, time and outcome."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from monitoring.models import SessionDigest
from sessions.forms.dressing import dress
from sessions.models import AgentWorker, AvatarProfile, DeploymentMode, EndReason
from sessions.models.profiles import Provider

DAYS: Final = 30
MAX_DAYS: Final = 400


class Days(forms.Form):
    """A stretch of whole days, the last `DAYS` where none is given. What can't be read filters nothing."""

    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def days(self) -> tuple[date, date]:
        """The first day and the last."""
        self.is_valid()
        last = self._day("until") or timezone.localdate()
        first = self._day("since") or last - timedelta(days=DAYS - 1)
        if first > last:
            first, last = last, first
        return max(first, last - timedelta(days=MAX_DAYS)), last

    def span(self) -> tuple[datetime, datetime]:
        """From the first moment of the first day to the last of the last."""
        return span_of(*self.days())

    def _day(self, name: str) -> date | None:
        found = self.cleaned_data.get(name)
        return found if isinstance(found, date) and found.year >= 2000 else None

    def query(self) -> str:
        """What was chosen, as a query string."""
        return urlencode({name: self.data[name] for name in self.fields if self.data.get(name)})


class ReportFilter(Days):
    """The filter of the history."""

    OUTCOMES: Final = (
        ("", _("any outcome")),
        ("well", _("ended well")),
        ("failed", _("failed")),
        *((f"reason-{value}", label) for value, label in EndReason.choices),
    )
    profile = forms.ModelChoiceField(
        label=_("Profile"), required=False, queryset=AvatarProfile.objects.none(), to_field_name="code",
        empty_label=_("any profile"),
    )  # fmt: skip
    mode = forms.ModelChoiceField(
        label=_("Mode"), required=False, queryset=DeploymentMode.objects.none(), to_field_name="slug",
        empty_label=_("any mode"),
    )  # fmt: skip
    provider = forms.ChoiceField(label=_("Provider"), required=False)
    host = forms.ChoiceField(label=_("Host"), required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False, choices=OUTCOMES)

    field_order = ("profile", "mode", "provider", "host", "outcome", "since", "until")

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.fields["profile"].queryset = AvatarProfile.objects.select_related("current")  # type: ignore[attr-defined]
        self.fields["mode"].queryset = DeploymentMode.objects.all()  # type: ignore[attr-defined]
        self.fields["provider"].choices = [("", _("any provider")), *Provider.choices]  # type: ignore[attr-defined]
        hosts = [(name, name) for name in AgentWorker.objects.values_list("host", flat=True)]
        self.fields["host"].choices = [("", _("any host")), *hosts]  # type: ignore[attr-defined]
        dress(self)

    def chosen(self) -> Q:
        """All but the time."""
        self.is_valid()
        found = {name: self.cleaned_data.get(name) for name in ("profile", "mode", "provider", "host")}
        condition = Q(**{name: value for name, value in found.items() if value})
        outcome = self.cleaned_data.get("outcome") or ""
        if outcome.startswith("reason-"):
            return condition & Q(end_reason=outcome.removeprefix("reason-"))
        return condition & Q(is_failure=outcome == "failed") if outcome else condition

    def digests(self) -> QuerySet[SessionDigest]:
        """The sessions that fit, newest first."""
        since, until = self.span()
        return SessionDigest.objects.filter(self.chosen(), requested_at__gte=since, requested_at__lt=until)


def span_of(first: date, last: date) -> tuple[datetime, datetime]:
    """From the first moment of `first` to the last of `last`."""
    return _start_of(first), _start_of(last + timedelta(days=1))


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
