"""What was measured around switches, as tags: the sessions app itself never imports monitoring."""

from typing import Any, Final

from django import template

from monitoring.switching.predictions import Prediction, predict
from monitoring.switching.switches import SwitchLine, present_spell, switch_lines
from sessions.models import AvatarSession, ModeSwitch, ModeVersion

register = template.Library()

SHOWN: Final = 6  # of a session's switches on its page; its report has them all
MEASURED_FROM_S: Final = 5  # a few seconds say little


@register.simple_tag
def prediction(session: AvatarSession, version: ModeVersion, provider: str) -> Prediction:
    """What the session will come to in that mode, drawn by that provider."""
    return predict(version.mode, session.host, present_spell(session), providers=(session.provider, provider))


@register.simple_tag
def switches_of(session: AvatarSession) -> list[SwitchLine]:
    """The session's last switches, the newest first."""
    return switch_lines(session, newest=SHOWN)[::-1]


@register.simple_tag
def outcome_of(session: AvatarSession, switch: ModeSwitch) -> dict[str, Any]:
    """The switch's figures, and what had been predicted beside them."""
    (line,) = switch_lines(session, code=switch.code)
    return {
        "line": line,
        "prediction": predict(
            switch.to_version.mode,
            session.host,
            line.before,
            providers=(switch.from_provider or session.provider, switch.to_provider or session.provider),
            after=line.after if line.after.seconds >= MEASURED_FROM_S else None,
            gap_ms=line.gap_ms,
            until=switch.requested_at,
        ),
    }
