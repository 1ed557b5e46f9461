"""The visitor's page behind a link, and the sentence behind any other."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from sessions.actions.links import create_link, revoke_link
from sessions.models import AvatarSession, State, VisitorLink
from tests.pages.conftest import put


def test_a_good_link_shows_the_avatar_without_signing_in_and_counts_no_use(
    client: Client, start: Callable[..., AvatarSession]
) -> None:
    link = create_link(put(start(), State.READY), by="Amina", max_uses=1)
    for _ in range(2):
        response = client.get(f"/j/{link.token}")
        assert response.status_code == 200
        assert b"Maryam" in response.content
        assert b"img/presenters/maryam.jpg" in response.content
        assert b"poster" not in response.content, "the square portrait is no first frame of a wide picture"
    link.refresh_from_db()
    assert link.uses == 0


def test_captions_that_stand_in_the_picture_are_not_written_over_it(
    client: Client, start: Callable[..., AvatarSession]
) -> None:
    link = create_link(put(start(), State.READY), by="Amina")
    page = f"/j/{link.token}"
    assert b"data-captions-in-picture" not in client.get(page).content
    version = link.session.profile_version
    version.provider_settings = {**version.provider_settings, "captions_burnt_in": True}
    version.save()
    assert b"data-captions-in-picture" in client.get(page).content


def test_a_link_that_lets_nobody_in_says_why(client: Client, start: Callable[..., AvatarSession]) -> None:
    session = put(start(), State.READY)
    revoked, expired = create_link(session, by="Amina"), create_link(session, by="Amina")
    revoke_link(revoked, by="Amina")
    VisitorLink.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    over = create_link(put(start(), State.READY), by="Amina")
    put(over.session, State.ENDED)
    for token, status, words in (
        ("unknown", 404, b"not known"), (revoked.token, 410, b"withdrawn"),
        (expired.token, 410, b"expired"), (over.token, 410, b"over"),
    ):  # fmt: skip
        response = client.get(f"/j/{token}")
        assert response.status_code == status, token
        assert words in response.content, token
