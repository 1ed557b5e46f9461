"""Which of the sessions that are over: by profile, mode, provider, host, time and outcome."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.db.models import Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from monitoring.models import SessionDigest
from sessions.forms.dressing import dress
from sessions.models import AgentWorker, AvatarProfile, DeploymentMode, EndReason
from sessions.models.profiles import Provider

DAYS: Final = 30
MAX_DAYS: Final = 400
FIRST_YEAR: Final = 2000


class Days(forms.Form):
    """A stretch of whole days, the last `DAYS` where none is given. What can't be read is refused: nothing takes its place."""

    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        for field in self.fields.values():
            if isinstance(field, forms.DateField):
                field.error_messages["invalid"] = _("That is no day: it is written like 2026-11-22.")
            elif isinstance(field, forms.UUIDField):
                field.error_messages["invalid"] = _("That is no session's code.")
            elif isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = _("“%(value)s” can't be chosen: it was archived or never was.")

    def clean(self) -> dict[str, Any]:
        """Refuse days that can't be."""
        for start, end in self.stretches():
            for name in (start, end):
                self._check_year(name)
            self._check_begin(start)
            self._check_length(start, end)
        return self.cleaned_data

    def stretches(self) -> list[tuple[str, str]]:
        """The fields of each stretch's first day and last."""
        return [("since", "until")]

    def counting(self) -> Iterable[str]:
        """The fields that count."""
        return self.fields

    @property
    def refusals(self) -> list[str]:
        """Why nothing is looked for, a sentence each."""
        return [str(sentence) for name in self.counting() for sentence in self.errors.get(name, [])]

    def days(self) -> tuple[date, date]:
        """The first day and the last."""
        self.is_valid()
        last = self._day("until") or timezone.localdate()
        return self._day("since") or last - timedelta(days=DAYS - 1), last

    def span(self) -> tuple[datetime, datetime]:
        """From the first moment of the first day to the last of the last."""
        return span_of(*self.days())

    def query(self) -> str:
        """What was chosen, as a query string."""
        return urlencode({name: self.data[name] for name in self.fields if self.data.get(name)})

    def _day(self, name: str) -> date | None:
        """None where it is open or refused. A stretch that goes on ends today."""
        found = self.cleaned_data.get(name)
        return min(found, timezone.localdate()) if isinstance(found, date) else None

    def _check_year(self, name: str) -> None:
        day = self._day(name)
        if day is not None and day.year < FIRST_YEAR:
            self.add_error(name, gettext("Nothing was measured in %(year)d.") % {"year": day.year})

    def _check_begin(self, start: str) -> None:
        day = self.cleaned_data.get(start)
        if day is not None and day > timezone.localdate():
            self.add_error(start, gettext("%(day)s is still to come.") % {"day": told_day(day)})

    def _check_length(self, start: str, end: str) -> None:
        since = self._day(start)
        until = self.cleaned_data.get(end) or (
            timezone.localdate() if start == "since" and end not in self.errors else None
        )
        if since is None or until is None:
            return
        if until < since:
            text = gettext("A period can't end on %(last)s before it begins on %(first)s.")
            self.add_error(end, text % {"last": told_day(until), "first": told_day(since)})
        elif (min(until, timezone.localdate()) - since).days > MAX_DAYS:
            self.add_error(start, gettext("A period has %(n)d days at most.") % {"n": MAX_DAYS})


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

    def __init__(self, data: Mapping[str, Any]) -> None:
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
        """The sessions that fit, newest first; none where the filter is refused."""
        if self.refusals:
            return SessionDigest.objects.none()
        since, until = self.span()
        return SessionDigest.objects.filter(self.chosen(), requested_at__gte=since, requested_at__lt=until)


def told_day(day: date) -> str:
    """With its year where it is not of this one."""
    return formats.date_format(day, "j M" if day.year == timezone.localdate().year else "j M Y")


def span_of(first: date, last: date) -> tuple[datetime, datetime]:
    """From the first moment of `first` to the last of `last`."""
    return _start_of(first), _start_of(last + timedelta(days=1))


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
