"""Counters go on with what sessions and samples counted for that are deleted."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.signals import pre_delete

from monitoring.models import Hitch, RemovedTotal, Turn, VisitSample
from sessions.models import AvatarSession, State
from sessions.models.avatar_session import LIVE_STATES

Totals = Counter[tuple[str, tuple[str, ...]]]
FREEZES: Final = ("visitor_freezes", "visitor_freeze_ms")  # counters of a live session; their label is its key


def totals_of(**session: Any) -> Totals:
    """What sessions count for, by counter and labels. `session` are conditions on them, as a filter takes them."""
    found: Totals = Counter()
    sessions = AvatarSession.objects.filter(**session)
    of_them = {"session__in": sessions} if session else {}
    found["sessions_started", ()] = sessions.count()
    ended = sessions.filter(state=State.ENDED).order_by().values_list("end_reason")
    for reason, n in ended.annotate(n=Count("pk")):
        found["sessions_ended", (reason or "unknown",)] = n
    for kind, cause, n in (
        Hitch.objects.filter(**of_them).order_by().values_list("kind", "cause").annotate(n=Count("pk"))
    ):
        found["hitches", (kind, cause)] = n
    found["turns", ()] = Turn.objects.filter(**of_them).count()
    return found


def all_totals() -> Totals:
    """Of all sessions that there ever were."""
    found = totals_of()
    for each in RemovedTotal.objects.exclude(counter__in=FREEZES):
        found[each.counter, tuple(each.labels)] += each.count
    return found


def freezes_of(sessions: Iterable[int]) -> dict[int, list[float | None]]:
    """How often and for how long, milliseconds, pictures stood still at the visitors of live sessions since they began."""
    told = VisitSample.objects.filter(session__in=sessions).order_by().values_list("session")
    found: dict[int, list[float | None]] = {
        session: [count, ms] for session, count, ms in told.annotate(Sum("freezes"), Sum("freeze_ms"))
    }
    for place, counter in enumerate(FREEZES):
        for each in RemovedTotal.objects.filter(counter=counter, labels__in=[[str(session)] for session in sessions]):
            own = found.setdefault(int(each.labels[0]), [None, None])
            own[place] = (own[place] or 0) + each.count
    return found


def on_samples_deleted(samples: QuerySet[VisitSample]) -> None:
    """Called before they are."""
    live = samples.filter(session__state__in=LIVE_STATES).order_by().values_list("session")
    for session, *sums in live.annotate(Sum("freezes"), Sum("freeze_ms")):
        for counter, total in zip(FREEZES, sums, strict=True):
            if total:
                _add(counter, [str(session)], round(total))


def on_session_deleted(sender: object, *, instance: AvatarSession, **_: object) -> None:
    for (counter, labels), count in totals_of(pk=instance.pk).items():
        _add(counter, list(labels), count)
    RemovedTotal.objects.filter(counter__in=FREEZES, labels=[str(instance.pk)]).delete()


def _add(counter: str, labels: list[str], count: int) -> None:
    RemovedTotal.objects.get_or_create(counter=counter, labels=labels, defaults={"count": 0})
    RemovedTotal.objects.filter(counter=counter, labels=labels).update(count=F("count") + count)


def listen() -> None:
    """Called once, when the app is ready."""
    pre_delete.connect(on_session_deleted, sender=AvatarSession, dispatch_uid="monitoring.actions.removed")
