"""What switches of a running session did: its figures in the minutes before and after each."""

from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from pydantic import BaseModel

from monitoring.models import FrameSample, SessionSample, Turn
from sessions.models import AvatarSession, ModeSwitch, SwitchOutcome

BEFORE: Final = timedelta(minutes=3)
AFTER: Final = timedelta(minutes=3)
SETTLES_WITHIN: Final = timedelta(seconds=3)  # a switch's own work is neither before nor after it
LONGEST_LOOK_BACK: Final = timedelta(minutes=10)


class Spell(BaseModel):
    """Figures of a stretch of a session: medians of its seconds and turns. None is what was not measured."""

    seconds: int = 0
    cpu_cores: float | None = None
    uss_bytes: float | None = None
    frame_p95_ms: float | None = None
    answers: int = 0
    answer_ms: float | None = None  # from a question's end to the answer's first sound

    @property
    def cpu_percent(self) -> float | None:
        """Of one core."""
        return None if self.cpu_cores is None else self.cpu_cores * 100


class SwitchLine(BaseModel):
    """A switch while the session ran, with what was measured around it.

    `gap_ms`: the longest time without a new frame that a visitor's browser saw. Stored in reports: what is new has a default.
    """

    code: str = ""
    at: datetime
    finished_at: datetime | None = None
    from_mode: str
    to_mode: str
    from_name: str = ""  # with the provider where that changes
    to_name: str = ""
    by: str
    is_automatic: bool = False
    reason: str = ""
    outcome: str
    detail: str
    took_ms: float | None
    gap_ms: float | None
    before: Spell = Spell()
    after: Spell = Spell()

    @property
    def is_felt(self) -> bool:
        """It changed something, for a while at least."""
        return self.outcome in (SwitchOutcome.APPLIED, SwitchOutcome.WENT_BACK)

    @property
    def outcome_label(self) -> str:
        return str(SwitchOutcome(self.outcome).label)


def spell_of(session: AvatarSession, start: datetime, end: datetime) -> Spell:
    """The figures of a session from `start` to `end`."""
    span = {"session": session, "at__gte": start, "at__lt": end}
    samples = list(SessionSample.objects.filter(**span).values_list("cpu_percent", "uss_bytes"))
    frames = FrameSample.objects.filter(**span).values_list("frame_p95_ms", flat=True)
    answers = list(Turn.objects.filter(**span).exclude(first_sound_ms=None).values_list("first_sound_ms", flat=True))
    cpu_percent = _median(row[0] for row in samples)
    return Spell(
        seconds=len(samples),
        cpu_cores=None if cpu_percent is None else cpu_percent / 100,
        uss_bytes=_median(row[1] for row in samples),
        frame_p95_ms=_median(frames),
        answers=len(answers),
        answer_ms=_median(answers),
    )


def present_spell(session: AvatarSession) -> Spell:
    """The figures of a session since it is in its present mode, of its last minutes at most."""
    now = timezone.now()
    done = _finished(session).exclude(outcome=SwitchOutcome.FAILED).last()
    since = done.finished_at if done and done.finished_at else session.ready_at or session.requested_at
    return spell_of(session, max(since + SETTLES_WITHIN, now - LONGEST_LOOK_BACK), now)


def switch_lines(session: AvatarSession, newest: int | None = None, code: UUID | None = None) -> list[SwitchLine]:
    """The switches of a session in order: all, the newest so many, or the one of `code`."""
    switches = list(session.switches.select_related("from_version__mode", "to_version__mode"))
    end = session.ended_at or timezone.now()
    lines = []
    for place, switch in enumerate(switches):
        if (newest is not None and place < len(switches) - newest) or (code is not None and switch.code != code):
            continue
        earlier = switches[place - 1].finished_at if place else session.ready_at
        later = switches[place + 1].requested_at if place + 1 < len(switches) else end
        lines.append(line_of(session, switch, earlier or session.requested_at, later))
    return lines


def line_of(session: AvatarSession, switch: ModeSwitch, earlier: datetime, later: datetime) -> SwitchLine:
    """A switch between the end of the one before it and the begin of the one after it."""
    before = spell_of(session, max(earlier + SETTLES_WITHIN, switch.requested_at - BEFORE), switch.requested_at)
    after = Spell()
    if switch.finished_at is not None and switch.outcome == SwitchOutcome.APPLIED:
        began = switch.finished_at + SETTLES_WITHIN
        after = spell_of(session, began, min(later, began + AFTER))
    own = ("from_name", "to_name", "is_automatic", "reason", "finished_at", "outcome", "detail", "took_ms", "gap_ms")
    return SwitchLine(
        code=str(switch.code),
        at=switch.requested_at,
        by=switch.requested_by,
        from_mode=switch.from_version.mode.slug,
        to_mode=switch.to_version.mode.slug,
        before=before,
        after=after,
        **{name: getattr(switch, name) for name in own},
    )


def text_of(line: SwitchLine) -> str:
    """A switch as one line of plain text."""
    parts = [
        f"{line.at:%H:%M:%S} {line.from_name or line.from_mode} > {line.to_name or line.to_mode} by {line.by}: {line.outcome}"
    ]
    if line.gap_ms is not None:
        parts.append(f"gap {line.gap_ms:.0f} ms")
    for name, unit, scale, before, after in (
        ("CPU", "cores", 1, line.before.cpu_cores, line.after.cpu_cores),
        ("memory", "MB", 1e6, line.before.uss_bytes, line.after.uss_bytes),
        ("frame", "ms", 1, line.before.frame_p95_ms, line.after.frame_p95_ms),
        ("answer", "ms", 1, line.before.answer_ms, line.after.answer_ms),
    ):
        if before is not None or after is not None:
            told = [
                "-" if value is None else f"{value / scale:.{2 if unit == 'cores' else 0}f}"
                for value in (before, after)
            ]
            parts.append(f"{name} {told[0]} > {told[1]} {unit}")
    return ", ".join([*parts, *(each for each in (line.reason, line.detail) if each)])


def _finished(session: AvatarSession) -> QuerySet[ModeSwitch]:
    return ModeSwitch.objects.filter(session=session).exclude(finished_at=None).order_by("finished_at")


def _median(values: Any) -> float | None:
    known = [float(value) for value in values if value is not None]
    return round(median(known), 3) if known else None
