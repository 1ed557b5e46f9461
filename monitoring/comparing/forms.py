"""What is compared: two modes, two periods, or two sessions."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring.comparing.comparison import Comparison, Side, compare, side_of
from monitoring.models import SessionDigest
from monitoring.reports.digest_filters import Days, span_of, told_day
from sessions.forms.dressing import dress
from sessions.models import AgentWorker, AvatarProfile, DeploymentMode

MOST_TOLD: Final = 100
KINDS: Final = {
    "modes": gettext_lazy("Two modes"),
    "periods": gettext_lazy("Two periods"),
    "sessions": gettext_lazy("Two sessions"),
}
FIELDS: Final = {
    "modes": ("a", "b", "profile", "host", "since", "until", "starved"),
    "periods": ("mode", "profile", "host", "other_since", "other_until", "since", "until", "starved"),
    "sessions": ("first", "second"),
}


class CompareForm(Days):
    """One form for all three; `kind` says which fields count."""

    other_since = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    other_until = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    a = forms.ModelChoiceField(queryset=DeploymentMode.objects.none(), to_field_name="slug", required=False)
    b = forms.ModelChoiceField(queryset=DeploymentMode.objects.none(), to_field_name="slug", required=False)
    mode = forms.ModelChoiceField(
        queryset=DeploymentMode.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label=gettext_lazy("any mode"),
    )
    profile = forms.ModelChoiceField(
        queryset=AvatarProfile.objects.none(), to_field_name="code", required=False,
        empty_label=gettext_lazy("any profile"),
    )  # fmt: skip
    host = forms.ChoiceField(required=False)
    first = forms.UUIDField(required=False, label=gettext_lazy("First session"), widget=forms.Select)
    second = forms.UUIDField(required=False, label=gettext_lazy("Second session"), widget=forms.Select)
    starved = forms.BooleanField(required=False, label=gettext_lazy("count starved sessions too"))

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        modes = DeploymentMode.objects.filter(archived_at=None)
        for name in ("a", "b", "mode"):
            self.fields[name].queryset = modes  # type: ignore[attr-defined]
        self.fields["a"].empty_label = self.fields["b"].empty_label = None  # type: ignore[attr-defined]
        self.fields["profile"].queryset = AvatarProfile.objects.select_related("current")  # type: ignore[attr-defined]
        hosts = [(name, name) for name in AgentWorker.objects.values_list("host", flat=True)]
        self.fields["host"].choices = [("", _("any host")), *hosts]  # type: ignore[attr-defined]
        self.is_valid()
        usual = self._usual_modes() if self.kind == "modes" else []
        self.modes = [self.cleaned_data.get(name) or _at(usual, place) for place, name in enumerate("ab")]
        # Shown is what is compared, also where nobody has chosen.
        self.data = {
            **dict(self.data.items()),
            **{name: mode.slug for name, mode in zip("ab", self.modes, strict=True) if mode},
        }
        if self.kind == "sessions":
            self.fields["first"].widget.choices = self.fields["second"].widget.choices = self._told_of()
        dress(self)

    def stretches(self) -> list[tuple[str, str]]:
        """None where two sessions are compared, two for two periods."""
        fields = self.counting()
        return [pair for pair in (("other_since", "other_until"), ("since", "until")) if pair[0] in fields]

    def counting(self) -> tuple[str, ...]:
        """Those of what is compared."""
        return FIELDS[self.kind]

    @property
    def kind(self) -> str:
        asked = str(self.data.get("kind", ""))
        return asked if asked in KINDS else "modes"

    def comparison(self) -> Comparison | None:
        """None where something is refused or not chosen yet."""
        if self.refusals:
            return None
        if self.kind == "sessions":
            return self._sessions()
        return self._periods() if self.kind == "periods" else self._modes()

    def other_days(self) -> tuple[date, date]:
        """For two periods, the other one: as long as the first where an end is left open, the days before it where both are."""
        first, last = self.days()
        length = last - first
        since, until = self._day("other_since"), self._day("other_until")
        if since is not None:
            return since, until or min(since + length, timezone.localdate())
        until = until or first - timedelta(days=1)
        return until - length, until

    def _modes(self) -> Comparison | None:
        first, second = self.modes
        if first is None or second is None or first == second:
            return None
        since, until = self.span()
        within = self._chosen() & Q(requested_at__gte=since, requested_at__lt=until)
        return compare(
            *(self._side(mode.slug, SessionDigest.objects.filter(within, mode=mode)) for mode in (first, second))
        )

    def _periods(self) -> Comparison | None:
        condition = self._chosen()
        if mode := self.cleaned_data.get("mode"):
            condition &= Q(mode=mode)
        sides = []
        periods = (self.other_days(), self.days())
        for first, last in periods:
            since, until = span_of(first, last)
            found = SessionDigest.objects.filter(condition, requested_at__gte=since, requested_at__lt=until)
            sides.append(self._side(_stretch(first, last), found))
        return compare(*sides, note=_told_overlap(*periods))

    def _sessions(self) -> Comparison | None:
        codes = [code for name in ("first", "second") if (code := self.cleaned_data.get(name)) is not None]
        found = {digest.session.code: digest for digest in self._digests(codes)}
        if len(found) < 2:
            return None
        sides = []
        for code in codes:
            digest = found[code]
            label = f"{digest.session.profile_name} {digest.session.short_code}"
            sides.append(side_of(label, SessionDigest.objects.filter(pk=digest.pk), stayed_only=False))
        return compare(*sides, of_answers=True)

    def _told_of(self) -> list[tuple[str, str]]:
        """The newest sessions, and those that are chosen."""
        chosen = [code for name in ("first", "second") if (code := self.cleaned_data.get(name)) is not None]
        everyone = SessionDigest.objects.select_related("session__profile_version", "mode").order_by("-requested_at")
        newest = [*everyone[:MOST_TOLD], *everyone.filter(session__code__in=chosen)]
        return [("", _("choose one")), *{str(each.session.code): _told(each) for each in newest}.items()]

    def _digests(self, codes: list[Any]) -> QuerySet[SessionDigest]:
        return SessionDigest.objects.filter(session__code__in=codes).select_related("session__profile_version")

    def _chosen(self) -> Q:
        found = {name: self.cleaned_data.get(name) for name in ("profile", "host")}
        return Q(**{name: value for name, value in found.items() if value})

    def _side(self, label: str, digests: QuerySet[SessionDigest]) -> Side:
        return side_of(label, digests, calm_only=not self.cleaned_data.get("starved"))

    def _usual_modes(self) -> list[DeploymentMode]:
        """Those with most sessions in the period: what people most want to know of."""
        since, until = self.span()
        counted = (
            DeploymentMode.objects.filter(archived_at=None)
            .annotate(n=Count("digests", filter=Q(digests__requested_at__gte=since, digests__requested_at__lt=until)))
            .order_by("-n", "created_at")
        )
        return list(counted[:2])


def _at(found: list[DeploymentMode], place: int) -> DeploymentMode | None:
    return found[place] if place < len(found) else None


def _told(digest: SessionDigest) -> str:
    at = formats.date_format(timezone.localtime(digest.requested_at), "j M, H:i")
    return f"{digest.session.profile_name} · {digest.mode.slug} · {at} · {digest.session.short_code}"


def _stretch(first: date, last: date) -> str:
    return _("%(first)s to %(last)s") % {"first": told_day(first), "last": told_day(last)}


def _told_overlap(one: tuple[date, date], other: tuple[date, date]) -> str:
    first, last = max(one[0], other[0]), min(one[1], other[1])
    if first > last:
        return ""
    return _("Both periods hold %(days)s: sessions of then count on both sides.") % {"days": _stretch(first, last)}
