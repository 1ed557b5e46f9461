"""The summary of a session: what its report keeps, and the words for it."""

from datetime import datetime
from typing import Final, Self

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import BaseModel, computed_field, model_validator

from monitoring.models import HitchCause
from monitoring.reports.absences import AbsenceLine, counted, counted_in_words
from monitoring.reports.hosted import HostedLine
from monitoring.reports.lines import (
    AlertLine,
    Answers,
    Curves,
    EventLine,
    Figures,
    FrameTotals,
    HitchLine,
    HitchTotal,
    Received,
    StepLine,
    TurnLine,
    VisitLine,
)
from monitoring.reports.suggestions import Suggestion, suggestions_for
from monitoring.switching.switches import SwitchLine
from sessions.models import EndReason

LONGEST_LISTS: Final = 3
STEAL_WORTH_SAYING_PERCENT: Final = 5.0


class Summary(BaseModel):
    """A session, summed up. Stored as JSON in `Report.summary`; what is computed is stored too, and computed anew when read."""

    profile: str
    profile_version: int
    provider: str = ""
    mode: str
    mode_version: int
    language: str
    host: str
    cores: int | None = None  # of the host
    requested_by: str
    requested_at: datetime
    ended_at: datetime | None
    end_reason: str
    end_detail: str
    duration_s: float
    on_air_s: float | None
    attempts: int
    readiness: dict[str, float | None]  # `AvatarSession.readiness_ms`
    usual_ready_ms: float | None = None  # median of earlier sessions in this mode on this host
    steps: list[StepLine]
    visits: list[VisitLine]
    events: list[EventLine]
    turns: list[TurnLine] = []
    answers: Answers | None = None
    switches: list[SwitchLine] = []
    absences: list[AbsenceLine] = []
    hosted: list[HostedLine] = []  # hosted avatars that it had
    alerts: list[AlertLine] = []
    hitches: list[HitchLine] = []  # those that cost most, in order of time
    hitch_totals: list[HitchTotal] = []  # of all
    cpu_percent: Figures | None  # of one core
    rss_bytes: Figures | None
    pss_bytes: Figures | None
    uss_bytes: Figures | None
    steal_percent: Figures | None
    iowait_percent: Figures | None
    frames: FrameTotals | None
    drift_ms: Figures | None = None  # between sound and picture, as visitors' browsers measured it; without its sign
    received: Received | None = None
    curves: Curves

    @model_validator(mode="after")
    def _total_those_of_an_earlier_report(self) -> Self:
        self.hitch_totals = self.hitch_totals or HitchTotal.of(self.hitches)
        return self

    @property
    def hitch_count(self) -> int:
        return sum(total.count for total in self.hitch_totals)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def slowest(self) -> list[StepLine]:
        """The steps that took longest, the longest first."""
        timed = [step for step in self.steps if step.duration_ms is not None]
        return sorted(timed, key=lambda step: -(step.duration_ms or 0))[:LONGEST_LISTS]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def memory_hungry(self) -> list[StepLine]:
        """The steps that gained most memory, the hungriest first."""
        gained = [step for step in self.steps if (step.memory_delta_bytes or 0) > 0]
        return sorted(gained, key=lambda step: -(step.memory_delta_bytes or 0))[:LONGEST_LISTS]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def steps_duration_ms(self) -> float:
        """From the first step's begin to the last step's end."""
        if not self.steps:
            return 0.0
        return max(step.ended_ms for step in self.steps) - self.steps[0].started_ms

    @computed_field  # type: ignore[prop-decorator]
    @property
    def memory_gained_bytes(self) -> int | None:
        """From the first step's begin to the last step's end, by the last attempt's process: USS where measured, else RSS."""
        last = max((step.attempt for step in self.steps), default=0)
        steps = [step for step in self.steps if step.attempt == last]
        own = _gained(steps, "uss")
        return _gained(steps, "rss") if own is None else own

    @property
    def usual_step_durations_ms(self) -> dict[str, float]:
        """By step key."""
        return {step.key: step.usual_ms for step in self.steps if step.usual_ms is not None}

    @property
    def came(self) -> list[VisitLine]:
        """The visits of who came in."""
        return [visit for visit in self.visits if visit.joined_at is not None]

    @property
    def modes(self) -> list[str]:
        """The modes that it was in, in order."""
        applied = [switch for switch in self.switches if switch.outcome == "applied"]
        names = [applied[0].from_mode, *(switch.to_mode for switch in applied)] if applied else [self.mode]
        return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]

    @property
    def longest_gap_ms(self) -> float | None:
        """Of all switches; None where no visitor's browser told of one."""
        return max((switch.gap_ms for switch in self.switches if switch.gap_ms is not None), default=None)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def losses(self) -> dict[str, int]:
        """Of avatars, by code: how often each was the reason."""
        return counted(self.absences)

    @property
    def losses_in_words(self) -> str:
        return counted_in_words(self.absences)

    @property
    def still_s(self) -> float:
        """How long the still picture stood, altogether."""
        return sum(line.still_s for line in self.absences)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def suggestions(self) -> list[Suggestion]:
        """What to do, in the reader's language."""
        return suggestions_for(self)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """How it went, in words, in the reader's language."""
        return " ".join(text for text, _tone in self.verdict_pieces)

    @property
    def verdict_pieces(self) -> list[tuple[str, str]]:
        """The verdict's sentences, each with its tone: "", "warn", "bad" or "steal"."""
        ready_ms = self.readiness.get("ready_ms")
        if ready_ms is None and self.ended_at is None:
            return [(_("It is still starting."), "")]
        if ready_ms is None:
            why = self.end_detail or str(EndReason(self.end_reason).label if self.end_reason else "")
            return [(_("It never became ready. %(why)s") % {"why": why}, "bad")]
        pieces = [(_("Ready in %(s)s s.") % {"s": _seconds(ready_ms)}, "")]
        pieces.append((self._about_answers() or self._about_visitors(), ""))
        if self.attempts > 1:
            again = ngettext("Started again once.", "Started again %(n)d times.", self.attempts - 1)
            pieces.append((again % {"n": self.attempts - 1}, "warn"))
        pieces += self._about_hitches()
        if self.end_reason in (EndReason.AGENT_LOST, EndReason.FAILED, EndReason.PROVIDER_FAILED):
            pieces.append((self.end_detail or str(EndReason(self.end_reason).label), "bad"))
        return pieces

    def _about_hitches(self) -> list[tuple[str, str]]:
        """Hitches with their cause; where none was put down, late frames and steal as they were measured."""
        pieces = []
        causes, n = [total.cause for total in self.hitch_totals], self.hitch_count
        if causes:
            first = causes[0]
            word = str(HitchCause(first).label)
            if len(causes) == 1:
                text = ngettext("%(n)d hitch by %(cause)s.", "%(n)d hitches, all by %(cause)s.", n)
            elif 2 * self.hitch_totals[0].count <= n:
                text = ngettext("%(n)d hitch.", "%(n)d hitches, most often by %(cause)s.", n)
            else:
                text = ngettext("%(n)d hitch.", "%(n)d hitches, most of them by %(cause)s.", n)
            tone = "steal" if first == HitchCause.STEAL else "warn"
            pieces.append((text % {"n": n, "cause": word}, tone))
        elif self.frames and self.frames.seconds_over_budget:
            n = self.frames.seconds_over_budget
            late = ngettext("%(n)d second with late frames.", "%(n)d seconds with late frames.", n) % {"n": n}
            pieces.append((late, "warn"))
        most = self.steal_percent.max if self.steal_percent else 0.0
        if HitchCause.STEAL not in causes and most >= STEAL_WORTH_SAYING_PERCENT:
            pieces.append((_("CPU steal reached %(max).0f\u00a0%%.") % {"max": most}, "steal"))
        return pieces

    def _about_visitors(self) -> str:
        if not self.came:
            return _("Nobody came.")
        count = ngettext("%(n)d visitor", "%(n)d visitors", len(self.came)) % {"n": len(self.came)}
        frames = Figures.of(visit.first_frame_ms for visit in self.came)
        if frames is None:
            return _("%(visitors)s.") % {"visitors": count}
        return _("%(visitors)s, who saw the face %(s)s s after their click.") % {
            "visitors": count,
            "s": _seconds(frames.median),
        }

    def _about_answers(self) -> str:
        answers = self.answers
        if answers is None or answers.whole_ms is None:
            return ""
        count = ngettext("%(n)d turn", "%(n)d turns", answers.turns) % {"n": answers.turns}
        if answers.whole_ms.count == 1:
            return _("%(turns)s, answered in %(s)s s.") % {"turns": count, "s": _seconds(answers.whole_ms.median)}
        return _("%(turns)s, answered in %(s)s s, the slowest in %(worst)s s.") % {
            "turns": count,
            "s": _seconds(answers.whole_ms.median),
            "worst": _seconds(answers.whole_ms.max),
        }


def _gained(steps: list[StepLine], kind: str) -> int | None:
    before = [value for step in steps if (value := getattr(step, f"{kind}_before_bytes")) is not None]
    after = [(step.ended_ms, value) for step in steps if (value := getattr(step, f"{kind}_after_bytes")) is not None]
    return max(after)[1] - before[0] if before and after else None


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f}"
