"""A report's main figures as a row: made of the summary, so that a report kept from earlier gets one too."""

from typing import Any

from monitoring.models import SessionDigest
from monitoring.reports.lines import Figures
from monitoring.reports.summaries import Summary
from sessions.models import AvatarSession, ModeVersion, SwitchOutcome
from sessions.verdicts import TROUBLE


def keep_digest(session: AvatarSession, summary: Summary) -> SessionDigest:
    """Write the session's digest; an earlier one is replaced."""
    begun_in = _mode_at_start(session)
    digest, _ = SessionDigest.objects.update_or_create(
        session=session,
        defaults={
            "requested_at": session.requested_at,
            "profile": session.profile_version.profile,
            "mode": begun_in.mode,
            "mode_version": begun_in,
            "provider": session.profile_version.provider,
            "host": session.host,
            "end_reason": session.end_reason,
            "is_failure": session.end_reason in TROUBLE,
            "switched": any(switch.outcome in (SwitchOutcome.APPLIED, SwitchOutcome.WENT_BACK) for switch in summary.switches),
            **_figures(summary),
        },
    )  # fmt: skip
    return digest


def _mode_at_start(session: AvatarSession) -> ModeVersion:
    """The session's row holds the mode that it is in now."""
    first = session.switches.filter(outcome=SwitchOutcome.APPLIED).select_related("from_version__mode").first()
    return session.mode_version if first is None else first.from_version


def _figures(summary: Summary) -> dict[str, Any]:
    whole = summary.answers.whole_ms if summary.answers else None
    cpu, uss, steal, drift = summary.cpu_percent, summary.uss_bytes, summary.steal_percent, summary.drift_ms
    return {
        "duration_s": summary.duration_s,
        "visitors": len(summary.came),
        "ready_ms": summary.readiness.get("ready_ms"),
        "answers": whole.count if whole else 0,
        "answer_ms": _part(whole, "median"),
        "answer_p95_ms": _part(whole, "p95"),
        "cpu_percent": _part(cpu, "median"),
        "cpu_p95_percent": _part(cpu, "p95"),
        "uss_bytes": _part(uss, "median"),
        "uss_max_bytes": _part(uss, "max"),
        "steal_percent": _part(steal, "median"),
        "steal_max_percent": _part(steal, "max"),
        "frames_over_percent": summary.frames.over_budget_percent if summary.frames else None,
        "hitches": summary.hitch_count,
        "drift_ms": _part(drift, "median"),
    }


def _part(figures: Figures | None, name: str) -> float | None:
    return None if figures is None else float(getattr(figures, name))
