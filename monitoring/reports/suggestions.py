"""What to do about a session's figures: rules as data. A rule speaks when all its figures are there and reach their mark."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from pydantic import BaseModel

from monitoring.models.hitches import HitchCause

if TYPE_CHECKING:
    from monitoring.reports.summaries import Summary

MINUTE_S: Final = 60
MOST: Final = 5


@dataclass(frozen=True)
class Rule:
    """`marks`: figure -> the least of it. `title` is what to do, `why` what the figures say; both take figures by name."""

    key: str
    marks: Mapping[str, float]
    title: Any
    why: Any


# The first are the most worth doing; `figures_of` says what each figure is.
RULES: Final = (
    Rule(
        "steal",
        {"steal_share_percent": 5, "steal_max_percent": 5},
        _("Give %(host)s a dedicated CPU, or start in a lighter mode there."),
        _(
            "The machine under it took 5\u00a0%% or more of its CPU in %(steal_share_percent).0f\u00a0%% of this session, at most"
            " %(steal_max_percent).0f\u00a0%%. Nothing inside the session can prevent that."
        ),
    ),
    Rule(
        "steal-moments",
        {"steal_max_percent": 10, "hitches_steal": 1},
        _("Ask whoever runs %(host)s about the moments of steal."),
        _("It reached %(steal_max_percent).0f\u00a0%% for moments, and %(hitches_steal)d of the hitches came with it."),
    ),
    Rule(
        "throttled",
        {"hitches_throttling": 1},
        _("Raise the CPU quota of %(host)s's container."),
        ngettext_lazy(
            "%(hitches_throttling)d hitch came while the quota held its processes back, though the host had CPU.",
            "%(hitches_throttling)d hitches came while the quota held its processes back, though the host had CPU.",
            "hitches_throttling",
        ),
    ),
    Rule(
        "cpu",
        {"hitches_cpu": 1},
        _("Leave more of %(host)s's CPU free: fewer sessions, or no other programs beside them."),
        ngettext_lazy(
            "%(hitches_cpu)d hitch came while all of its CPU was in use.",
            "%(hitches_cpu)d hitches came while all of its CPU was in use.",
            "hitches_cpu",
        ),
    ),
    Rule(
        "frames",
        {"frames_over_percent": 2},
        _("Use a lighter mode than %(mode)s on %(host)s."),
        _("In %(frames_over_percent).1f\u00a0%% of its seconds a frame took longer than the %(budget_ms).0f ms that it may."),
    ),
    Rule(
        "model-load",
        {"model_load_ms": 1_500},
        _("Load models before visitors come: run a short session on %(host)s after each start of its worker."),
        _("%(model_label)s took %(model_load_s).1f s; the sessions after it share what is loaded."),
    ),
    Rule(
        "queue",
        {"dispatch_ms": 3_000},
        _("Look at what kept the queue of %(host)s busy when this session was started."),
        _("It waited %(dispatch_s).1f s before its job was ordered; that takes well under a second on a host that is free."),
    ),
    Rule(
        "avatar-start",
        {"avatar_start_ms": 3_000},
        _("Look at the provider's start: it is most of the wait."),
        _("Starting Avatar Session took %(avatar_start_s).1f s, %(avatar_share_percent).0f\u00a0%% of the time to READY."),
    ),
    Rule(
        "slow-start",
        {"ready_over_usual": 1.5, "ready_ms": 1_500},
        _("Look at what held this start up, in the waterfall."),
        _("It was ready after %(ready_s).1f s; %(usual_ready_s).1f s are usual in %(mode)s on %(host)s."),
    ),
    Rule(
        "thinking",
        {"answer_ms": 1_000, "think_share_percent": 50},
        _("Shorten what the answer waits for: a smaller language model, a shorter persona, or more questions and answers."),
        _("Thinking is %(think_share_percent).0f\u00a0%% of the %(answer_s).1f s until an answer is heard."),
    ),
    Rule(
        "hearing",
        {"hear_ms": 400},
        _("Use a smaller model to recognise speech, or a host with more CPU."),
        _("Recognising what was said took %(hear_ms).0f ms in the median."),
    ),
    Rule(
        "memory",
        {"growth_mb_per_min": 2, "on_air_s": 600},
        _("Watch the memory of sessions in %(mode)s: end them sooner until it is found what grows."),
        _("Own memory grew by %(growth_mb_per_min).1f MB a minute while it was on air."),
    ),
    Rule(
        "network",
        {"hitches_network": 2},
        _("Look at the visitors' network, or lower the bit rate of %(mode)s."),
        _("%(hitches_network)d hitches came with packet loss or a long way to the visitor, and not from %(host)s."),
    ),
    Rule(
        "provider",
        {"hitches_provider": 1},
        _("Set up a fallback provider for this profile."),
        _("%(hitches_provider)d hitches came from the provider of its picture or of its models."),
    ),
    Rule(
        "drift",
        {"drift_ms": 80},
        _("Give visitors a steadier network, or choose a mode with a smaller picture."),
        _("Their browsers played sound and picture %(drift_ms).0f ms apart, in the median; 45 ms can be seen."),
    ),
    Rule(
        "disk",
        {"iowait_p95_percent": 10},
        _("Put the state folder of %(host)s on a faster disk."),
        _("Its processors waited for it in %(iowait_p95_percent).0f\u00a0%% of the time, in its busy seconds."),
    ),
    Rule(
        "restarts",
        {"restarts": 1},
        _("Read the log of %(host)s's worker at the time of the restart."),
        _("The avatar's process was lost and started again %(restarts)d times."),
    ),
    Rule(
        "unanswered",
        {"unanswered_percent": 20, "turns": 5},
        _("Add the questions that nothing answered to the profile's knowledge."),
        _("%(unanswered)d of %(turns)d questions had no answer that was heard."),
    ),
)  # fmt: skip


class Suggestion(BaseModel):
    """Something to do, and what in the figures speaks for it."""

    key: str
    title: str
    why: str


def suggestions_for(summary: "Summary") -> list[Suggestion]:
    """What the rules say of a session, most worth doing first, `MOST` at most."""
    figures = figures_of(summary)
    return [
        Suggestion(key=rule.key, title=str(rule.title) % figures, why=str(rule.why) % figures)
        for rule in RULES
        if all(figures.get(name) is not None and figures[name] >= least for name, least in rule.marks.items())
    ][:MOST]


def figures_of(summary: "Summary") -> dict[str, Any]:
    """The figures that rules speak of, by name with unit; what was not measured is None."""
    ready_ms, usual_ms = summary.readiness.get("ready_ms"), summary.usual_ready_ms
    models = [step for step in summary.steps if step.key.endswith("model_loading") and step.duration_ms is not None]
    slowest_model = max(models, key=lambda step: step.duration_ms or 0, default=None)
    avatar_ms = max(
        (step.duration_ms or 0 for step in summary.steps if step.key == "starting_avatar_session"), default=None
    )
    answers = summary.answers
    whole = answers.whole_ms.median if answers and answers.whole_ms else None
    think = answers.answer_ms.median if answers and answers.answer_ms else None
    steal = [value for value in summary.curves.steal_percent if value is not None]
    causes = {total.cause: total.count for total in summary.hitch_totals}
    figures: dict[str, Any] = {
        "host": summary.host,
        "mode": summary.mode,
        "on_air_s": summary.on_air_s,
        "restarts": summary.attempts - 1,
        "steal_max_percent": summary.steal_percent.max if summary.steal_percent else None,
        "steal_share_percent": 100 * sum(value >= 5 for value in steal) / len(steal) if steal else None,
        "iowait_p95_percent": summary.iowait_percent.p95 if summary.iowait_percent else None,
        "frames_over_percent": summary.frames.over_budget_percent if summary.frames else None,
        "budget_ms": summary.frames.budget_ms if summary.frames else None,
        "model_load_ms": slowest_model.duration_ms if slowest_model else None,
        "model_label": slowest_model.label if slowest_model else "",
        "avatar_start_ms": avatar_ms,
        "avatar_share_percent": _share(avatar_ms, ready_ms),
        "dispatch_ms": summary.readiness.get("dispatched_ms"),
        "ready_ms": ready_ms,
        "usual_ready_ms": usual_ms,
        "ready_over_usual": ready_ms / usual_ms if ready_ms is not None and usual_ms else None,
        "answer_ms": whole,
        "think_share_percent": _share(think, whole),
        "hear_ms": answers.recognised_ms.median if answers and answers.recognised_ms else None,
        "turns": answers.turns if answers else 0,
        "unanswered": answers.unanswered if answers else 0,
        "unanswered_percent": 100 * answers.unanswered / answers.turns if answers else None,
        "growth_mb_per_min": growth_mb_per_min(summary.curves.at_s, summary.curves.uss_bytes),
        "drift_ms": summary.drift_ms.median if summary.drift_ms else None,
    }
    figures |= {f"hitches_{cause}": causes.get(cause, 0) for cause in HitchCause.values}
    return figures | {
        f"{name.removesuffix('_ms')}_s": value / 1000
        for name, value in figures.items()
        if name.endswith("_ms") and value is not None
    }


def growth_mb_per_min(at_s: Iterable[float], uss_bytes: Iterable[float | None]) -> float | None:
    """How fast own memory grew, by the means of the second and the last quarter: what loads at the start is no growth."""
    known = [(at, value / 2**20) for at, value in zip(at_s, uss_bytes, strict=False) if value is not None]
    quarter = len(known) // 4
    if not quarter:
        return None
    early, late = known[quarter : 2 * quarter], known[-quarter:]
    span_s = fmean(at for at, _mb in late) - fmean(at for at, _mb in early)
    return (fmean(mb for _at, mb in late) - fmean(mb for _at, mb in early)) / span_s * MINUTE_S if span_s else None


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole
