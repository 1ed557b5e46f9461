"""How hosted avatars did in a session: how long they took to come and to speak, how often and how long they were away."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import BaseModel

from monitoring.reports.absences import AbsenceLine, name_of
from monitoring.reports.lines import Figures
from operators.templatetags.formatting import ms_text
from sessions.models import AvatarSession


class HostedLine(BaseModel):
    """One provider's figures. Stored in reports: what is new has a default."""

    provider: str
    answered_ms: Figures | None = None  # from the order to the vendor's answer
    joined_ms: Figures | None = None  # from the order until it was in the room with its picture
    voice_delay_ms: Figures | None = None  # from a speech's first sound sent until it was said; at most so much
    absences: int = 0
    away_s: float = 0.0

    @property
    def who(self) -> str:
        return name_of(self.provider)

    @property
    def words(self) -> str:
        """All of it, in one line."""
        parts = []
        if self.joined_ms is not None:
            came = ngettext(
                "in the room %(joined)s after the order",
                "in the room %(joined)s after the order (%(n)d times)",
                self.joined_ms.count,
            )
            parts.append(came % {"joined": ms_text(self.joined_ms.median), "n": self.joined_ms.count})
        if self.answered_ms is not None:
            parts.append(_("its answer took %(answered)s") % {"answered": ms_text(self.answered_ms.median)})
        if self.voice_delay_ms is not None:
            delay = {"median": ms_text(self.voice_delay_ms.median), "p95": ms_text(self.voice_delay_ms.p95)}
            said = ngettext(
                "speaks %(median)s after it is sent the sound (%(n)d speech)",
                "speaks %(median)s after it is sent the sound, p95 %(p95)s (%(n)d speeches)",
                self.voice_delay_ms.count,
            )
            parts.append(said % {**delay, "n": self.voice_delay_ms.count})
        away = ngettext("away once, %(s).1f s", "away %(n)d times, %(s).1f s", self.absences)
        parts.append(away % {"n": self.absences, "s": self.away_s} if self.absences else _("never away"))
        return " · ".join(parts)


def hosted_lines(session: AvatarSession, away: list[AbsenceLine]) -> list[HostedLine]:
    """A line for each hosted avatar that a session had or was to have; `away`: its `absence_lines`."""
    rows: Any = session  # monitoring's rows hang on the session by reverse relation
    readings = list(rows.provider_readings.all())
    providers = dict.fromkeys([*(each.provider for each in readings), *(each.provider for each in away)])
    return [_line(provider, readings, away) for provider in providers]


def _line(provider: str, readings: list[Any], away: list[AbsenceLine]) -> HostedLine:
    own = [each for each in readings if each.provider == provider]
    lost = [each for each in away if each.provider == provider]
    return HostedLine(
        provider=provider,
        answered_ms=Figures.of(each.answered_ms for each in own),
        joined_ms=Figures.of(each.joined_ms for each in own),
        voice_delay_ms=Figures.of(each.voice_delay_ms for each in own),
        absences=len(lost),
        away_s=round(sum(each.away_s for each in lost), 1),
    )
