"""Conversations at vendors: noted when a job opens one, and ended from outside where its session is over and it is not.

A vendor bills a conversation until it ends. The job ends its own; whatever happened to the job, none is left open.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from protocol.providers import BITHUMAN, HOSTED, TAVUS, Place
from protocol.vendors import MOST_LEFTOVERS, Conversation, Ended
from sessions.actions.lifecycle import announce, enqueue, note
from sessions.models import AvatarSession, EndReason, ModeSwitch, ProviderConversation, SessionEvent, State
from sessions.models.profiles import Provider

SETTLES_FOR: Final = timedelta(seconds=5)  # what the job and the closed room end by themselves
TRY_AGAIN_AFTER: Final = timedelta(seconds=30)
MOST_TRIES: Final = 40  # and each takes longer: a day in all, while a vendor or a host is away
LONGEST_PAUSE: Final = timedelta(minutes=40)
FOUND_BY_ROOM: Final = (BITHUMAN, TAVUS)  # without the vendor's id


def record_opened(session_id: int, provider: str, conversation: str, at: datetime, *, attempt: int) -> None:
    """The job of an attempt opened a conversation; where the vendor names none, the last one stands for all of the room."""
    fresh = {"opened_at": at, "attempt": attempt, "ended_at": None, "tries": 0, "tried_at": None, "detail": ""}
    ProviderConversation.objects.update_or_create(
        session_id=session_id, provider=provider, conversation=conversation, defaults=fresh
    )


def record_ended(session_id: int, provider: str, conversation: str, at: datetime) -> None:
    """The session's job ended it."""
    ProviderConversation.objects.filter(
        session_id=session_id, provider=provider, conversation=conversation, ended_at=None
    ).update(ended_at=at, detail="")


def note_unreported() -> None:
    """A job that was killed may have opened one that it could not tell of, or that a later job's end seemed to settle where one
    row stands for all of a room: it is found by its room, and looked for until that was tried once."""
    is_over = Q(state=State.ENDED, ended_at__gt=timezone.now() - timedelta(days=1))
    was_killed = Q(attempt__gt=1) | Q(end_reason=EndReason.AGENT_LOST)
    for provider in FOUND_BY_ROOM:
        is_its_profile = Q(profile_version__provider=provider) | Q(profile_version__fallback=provider)
        switched = ModeSwitch.objects.filter(session=OuterRef("pk"), to_provider=provider)
        told = ProviderConversation.objects.filter(session=OuterRef("pk"), provider=provider)
        looked_for = told.filter(conversation="", tried_at__isnull=False)
        untold = ~Exists(told) | was_killed & ~Exists(looked_for)
        over = AvatarSession.objects.filter(is_over, is_its_profile | Exists(switched), untold)
        for session in over.select_related("profile_version"):
            if session.profile_version.settings_for(provider).get("place") == Place.LOCAL:
                continue  # drawn here: there is no conversation
            record_opened(session.pk, provider, "", session.requested_at, attempt=session.attempt)


def left_open() -> QuerySet[ProviderConversation]:
    """Conversations that nobody has told to be ended though their session is over, or their job was lost and another one has
    its own. (A room alone does not tell an old one from the new job's: that waits for the end.)"""
    now = timezone.now()
    over = Q(session__state=State.ENDED, session__ended_at__lt=now - SETTLES_FOR)
    over |= Q(attempt__lt=F("session__attempt")) & ~Q(conversation="")
    waited = Q(tried_at=None) | Q(tried_at__lt=now - TRY_AGAIN_AFTER)
    return ProviderConversation.objects.filter(
        over, waited, ended_at=None, tries__lt=MOST_TRIES, provider__in=HOSTED
    ).select_related("session")


def end_leftovers() -> None:
    """Hand what is left open to the hosts that have the keys."""
    from sessions.vendor_tasks import end_conversations

    note_unreported()
    now = timezone.now()
    by_host: dict[str, list[int]] = {}
    for left in left_open():
        if left.tried_at is None or now - left.tried_at > min(TRY_AGAIN_AFTER * 2**left.tries, LONGEST_PAUSE):
            by_host.setdefault(left.session.host, []).append(left.pk)
    for host, all_keys in by_host.items():
        keys = all_keys[:MOST_LEFTOVERS]
        ProviderConversation.objects.filter(pk__in=keys).update(tried_at=now, tries=F("tries") + 1)
        enqueue(end_conversations, keys, queue=f"host.{host}")


def as_order(left: Sequence[ProviderConversation]) -> list[Conversation]:
    return [Conversation(provider=each.provider, id=each.conversation, room=each.session.room) for each in left]


@transaction.atomic
def record_settled(left: Sequence[ProviderConversation], ended: Sequence[Ended]) -> None:
    """What the vendors said, in the same order. One that had to be ended stands in its session's history."""
    now = timezone.now()
    for conversation, outcome in zip(left, ended, strict=True):
        fields: dict[str, object] = {"detail": outcome.detail}
        if outcome.is_over:
            fields |= {"ended_at": now, "was_left_over": outcome.was_open}
        changed = ProviderConversation.objects.filter(pk=conversation.pk, ended_at=None).update(**fields)
        if changed and outcome.was_open:
            who = dict(Provider.choices).get(conversation.provider, conversation.provider)
            note(
                conversation.session,
                SessionEvent.Kind.WARNING,
                _("A conversation was still open at %(who)s, and billed there: ended.") % {"who": who},
                at=now,
            )
            announce(conversation.session)
