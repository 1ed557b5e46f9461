"""Visitor links: who gets in, who does not, and why."""

import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import jwt
import pytest
from django.test import Client
from django.utils import timezone
from livekit import api
from pytest_django import DjangoCaptureOnCommitCallbacks

from sessions import livekit, tasks
from sessions.actions.lifecycle import end_session
from sessions.actions.links import create_link, join, revoke_link
from sessions.actions.progress import record_greeted, record_visit_progress, record_visitor_joined, record_visitor_left
from sessions.errors import LinkExpired, LinkNotFound, LinkRevoked, LinkSessionEnded, LinkUsedUp, SessionBusy
from sessions.models import AvatarSession, EndReason, Visit, VisitorLink


@pytest.fixture
def link(session: AvatarSession) -> VisitorLink:
    return create_link(session, by="Amina")


def test_a_link_lets_a_visitor_into_its_room_with_the_least_grants(link: VisitorLink, settings: Any) -> None:
    ticket = join(link.token, name=" Dana ")
    claims = jwt.decode(ticket.token, settings.LIVEKIT_API_SECRET, algorithms=["HS256"])
    assert claims["video"]["room"] == link.session.room
    assert claims["video"]["canPublishSources"] == ["microphone"]
    assert not claims["video"].get("roomAdmin")
    assert not claims["video"].get("roomCreate")
    assert claims["exp"] - claims["nbf"] <= 120
    assert Visit.objects.get(identity=ticket.identity).name == "Dana"


def test_an_unknown_link_lets_nobody_in(db: None) -> None:
    with pytest.raises(LinkNotFound):
        join("no-such-token")


def test_an_expired_link_lets_nobody_in(link: VisitorLink) -> None:
    VisitorLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(LinkExpired):
        join(link.token)


def test_a_revoked_link_lets_nobody_in_not_even_who_was_in(link: VisitorLink) -> None:
    ticket = join(link.token)
    assert revoke_link(link, by="Amina") is True
    assert revoke_link(link, by="Amina") is False
    with pytest.raises(LinkRevoked):
        join(link.token, visit_code=ticket.visit)


@pytest.mark.parametrize("left_before", [False, True])
def test_revoking_a_link_sends_its_visitors_out(link: VisitorLink, left_before: bool) -> None:
    ticket = join(link.token)
    if left_before:  # and may be on the way back
        Visit.objects.update(left_at=timezone.now())
    revoke_link(link, by="Amina")
    with patch.object(livekit, "remove_participant") as remove:
        tasks.remove_visitors(link.pk)
    remove.assert_called_once_with(link.session.room, ticket.identity)


def test_a_link_for_one_use_is_used_up_after_it(session: AvatarSession) -> None:
    link = create_link(session, by="Amina", max_uses=1)
    ticket = join(link.token)
    with pytest.raises(LinkUsedUp):
        join(link.token)
    assert join(link.token, visit_code=ticket.visit).identity == ticket.identity, "coming back is no further use"


def test_a_link_of_an_ended_session_says_so(link: VisitorLink) -> None:
    end_session(link.session, EndReason.IDLE)
    with pytest.raises(LinkSessionEnded):
        join(link.token)


def test_a_full_session_asks_to_come_back(link: VisitorLink, settings: Any) -> None:
    settings.MAX_VISITORS_PER_SESSION = 1
    ticket = join(link.token)
    record_visitor_joined(str(link.session.code), ticket.identity, timezone.now())
    with pytest.raises(SessionBusy):
        join(link.token)


@pytest.mark.parametrize("visit_code", ["not-a-uuid", "00000000-0000-4000-8000-000000000000", ""])
def test_a_made_up_visit_is_a_new_visitor(link: VisitorLink, visit_code: str) -> None:
    first = join(link.token)
    assert join(link.token, visit_code=visit_code).identity != first.identity


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 200, None),
        ({"revoked_at": timezone.now()}, 410, "revoked"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, 410, "expired"),
        ({"max_uses": 1, "uses": 1}, 410, "used_up"),
    ],
)
def test_the_join_call_answers_with_a_sentence(
    client: Client, link: VisitorLink, change: dict[str, Any], status: int, code: str | None
) -> None:
    VisitorLink.objects.filter(pk=link.pk).update(**change)
    answer = client.post(f"/api/v1/join/{link.token}", json.dumps({}), content_type="application/json")
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
        assert answer.json()["detail"].endswith(".")
    else:
        assert set(answer.json()) == {"livekit_url", "token", "identity", "visit"}


def test_the_join_call_answers_404_for_an_unknown_link(client: Client, db: None) -> None:
    assert client.post("/api/v1/join/nobody", content_type="application/json").status_code == 404


def test_a_visit_is_followed_from_the_door_to_the_first_sound(link: VisitorLink) -> None:
    ticket, code, now = join(link.token), str(link.session.code), timezone.now()
    record_visitor_joined(code, ticket.identity, now)
    record_visit_progress(code, ticket.identity, now, token_ms=80, connected_ms=310, first_frame_ms=620)
    record_greeted(code, ticket.identity, now)
    link.session.refresh_from_db()
    assert link.session.first_audio_at is None
    record_visit_progress(code, ticket.identity, now, first_sound_ms=910)
    record_visit_progress(code, ticket.identity, now, first_sound_ms=99_000)
    link.session.refresh_from_db()
    visit = Visit.objects.get()
    assert (visit.first_frame_ms, visit.first_sound_ms) == (620, 910)
    assert link.session.first_audio_at == now
    assert link.session.empty_since is None
    record_visitor_left(code, ticket.identity, now)
    link.session.refresh_from_db()
    assert link.session.empty_since == now
    assert link.session.as_job_spec().greeted == [ticket.identity]


def _webhook(body: str, secret: str) -> dict[str, str]:
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    return {"Authorization": api.AccessToken("testkey", secret).with_sha256(digest).to_jwt()}


def _joined(visit: Visit) -> str:
    event = {
        "event": "participant_joined",
        "room": {"name": visit.session.room},
        "participant": {"identity": visit.identity},
        "createdAt": str(int(timezone.now().timestamp())),
    }
    return json.dumps(event)


def test_a_signed_webhook_is_believed(client: Client, link: VisitorLink, settings: Any) -> None:
    visit = Visit.objects.get(identity=join(link.token).identity)
    body = _joined(visit)
    headers = _webhook(body, settings.LIVEKIT_API_SECRET)
    answer = client.post("/livekit/webhook", body, content_type="application/webhook+json", headers=headers)
    assert answer.status_code == 204
    visit.refresh_from_db()
    assert visit.is_here


@pytest.mark.parametrize("forgery", ["none", "wrong key", "other body"])
def test_a_forged_webhook_changes_nothing(client: Client, link: VisitorLink, settings: Any, forgery: str) -> None:
    visit = Visit.objects.get(identity=join(link.token).identity)
    body = _joined(visit)
    headers = {
        "none": {},
        "wrong key": _webhook(body, "x" * 40),
        "other body": _webhook(body + " ", settings.LIVEKIT_API_SECRET),
    }[forgery]
    answer = client.post("/livekit/webhook", body, content_type="application/webhook+json", headers=headers)
    assert answer.status_code == 401
    visit.refresh_from_db()
    assert not visit.is_here


def test_who_comes_back_with_an_old_token_after_revocation_is_sent_out_again(
    client: Client,
    link: VisitorLink,
    settings: Any,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    visit = Visit.objects.get(identity=join(link.token).identity)
    revoke_link(link, by="Amina")
    body = _joined(visit)
    headers = _webhook(body, settings.LIVEKIT_API_SECRET)
    with patch("sessions.actions.progress.enqueue") as enqueue, django_capture_on_commit_callbacks(execute=True):
        client.post("/livekit/webhook", body, content_type="application/webhook+json", headers=headers)
    enqueue.assert_called_once_with(tasks.remove_visitors, link.pk)
