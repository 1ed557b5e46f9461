"""What a report is made of: figures, and one model for each kind of line. Stored as JSON, so that what is new has a default."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median, quantiles
from typing import Any

from pydantic import BaseModel, computed_field

from monitoring.alerts.rules import RULES


class Figures(BaseModel):
    """A reading over a whole session."""

    count: int
    median: float
    p95: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Figures | None":
        """The figures of the readings that are there; None without any."""
        known = [float(value) for value in values if value is not None]
        if not known:
            return None
        p95 = quantiles(known, n=20, method="inclusive")[-1] if len(known) > 1 else known[0]
        return cls(count=len(known), median=round(median(known), 2), p95=round(p95, 2), max=round(max(known), 2))


class StepLine(BaseModel):
    """A workflow step; `started_ms` counts from the request, a memory gain is USS where measured, else RSS.

    Memory is the whole process's: of two steps that run at once, each gained what both took.
    """

    attempt: int
    number: int
    parent: int | None
    key: str
    label: str
    status: str
    started_ms: float
    duration_ms: float | None
    usual_ms: float | None = None  # in its mode, when the report was made
    memory_delta_bytes: int | None
    rss_before_bytes: int | None
    rss_after_bytes: int | None
    uss_before_bytes: int | None = None
    uss_after_bytes: int | None = None
    metadata: dict[str, Any]
    error: str

    @property
    def ended_ms(self) -> float:
        """Of a step that runs: when it began."""
        return self.started_ms + (self.duration_ms or 0)


class VisitLine(BaseModel):
    """A visit with its chain, in milliseconds since the visitor's click."""

    name: str
    joined_at: datetime | None
    left_at: datetime | None
    stay_s: float | None
    was_greeted: bool
    token_ms: float | None
    connected_ms: float | None
    first_frame_ms: float | None
    first_sound_ms: float | None


class EventLine(BaseModel):
    at: datetime
    kind: str
    text: str
    state: str
    by: str


class TurnLine(BaseModel):
    """A question and its answer, milliseconds as in `monitoring.models.Turn`. Never what was said."""

    at: datetime
    typed: bool
    end_of_turn_ms: float
    recognised_ms: float | None
    answer_ms: float | None
    voice_ms: float | None
    first_sound_ms: float | None
    interrupted: bool


class Answers(BaseModel):
    """How long answers took, from the question's end; the parts overlap, since answers are prepared while somebody speaks."""

    turns: int
    unanswered: int
    interrupted: int
    end_of_turn_ms: Figures | None
    recognised_ms: Figures | None
    answer_ms: Figures | None
    voice_ms: Figures | None
    whole_ms: Figures | None


class AlertLine(BaseModel):
    """An alert of the session, or of its host while the session ran, as `monitoring.models.Alert` has it."""

    rule: str
    severity: str
    of_host: bool
    raised_at: datetime
    cleared_at: datetime | None
    value: float
    worst: float
    detail: str
    note: str

    @property
    def label(self) -> str:
        return str(RULES[self.rule].label) if self.rule in RULES else self.rule


class HitchLine(BaseModel):
    """A moment that a visitor may have noticed, as `monitoring.models.Hitch` has it."""

    at: datetime
    kind: str
    cause: str
    took_ms: float
    usual_ms: float
    count: int
    what: str

    @property
    def lost_ms(self) -> float:
        """By how much it was longer than usual."""
        return max(0.0, self.took_ms - self.usual_ms)


class HitchTotal(BaseModel):
    """All hitches of one cause."""

    cause: str
    count: int
    lost_ms: float

    @classmethod
    def of(cls, hitches: Iterable[HitchLine]) -> "list[HitchTotal]":
        """By cause, the most frequent first."""
        lost: dict[str, list[float]] = {}
        for hitch in hitches:
            lost.setdefault(hitch.cause, []).append(hitch.lost_ms)
        totals = [cls(cause=cause, count=len(each), lost_ms=sum(each)) for cause, each in lost.items()]
        return sorted(totals, key=lambda total: -total.count)


class FrameTotals(BaseModel):
    """What the renderer did; a second over budget is one whose slowest frame took longer than `budget_ms`.

    Frames are not counted where only rollups were left of the session's beginning.
    """

    composed: int | None = None
    cached: int | None = None
    repeated: int | None = None
    seconds: int
    seconds_over_budget: int
    budget_ms: float
    frame_p95_ms: Figures | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def over_budget_percent(self) -> float:
        return round(100 * self.seconds_over_budget / self.seconds, 2) if self.seconds else 0.0


class Received(BaseModel):
    """How the picture arrived at visitors' browsers, by their own statistics. None is what no browser told."""

    fps_median: float | None
    fps_least: float | None
    freezes: int | None  # of all visitors
    freeze_ms: float | None  # how long they lasted together
    jitter_ms: Figures | None
    lost_percent: Figures | None  # of packets

    @classmethod
    def of(cls, samples: Sequence[Any]) -> "Received | None":
        """Of `monitoring.models.VisitSample`s, or what has their figures; None without any."""
        if not samples:
            return None
        known = {
            name: [value for sample in samples if (value := getattr(sample, name)) is not None]
            for name in ("fps", "freezes", "freeze_ms", "jitter_ms", "lost_percent")
        }
        return cls(
            fps_median=round(median(known["fps"]), 2) if known["fps"] else None,
            fps_least=min(known["fps"], default=None),
            freezes=sum(known["freezes"]) if known["freezes"] else None,
            freeze_ms=sum(known["freeze_ms"]) if known["freeze_ms"] else None,
            jitter_ms=Figures.of(known["jitter_ms"]),
            lost_percent=Figures.of(known["lost_percent"]),
        )


class Curves(BaseModel):
    """At most `report.CURVE_POINTS` points; `at_s` counts from the request.

    Within a point steal and frame time are maxima, all others means. `cpu_percent` is the session's, of one core;
    `user_percent`, `system_percent`, `iowait_percent` and `steal_percent` are the host's, of all cores.
    """

    at_s: list[float] = []
    cpu_percent: list[float | None] = []
    uss_bytes: list[float | None] = []
    rss_bytes: list[float | None] = []
    user_percent: list[float | None] = []
    system_percent: list[float | None] = []
    iowait_percent: list[float | None] = []
    steal_percent: list[float | None] = []
    fps: list[float | None] = []
    frame_p95_ms: list[float | None] = []
