"""Visitor links: made, revoked, and opened by visitors."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from protocol.control import VISITOR_PREFIX
from sessions import livekit
from sessions.actions.lifecycle import announce, enqueue, note
from sessions.errors import (
    LinkExpired,
    LinkNotFound,
    LinkRevoked,
    LinkSessionEnded,
    LinkUsedUp,
    SessionBusy,
    SessionIsOver,
)
from sessions.models import AvatarSession, SessionEvent, State, Visit, VisitorLink


@dataclass(frozen=True)
class JoinTicket:
    """What a visitor's browser needs to enter the room."""

    livekit_url: str
    token: str
    identity: str
    visit: str


@transaction.atomic
def create_link(
    session: AvatarSession, *, by: str, expires_in_s: int | None = None, max_uses: int | None = None, label: str = ""
) -> VisitorLink:
    """A new link into the session. Raises `SessionIsOver`."""
    if session.state in (State.STOPPING, State.ENDED):
        raise SessionIsOver
    link = VisitorLink.objects.create(
        session=session,
        label=label,
        created_by=by,
        expires_at=timezone.now() + timedelta(seconds=expires_in_s or settings.DEFAULT_LINK_LIFETIME_S),
        max_uses=max_uses,
    )
    note(session, SessionEvent.Kind.LINK, _("Link made"), by=by)
    announce(session)
    return link


@transaction.atomic
def revoke_link(link: VisitorLink, *, by: str) -> bool:
    """Close the link and send its visitors out for good. False where it was revoked already."""
    from sessions.tasks import remove_visitors

    now = timezone.now()
    if not VisitorLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
        return False
    link.visits.filter(removed_at=None).update(removed_at=now)
    note(link.session, SessionEvent.Kind.LINK, _("Link revoked"), by=by)
    announce(link.session)
    transaction.on_commit(partial(enqueue, remove_visitors, link.pk))
    return True


def link_language(token: str) -> str | None:
    """Language of the session behind a link, open or not; None for an unknown link."""
    return VisitorLink.objects.filter(token=token).values_list("session__language", flat=True).first()


def check_link(token: str) -> VisitorLink:
    """The link of `token`, known to be open for a visit that was begun or a new one. Raises a `LinkError`."""
    link = VisitorLink.objects.select_related("session__profile_version__profile").filter(token=token).first()
    if link is None:
        raise LinkNotFound
    if link.revoked_at is not None:
        raise LinkRevoked
    if link.session.state in (State.STOPPING, State.ENDED):
        raise LinkSessionEnded
    if link.expires_at <= timezone.now():
        raise LinkExpired
    return link


@transaction.atomic
def join(token: str, *, name: str = "", visit_code: str | None = None) -> JoinTicket:
    """Let a visitor in. The visit that `visit_code` names is resumed and counts no further use.

    Raises a `LinkError`: unknown, expired, revoked, used up, session over, or too many visitors at once.
    """
    link = check_link(token)
    visit = _earlier_visit(link, visit_code)
    if visit is None:
        about_to_join = Q(joined_at=None, created_at__gt=timezone.now() - livekit.VISITOR_TOKEN_TTL)
        here = link.session.visits.filter(~Q(joined_at=None) | about_to_join, left_at=None).count()
        if here >= settings.MAX_VISITORS_PER_SESSION:
            raise SessionBusy
        visit = _new_visit(link, name)
    return JoinTicket(
        livekit_url=settings.LIVEKIT_PUBLIC_URL,
        token=livekit.visitor_token(link.session.room, visit.identity, visit.name),
        identity=visit.identity,
        visit=str(visit.code),
    )


def _earlier_visit(link: VisitorLink, visit_code: str | None) -> Visit | None:
    try:
        code = uuid.UUID(visit_code or "")
    except ValueError:
        return None
    return link.visits.filter(code=code, removed_at=None).first()


def _new_visit(link: VisitorLink, name: str) -> Visit:
    open_links = VisitorLink.objects.filter(pk=link.pk)
    if link.max_uses is not None:
        open_links = open_links.filter(uses__lt=F("max_uses"))
    if not open_links.update(uses=F("uses") + 1):
        raise LinkUsedUp
    visit = Visit.objects.create(
        link=link, session=link.session, identity=f"{VISITOR_PREFIX}{uuid.uuid4()}", name=name.strip()[:80]
    )
    announce(link.session)
    return visit
