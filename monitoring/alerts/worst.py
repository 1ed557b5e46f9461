"""The worst thing about a session right now, in two lines."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from monitoring.alerts.rules import RULES
from monitoring.alerts.words import figure_of
from monitoring.models import Alert, Hitch, HitchKind, Severity, Turn
from operators.templatetags.formatting import ms_text
from sessions.models import AvatarSession, State

HITCHES_FOR: Final = timedelta(minutes=5)
TURNS_FOR: Final = timedelta(minutes=10)
FEWEST_TURNS: Final = 6
RECENT_TURNS: Final = 3
SLOWER_TIMES: Final = 1.25


@dataclass(frozen=True)
class Worst:
    """`tone`: "" where nothing needs a person, else `warn`, `bad` or `steal`. `at`: when it happened, for the second line."""

    text: str
    detail: str
    tone: str = ""
    at: datetime | None = None


def worst_of(session: AvatarSession, otherwise: tuple[str, str]) -> Worst:
    """An open alert of it or of its host, a hitch of the last minutes, answers slower than before, or `otherwise`."""
    of_it = Q(session=session) | Q(session=None, host=session.host)
    found = sorted(
        Alert.objects.filter(of_it, cleared_at=None, rule__in=RULES),
        key=lambda alert: (alert.severity != Severity.CRITICAL, alert.session_id is None, -alert.raised_at.timestamp()),
    )
    if session.state == State.DEGRADED or session.state not in (State.READY, State.DEGRADED):
        return Worst(*otherwise)
    if found:
        return _alert(found[0], next((alert for alert in found if alert.session_id is None), None))
    hitch = Hitch.objects.filter(session=session, until__gt=timezone.now() - HITCHES_FOR).order_by("-at").first()
    if hitch is not None:
        what = {HitchKind.FRAMES: _("Hitch of %(time)s"), HitchKind.TURN: _("Answer after %(time)s")}
        text = what.get(HitchKind(hitch.kind), _("Slow step: %(time)s")) % {"time": ms_text(hitch.took_ms)}
        return Worst(text, f"{hitch.get_cause_display()},", "steal" if hitch.cause == "steal" else "warn", hitch.until)
    return _answers(session, otherwise)


def _alert(alert: Alert, of_host: Alert | None) -> Worst:
    """The alert, and below it what is wrong with its host, which it may follow from."""
    tone = "steal" if alert.rule == "steal" else "bad" if alert.severity == Severity.CRITICAL else "warn"
    text = f"{RULES[alert.rule].label}: {figure_of(RULES[alert.rule], alert.worst)}"
    if alert.session_id is None or of_host is None:
        detail = _("on %(host)s,") % {"host": alert.host} if alert.session_id is None else _("began")
    else:
        detail = _("%(what)s %(figure)s on %(host)s,") % {
            "what": RULES[of_host.rule].label,
            "figure": figure_of(RULES[of_host.rule], of_host.worst),
            "host": of_host.host,
        }
    return Worst(text, detail, tone, alert.raised_at)


def _answers(session: AvatarSession, otherwise: tuple[str, str]) -> Worst:
    """Nothing is wrong; whether answers are slower than they were, and the slowest of the last minutes."""
    turns = Turn.objects.filter(session=session, first_sound_ms__isnull=False, at__gt=timezone.now() - TURNS_FOR)
    times = list(turns.order_by("at").values_list("first_sound_ms", "at"))
    if not times:
        return Worst(*otherwise)
    values = [value or 0.0 for value, _at in times]
    if len(values) >= FEWEST_TURNS:
        usual, now = median(values[:-RECENT_TURNS]), median(values[-RECENT_TURNS:])
        if now >= SLOWER_TIMES * usual:
            detail = _("%(now)s, usually %(usual)s") % {"now": ms_text(now), "usual": ms_text(usual)}
            return Worst(_("Answers slower than before"), detail, "warn")
    slowest, at = max(times, key=lambda each: each[0] or 0.0)
    return Worst(otherwise[0], _("Slowest answer %(time)s,") % {"time": ms_text(slowest)}, at=at)
