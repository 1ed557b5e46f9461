"""What became of a session's face while its provider was away: causes by code, the still picture, the return."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import BaseModel

from protocol.providers import STILL, LossCode
from sessions.actions.faces import NAMES
from sessions.models import AvatarSession

LABELS: Final[dict[str, Promise]] = {
    LossCode.NOT_SET_UP: gettext_lazy("not set up on the host"),
    LossCode.UNREACHABLE: gettext_lazy("not reached"),
    LossCode.NO_ANSWER: gettext_lazy("no answer in time"),
    LossCode.UNAUTHORIZED: gettext_lazy("key refused (401)"),
    LossCode.PAYMENT_REQUIRED: gettext_lazy("no credit (402)"),
    LossCode.FORBIDDEN: gettext_lazy("not allowed (403)"),
    LossCode.RATE_LIMITED: gettext_lazy("too many requests (429)"),
    LossCode.REFUSED: gettext_lazy("start refused"),
    LossCode.PROVIDER_ERROR: gettext_lazy("provider’s own error (5xx)"),
    LossCode.NOT_JOINED: gettext_lazy("did not come into the room"),
    LossCode.LEFT: gettext_lazy("left the room"),
    LossCode.STOPPED: gettext_lazy("picture or sound stopped"),
}


class _OfProvider(BaseModel):
    provider: str

    @property
    def who(self) -> str:
        return name_of(self.provider)


class Cause(_OfProvider):
    """A link in the chain: a provider that went, or did not come; `code` as `protocol.providers.LossCode`."""

    at: datetime
    code: str
    sentence: str
    tries: int

    @property
    def label(self) -> str:
        return str(LABELS.get(self.code, self.code))


class StandIn(_OfProvider):
    """What was shown instead, for so long; `took_ms` from the loss to its first picture."""

    at: datetime
    took_ms: float
    stood_s: float


class AbsenceLine(_OfProvider):
    """A time without the session's own provider. Stored in reports: what is new has a default."""

    began_at: datetime
    away_s: float
    came_back: bool
    causes: list[Cause]
    stand_ins: list[StandIn]

    @property
    def still_s(self) -> float:
        """How long the still picture stood."""
        return sum(each.stood_s for each in self.stand_ins if each.provider == STILL)


def name_of(provider: str) -> str:
    """At the beginning of a sentence."""
    name = str(NAMES.get(provider, provider))
    return name[:1].upper() + name[1:]


def absence_lines(session: AvatarSession, end: datetime) -> list[AbsenceLine]:
    """The absences of a session, which ended, or is looked at, at `end`."""
    return [
        _line(absence, absence.back_at or _end_of(session, absence.attempt, end)) for absence in session.absences.all()
    ]


def _line(absence: Any, end: datetime) -> AbsenceLine:
    stand_ins = [{**each, "at": datetime.fromisoformat(each["at"])} for each in absence.stand_ins_json]
    ends = [*(each["at"] for each in stand_ins[1:]), end]
    stood = zip(stand_ins, ends, strict=True) if stand_ins else ()
    return AbsenceLine(
        provider=absence.provider,
        began_at=absence.began_at,
        away_s=_seconds(absence.began_at, end),
        came_back=absence.back_at is not None,
        causes=[Cause.model_validate(each) for each in absence.causes_json],
        stand_ins=[StandIn(**each, stood_s=_seconds(each["at"], until)) for each, until in stood],
    )


def _end_of(session: Any, attempt: int, end: datetime) -> datetime:
    """An attempt that was lost ended before the next one's first step."""
    following = session.steps.filter(attempt__gt=attempt).order_by("started_at").first()
    return min(end, following.started_at) if following is not None else end


def _seconds(start: datetime, end: datetime) -> float:
    return round(max(0.0, (end - start).total_seconds()), 3)


def counted(absences: Iterable[AbsenceLine]) -> dict[str, int]:
    """How often each code was the reason, the most frequent first."""
    return dict(Counter(cause.code for line in absences for cause in line.causes).most_common())


def counted_in_words(absences: Iterable[AbsenceLine]) -> str:
    return ", ".join(f"{LABELS.get(code, code)}: {count}" for code, count in counted(absences).items())


def text_of(line: AbsenceLine) -> Iterator[str]:
    """An absence as lines of plain text: the causes in order, then what stood in and the end."""
    for cause in line.causes:
        yield f"{cause.at:%H:%M:%S} {cause.who} [{cause.code}]: {cause.sentence}"
    shown = [f"{each.who} after {each.took_ms:.0f} ms, for {each.stood_s:.1f} s" for each in line.stand_ins]
    back = _("is back") if line.came_back else _("did not come back")
    yield "; ".join([*shown, f"{line.who} {back} ({line.away_s:.1f} s)"])
