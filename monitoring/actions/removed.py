"""Counters go on with what sessions counted for that are deleted."""

from collections import Counter
from typing import Any

from django.db.models import Count, F
from django.db.models.signals import pre_delete

from monitoring.models import Hitch, RemovedTotal, Turn
from sessions.models import AvatarSession, State

Totals = Counter[tuple[str, tuple[str, ...]]]


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
    for each in RemovedTotal.objects.all():
        found[each.counter, tuple(each.labels)] += each.count
    return found


def on_session_deleted(sender: object, *, instance: AvatarSession, **_: object) -> None:
    for (counter, labels), count in totals_of(pk=instance.pk).items():
        RemovedTotal.objects.get_or_create(counter=counter, labels=list(labels), defaults={"count": 0})
        RemovedTotal.objects.filter(counter=counter, labels=list(labels)).update(count=F("count") + count)


def listen() -> None:
    """Called once, when the app is ready."""
    pre_delete.connect(on_session_deleted, sender=AvatarSession, dispatch_uid="monitoring.actions.removed")
