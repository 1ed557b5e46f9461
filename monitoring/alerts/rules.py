"""The rules of alerts, as a table. Add one: a line here, and its readings where the figure is seen (`ingest/observations.py`)."""

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from monitoring.models import Severity

Text = str | Promise


@dataclass(frozen=True)
class Rule:
    """When a figure is worth an alert.

    It is raised when the mean of the last `for_s` seconds reaches `warning` or `critical` (0: the newest reading alone), and
    cleared when the mean of the last `clear_for_s` seconds is beyond `clear`, or when no reading has come for `quiet_s`. So a
    figure that wavers about its limit raises it once. With `low_is_bad` all limits are undershot, not exceeded.
    """

    key: str
    label: Text
    unit: str
    warning: float | None
    critical: float | None
    clear: float
    for_s: float
    clear_for_s: float
    sentence: Text  # of `%(who)s`, `%(value)s` (with its unit) and `%(detail)s`
    advice: Text
    quiet_s: float | None = None
    low_is_bad: bool = False
    digits: int = 0

    def severity_of(self, value: float) -> Severity | None:
        """How bad a figure is; None where it is not."""
        for severity, limit in ((Severity.CRITICAL, self.critical), (Severity.WARNING, self.warning)):
            if limit is not None and (value <= limit if self.low_is_bad else value >= limit):
                return severity
        return None

    def is_over(self, value: float) -> bool:
        """Whether a figure is well again."""
        return value > self.clear if self.low_is_bad else value < self.clear

    def worse(self, one: float, other: float) -> float:
        return min(one, other) if self.low_is_bad else max(one, other)


_RULES: Final = (
    Rule(
        "steal", _("CPU steal"), "%", 5, 10, 2.5, for_s=10, clear_for_s=30,
        sentence=_("%(who)s loses %(value)s of its CPU to the machine it runs on."),
        advice=_("Only whoever runs the machine can end it. Ask for dedicated CPU; a lighter mode needs less meanwhile."),
        digits=1,
    ),
    Rule(
        "throttling", _("CPU quota"), "%", 10, 30, 5, for_s=10, clear_for_s=30, quiet_s=60,
        sentence=_("%(who)s is held back by its CPU quota in %(value)s of the time."),
        advice=_("Raise the quota (CPUQuota of the service, --cpus of the container), or switch to a lighter mode."),
    ),
    Rule(
        "memory", _("Memory"), "%", 90, 95, 85, for_s=10, clear_for_s=30, quiet_s=120,
        sentence=_("%(who)s uses %(value)s of the memory that it may use."),
        advice=_("Start no further session there. The host’s page shows which process holds it."),
    ),
    Rule(
        "memory_growth", _("Memory growth"), "MB", 30, 100, 15, for_s=60, clear_for_s=120, quiet_s=900,
        sentence=_("The memory of %(who)s grows by %(value)s in ten minutes."),
        advice=_("Compare its memory with its steps and switches. A session that is started anew begins small."),
    ),
    Rule(
        "worker_growth", _("Worker’s memory growth"), "MB", 30, 100, 15, for_s=60, clear_for_s=120, quiet_s=900,
        sentence=_("The memory of the agent worker of %(who)s grows by %(value)s in ten minutes."),
        advice=_("Drain the host; once its sessions are over, start its worker anew. log/agent-worker.log says what it did."),
    ),
    Rule(
        "frame_overruns", _("Late frames"), "%", 100, 200, 80, for_s=10, clear_for_s=20, quiet_s=30,
        sentence=_("Frames of %(who)s take %(value)s of the time that they may take."),
        advice=_("Look at steal and CPU of its host first. A lighter mode needs less time a frame."),
    ),
    Rule(
        "drift", _("Sound against lips"), "ms", 60, 125, 45, for_s=20, clear_for_s=20, quiet_s=60,
        sentence=_("A visitor of %(who)s hears the sound %(value)s away from the lips."),
        advice=_("See the visitor’s network figures on the session’s page; a smaller picture travels better."),
    ),
    Rule(
        "slow_step", _("Slow step"), "×", 2, 5, 2, for_s=0, clear_for_s=0, quiet_s=60,
        sentence=_("%(detail)s of %(who)s takes %(value)s as long as usual."),
        advice=_("The waterfall on the session’s page shows what it waits for, and what the host did meanwhile."),
        digits=1,
    ),
    Rule(
        "no_frame", _("No picture"), "s", None, 3, 1.5, for_s=0, clear_for_s=0,
        sentence=_("%(who)s has sent no picture for %(value)s."),
        advice=_("Its process may be starved or stuck. If it does not come back, stop the session and start it again."),
    ),
    Rule(
        "provider_errors", _("Provider errors"), "", 1, 3, 1, for_s=0, clear_for_s=0, quiet_s=60,
        sentence=_("%(who)s had %(value)s failures of a provider within a minute: %(detail)s"),
        advice=_("The session goes on as its mode says. Look at the provider’s own status page, or switch the provider."),
    ),
    Rule(
        "disk", _("Disk"), "%", 10, 5, 12, for_s=0, clear_for_s=0, low_is_bad=True,
        sentence=_("The disk of %(who)s has %(value)s left."),
        advice=_("Make room where the state folder lies: without it nothing is recorded, and starts fail."),
    ),
    Rule(
        "silent_host", _("Silent host"), "s", None, 10, 3, for_s=0, clear_for_s=0,
        sentence=_("%(who)s has not reported for %(value)s."),
        advice=_("Its sessions may still talk. Look whether the machine is up, and at log/sampler.log on it."),
    ),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.key: rule for rule in _RULES}
