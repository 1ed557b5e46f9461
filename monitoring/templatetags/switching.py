"""What was measured around switches, as tags: the sessions app itself never imports monitoring."""

from typing import Any

from django import template

from monitoring.predictions import Prediction, predict
from monitoring.switches import SwitchLine, present_spell, switch_lines
from sessions.models import AvatarSession, DeploymentMode, ModeSwitch

register = template.Library()


@register.simple_tag
def prediction(session: AvatarSession, mode: DeploymentMode) -> Prediction:
    """What the session will come to in `mode`."""
    return predict(mode, session.host, present_spell(session))


@register.simple_tag
def switches_of(session: AvatarSession) -> list[SwitchLine]:
    """The session's switches, the newest first."""
    return switch_lines(session)[::-1]


@register.simple_tag
def outcome_of(session: AvatarSession, switch: ModeSwitch) -> dict[str, Any]:
    """The switch's figures, and what had been predicted beside them."""
    line = next(line for line in switch_lines(session) if line.code == str(switch.code))
    return {
        "line": line,
        "prediction": predict(
            switch.to_version.mode,
            session.host,
            line.before,
            after=line.after,
            gap_ms=line.gap_ms,
            until=switch.requested_at,
        ),
    }
