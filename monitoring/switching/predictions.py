"""What a switch is going to change, from the sessions that ran in that mode on that host; and whether it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final

from django.utils import formats
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring.hosts.costs import Range, cost_of, range_of
from monitoring.models import HostSample
from monitoring.switching.switches import Spell
from operators.templatetags.formatting import NO_BREAK, plain_bytes, plain_ms, with_unit
from sessions.models import DeploymentMode, ModeSwitch, SwitchOutcome

NEWEST_GAPS: Final = 40
NEAR: Final = 0.2  # where there is no range: so much beside the prediction is still as predicted
Words = Callable[[float], tuple[str, str]]


def plain_percent(value: float) -> tuple[str, str]:
    """Figure and unit of a share."""
    return formats.number_format(value, 0 if value >= 10 else 1), "%"


@dataclass(frozen=True)
class Line:
    """One figure: as it is, as it is predicted, as it came to be. None is what nobody has measured."""

    label: str
    words: Words
    now: float | None
    predicted: float | None
    range: Range | None = None
    measured: float | None = None

    def _shown(self, value: float | None) -> SafeString | str:
        return "" if value is None else with_unit(*self.words(value))

    @property
    def now_text(self) -> str:
        return self._shown(self.now)

    @property
    def predicted_text(self) -> str:
        return self._shown(self.predicted)

    @property
    def measured_text(self) -> str:
        return self._shown(self.measured)

    @property
    def range_text(self) -> str:
        """`13 to 18 %`."""
        if self.range is None:
            return ""
        (low, low_unit), (high, high_unit) = (self.words(end) for end in self.range)
        first = low if low_unit == high_unit else f"{low}{NO_BREAK}{low_unit}"
        return _("%(low)s to %(high)s") % {"low": first, "high": f"{high}{NO_BREAK}{high_unit}"}

    @property
    def verdict(self) -> str:
        """How the measured figure lies to the prediction: `as`, `above`, `below`; empty where one of them is missing."""
        if self.measured is None or self.predicted is None:
            return ""
        low, high = self.range or (self.predicted * (1 - NEAR), self.predicted * (1 + NEAR))
        return "above" if self.measured > high else "below" if self.measured < low else "as"

    @property
    def bar(self) -> dict[str, str]:
        """Where things lie on a line from nothing to a little more than the largest, in percent as text."""
        known = [each for each in (self.now, self.predicted, self.measured, *(self.range or ())) if each is not None]
        top = max(known, default=0) * 1.15 or 1
        places = {"now": self.now, "predicted": self.predicted, "measured": self.measured}
        drawn = {name: f"{100 * value / top:.1f}%" for name, value in places.items() if value is not None}
        if self.range is not None:
            low, high = self.range
            drawn |= {"low": f"{100 * low / top:.1f}%", "width": f"{max(1.0, 100 * (high - low) / top):.1f}%"}
        return drawn


@dataclass(frozen=True)
class Prediction:
    """`sessions` stand behind it, none where nobody was in that mode on that host yet. `gaps` switches stand behind the gap."""

    mode: str
    host: str
    sessions: int
    gaps: int
    cpu: Line
    memory: Line
    answer: Line
    gap: Line

    @property
    def lines(self) -> list[Line]:
        return [self.cpu, self.memory, self.answer, self.gap]

    @property
    def source(self) -> str:
        """Where it comes from."""
        if not self.sessions:
            return _("No data yet: no session has run in %(mode)s on %(host)s.") % self._names
        count = ngettext("From %(n)d session on %(host)s", "From %(n)d sessions on %(host)s", self.sessions)
        return count % {"n": self.sessions, "host": self.host}

    @property
    def sentence(self) -> str:
        """What it means, in words; empty where nothing is known."""
        parts = [part for part in (self._about_answers(), self._about_cpu(), self._about_memory()) if part]
        if self.gap.predicted is not None:
            gap = NO_BREAK.join(plain_ms(self.gap.predicted))
            parts.append(_("visitors see the picture hold for about %(gap)s") % {"gap": gap})
        if not parts:
            return ""
        text = (
            parts[0]
            if len(parts) == 1
            else _("%(all)s and %(last)s") % {"all": ", ".join(parts[:-1]), "last": parts[-1]}
        )
        return text[0].upper() + text[1:] + "."

    def _about_answers(self) -> str:
        change_ms = _change(self.answer)
        if change_ms is None:
            return ""
        if abs(change_ms) < 50:
            return _("answers come as soon as now")
        text = _("answers come %(time)s later") if change_ms > 0 else _("answers come %(time)s sooner")
        return text % {"time": NO_BREAK.join(plain_ms(abs(change_ms)))}

    def _about_cpu(self) -> str:
        change = _change(self.cpu)
        if change is None:
            return ""
        if abs(change) < 1:
            return _("CPU stays about the same")
        points = formats.number_format(abs(change), 0)
        text = _("CPU goes up by %(n)s points") if change > 0 else _("CPU goes down by %(n)s points")
        return text % {"n": points}

    def _about_memory(self) -> str:
        change = _change(self.memory)
        if change is None:
            return ""
        if abs(change) < 5 * 1024 * 1024:
            return _("memory stays about the same")
        text = _("memory goes up by %(n)s") if change > 0 else _("memory goes down by %(n)s")
        return text % {"n": NO_BREAK.join(plain_bytes(abs(change)))}

    @property
    def _names(self) -> dict[str, str]:
        return {"mode": self.mode, "host": self.host}


def predict(
    mode: DeploymentMode,
    host: str,
    now: Spell,
    *,
    providers: tuple[str, str],
    after: Spell | None = None,
    gap_ms: float | None = None,
    until: datetime | None = None,
) -> Prediction:
    """What a session of `host` comes to in `mode`, drawn by the second of `providers` after the first.

    With `after` and `gap_ms`, what it came to; gaps count that were seen before `until`.
    """
    cost, cores = cost_of(mode, host, providers[1]), cores_of(host)
    after, gaps = after or Spell(), _gaps(mode, host, providers, until)
    share = 100 / cores

    def line(label: str, words: Words, name: str, of: Callable[[Spell], float | None], scale: float = 1) -> Line:
        predicted = getattr(cost, name) if cost else None
        found = cost.ranges.get(name) if cost else None
        return Line(
            label,
            words,
            _scaled(of(now), scale),
            _scaled(predicted, scale),
            (found[0] * scale, found[1] * scale) if found else None,
            _scaled(of(after), scale),
        )

    cpu_label = ngettext("CPU of %(n)d core", "CPU of %(n)d cores", cores) % {"n": cores}
    return Prediction(
        mode=mode.slug,
        host=host,
        sessions=cost.sessions if cost else 0,
        gaps=len(gaps),
        cpu=line(cpu_label, plain_percent, "cpu_cores", lambda spell: spell.cpu_cores, share),
        memory=line(_("Memory, own"), plain_bytes, "uss_bytes", lambda spell: spell.uss_bytes),
        answer=line(_("Answer, median"), plain_ms, "voice_latency_ms", lambda spell: spell.answer_ms),
        gap=Line(_("Gap the visitor sees"), plain_ms, None, median(gaps) if gaps else None, range_of(gaps), gap_ms),
    )


def cores_of(host: str) -> int:
    """How many cores the host has, by its last sample; 1 where it never sent one."""
    return HostSample.objects.filter(host=host).order_by("-at").values_list("cores", flat=True).first() or 1


def _gaps(mode: DeploymentMode, host: str, providers: tuple[str, str], until: datetime | None) -> list[float]:
    """What visitors saw of the last such switches on that host, milliseconds: to that mode, or to that provider."""
    seen = ModeSwitch.objects.filter(session__host=host, outcome=SwitchOutcome.APPLIED, to_provider=providers[1])
    if providers[0] == providers[1]:
        seen = seen.filter(to_version__mode=mode, from_provider=providers[1])
    else:
        seen = seen.exclude(from_provider=providers[1])
    if until is not None:
        seen = seen.filter(requested_at__lt=until)
    newest = seen.exclude(gap_ms=None).order_by("-requested_at").values_list("gap_ms", flat=True)[:NEWEST_GAPS]
    return [gap for gap in newest if gap is not None]


def _change(line: Line) -> float | None:
    return None if line.now is None or line.predicted is None else line.predicted - line.now


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
